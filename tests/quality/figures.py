"""The figures behind docs/QUALITY.md, song by song, in a file of JSON for each table."""

from __future__ import annotations

import json
import math
import os
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "figures"
Figures = dict[str, Any]


def save(name: str, figures: Mapping[str, Any], folder: Path = FOLDER) -> None:
    """Write the figures of a table as ``NAME.json``; numbers have six digits, and null stands for none."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(_plain(figures), indent=1, sort_keys=True, ensure_ascii=False)
    Path(folder, f"{name}.json").write_text(text + "\n", "utf-8")


def machine() -> Figures:
    """Return what a page says of where it was measured."""
    return {
        "python": platform.python_version(),
        "numpy": version("numpy"),
        "scipy": version("scipy"),
        "processor": platform.machine(),
        "load": f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown",
        "cores": os.cpu_count(),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value if isinstance(value, (str, int, bool, type(None))) else repr(value)
