"""The tests of the engines listen to the same band as those of the signal processing."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "dsp"))
