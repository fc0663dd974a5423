"""Signal processing without learned weights: the draft engine's analysis and synthesis."""
