"""Understanding and writing plain text: the words of a caption, style tags, pronunciation, song sheets. No signals."""
