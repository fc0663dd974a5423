"""Signal processing without learned weights: what the draft engine listens with and plays with."""
