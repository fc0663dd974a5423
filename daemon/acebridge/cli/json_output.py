"""What commands print with ``--json``: one value in one line, in the form of `acebridge.contract.json_form`."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from acebridge.contract.json_form import finite_values

if TYPE_CHECKING:
    from acebridge.cli.result import Report
    from acestep_runtime.values import Json


_NOT_ASCII = re.compile(r"[^ -~]")


def print_json(value: Json | Report) -> None:
    """Print a value. What a terminal would not show as it is, is escaped: names that others gave may hold orders to it.

    So are bytes of a file name that are no text, as Python reads them back.
    """
    import typer

    text = json.dumps(finite_values(value), ensure_ascii=False, allow_nan=False)
    typer.echo(_NOT_ASCII.sub(_escape, text))


def _escape(found: re.Match[str]) -> str:
    return found[0] if found[0].isprintable() else json.dumps(found[0])[1:-1]
