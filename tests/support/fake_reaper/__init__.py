"""A stateful fake of REAPER for tests of the scripts. What it plays is written down where it is played; what it does not
know is a fault and never a guess in silence."""

from tests.support.fake_reaper.api import ApiMisuse
from tests.support.fake_reaper.reaper import Reaper

__all__ = ["ApiMisuse", "Reaper"]
