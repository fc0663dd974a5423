"""What commands print with ``--json``: one value in one line, in the form of `acebridge.contract.json_form`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from acebridge.contract.json_form import finite_values

if TYPE_CHECKING:
    from acebridge.cli.result import Report
    from acestep_runtime.values import Json


def print_json(value: Json | Report) -> None:
    """Print a value; bytes of a file name in it that are no text are escaped, as Python reads them back."""
    import typer

    text = json.dumps(finite_values(value), ensure_ascii=False, allow_nan=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        text = json.dumps(finite_values(value), allow_nan=False)
    typer.echo(text)
