"""Notes as values, and Standard MIDI Files: no audio is read here but in `transcribe.py` and its parts."""
