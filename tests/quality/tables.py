"""Tables of docs/QUALITY.md that come from modules ``rows_NAME.py``: finding, measuring and writing them."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib import import_module
from pathlib import Path

from . import figures
from .rows import Row, Setup

#: Those that come first on the page; the others follow by name.
_FIRST = ("judges", "corpus")
_MET = {True: "yes", False: "**no**", None: ""}


def names(folder: Path = Path(__file__).parent) -> list[str]:
    """Return the names of the tables that there are modules of, in the order of the page."""
    found = {path.stem.removeprefix("rows_") for path in folder.glob("rows_*.py")}
    return [name for name in _FIRST if name in found] + sorted(found - set(_FIRST))


def measure(name: str, setup: Setup) -> figures.Figures:
    """Return the figures of a table."""
    module = import_module(f"{__package__}.rows_{name}")
    began = time.perf_counter()
    setup = replace(setup, details={})
    rows: Sequence[Row] = module.rows(setup)
    return {
        "title": module.TITLE,
        "about": getattr(module, "ABOUT", ""),
        "rows": [asdict(row) for row in rows],
        "songs": setup.details,
        "missing": list(setup.missing),
        "took_s": round(time.perf_counter() - began),
        **figures.machine(),
    }


def section(table: figures.Figures) -> str:
    """Return a table as a part of the page, with its heading."""
    lines = [f"## {table['title']}", ""]
    if table["about"]:
        lines += [table["about"].strip(), ""]
    if table["missing"]:
        lines += [f"Not installed when this was measured: {', '.join(table['missing'])}.", ""]
    lines += ["| task | measure | goal | all songs | met | held-out songs | met |", "|---|---|---|---|---|---|---|"]
    for row in (Row(**row) for row in table["rows"]):
        cells = (row.task, row.measure, row.goal or "–", row.value, _MET[row.met], row.held_out, _MET[row.met_held_out])
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def measure_and_save(chosen: Sequence[str], setup: Setup) -> dict[str, str]:
    """Measure tables by name, print them and save their figures; return them as parts of the page, by name."""
    for package in setup.missing:
        print(f"not installed: {package}; what it adds is not measured (apt-get install {package})", file=sys.stderr)
    sections = {}
    for name in chosen:
        print(f"measuring {name} on {len(setup.names)} excerpts", file=sys.stderr)
        table = measure(name, setup)
        figures.save(name, table)
        sections[name] = section(table)
        print(sections[name])
    return sections
