"""Making the network that hears drums: strokes whose truth is known, their sound, and the weights."""
