"""Engines turn a request into audio: ``draft`` (no weights), ``neural`` (ACE-Step 1.5), ``fake`` (tests)."""
