"""What a doctor finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing checked: whether it is well, what was found, and what to do if it is not."""

    about: str
    ok: bool
    says: str
    remedy: str = ""
