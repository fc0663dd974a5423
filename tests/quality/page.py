"""docs/QUALITY.md as a sequence of tables, each below a comment with its name, so that one can be written alone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_MARK = re.compile(r"^<!-- table: (\w+) -->\n", re.M)
_INTRODUCTION = """# Quality

`make quality` measures all of this and writes this page; `make quality ROWS=judges,corpus` measures some tables and keeps the
others. Songs and measures share no voice, pattern or analysis with the engines. The file of figures beside each table's
module, in `tests/quality/figures`, has them song by song.

The engines' constants may be tuned on half of all songs; the others are held out: nothing was tuned on them. A hash of its name
says in which half a song of the corpus is.

"""


def read(text: str) -> dict[str, str]:
    """Return the tables of a page by name, each with its heading and prose."""
    parts = _MARK.split(text)[1:]
    return {name: body.strip() + "\n" for name, body in zip(parts[::2], parts[1::2], strict=True)}


def write(tables: Mapping[str, str], order: Sequence[str]) -> str:
    """Return a page of the tables, in the order of their names; those that the order does not have follow by name."""
    names = [name for name in order if name in tables] + sorted(set(tables) - set(order))
    return _INTRODUCTION + "\n".join(f"<!-- table: {name} -->\n{tables[name].strip()}\n" for name in names)
