"""Checkpoints of ACE-Step 1.5 and their adapters: finding, downloading, verifying and loading them."""
