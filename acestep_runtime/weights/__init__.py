"""Checkpoints of ACE-Step 1.5: finding, fetching, checking and loading them, and adapters on top of them."""
