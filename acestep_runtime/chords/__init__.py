"""Chords from text: symbols, charts of bars and sections, and the files that musicians keep them in. No sound."""
