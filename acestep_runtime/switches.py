"""Environment variables that are on or off."""

from __future__ import annotations

import os

from acestep_runtime.errors import InvalidValue

_WORDS = {"0": False, "false": False, "no": False, "off": False, "1": True, "true": True, "yes": True, "on": True}


def read_switch(variable: str, default: bool) -> bool:
    """Return whether a variable says yes; ``default`` where it says nothing. Raises `InvalidValue` for any other word."""
    word = os.environ.get(variable, "")
    if not word.strip():
        return default
    if word.strip().lower() not in _WORDS:
        raise InvalidValue(variable, word, "true or false")
    return _WORDS[word.strip().lower()]
