"""Printing lines that may name files whose names are no text."""

from __future__ import annotations

import os

import typer


def echo(text: str) -> None:
    """Print a line; a file name in it that is no text goes out byte for byte."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        typer.echo(os.fsencode(text))
    else:
        typer.echo(text)
