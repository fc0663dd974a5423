"""Where things are in the repository."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
GOLDEN = TESTS / "golden"
GUIDE = TESTS / "integration" / "guide" / "guide.md"
REAPER_SCRIPTS = ROOT / "reaper_scripts"
