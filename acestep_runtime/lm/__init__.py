"""The 5 Hz language model: plans songs as metadata and codes, describes audio, writes and formats captions and lyrics."""
