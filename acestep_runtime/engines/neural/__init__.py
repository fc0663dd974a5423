"""The neural engine: ACE-Step 1.5 on torch. Needs weights."""
