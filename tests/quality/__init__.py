"""``make quality``: how good the draft engine is, measured on songs whose truth is known."""
