"""Fair share: of equal jobs the next one is that of the owner who has used the workers least of late.

An owner is the token that a job was submitted with. What it has used decays: a second of work counts half after `HALF_LIFE_S`.
An owner who begins to ask starts with no less than the least of those who are asking, so an idle time earns no credit.
Pure functions; times are in seconds.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

HALF_LIFE_S = 600.0
#: Each start counts as this much work at least. So two jobs that start at the same moment do not count as none.
LEAST_S = 1.0
_DECAY = math.log(2) / HALF_LIFE_S


def decay(used_s: float, age_s: float) -> float:
    """Return what use counts ``age_s`` later; a negative age is none."""
    return used_s * math.exp(-_DECAY * max(age_s, 0.0))


def work(worked_s: float) -> float:
    """Return what work counts at its end that went on for ``worked_s``: its first seconds have decayed meanwhile."""
    return max(LEAST_S, -math.expm1(-_DECAY * max(worked_s, 0.0)) / _DECAY)


def start(owner: str, used_s: Mapping[str, float], asking: Collection[str]) -> float:
    """Return what an owner has used who begins to ask, beside the owners who are ``asking``."""
    own_s = used_s.get(owner, 0.0)
    return max(own_s, min((used_s.get(each, 0.0) for each in asking if each != owner), default=own_s))
