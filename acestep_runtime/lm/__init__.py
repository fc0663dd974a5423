"""The 5 Hz language model: it plans songs, writes their codes, describes audio, and writes and tidies captions and lyrics."""
