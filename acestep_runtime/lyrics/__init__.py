"""Lyrics: parsing, timing and file formats. No sound."""
