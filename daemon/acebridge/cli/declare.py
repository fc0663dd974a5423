"""How options and arguments of commands are declared: their help, and the panel of the help that they stand in."""

from __future__ import annotations

from collections.abc import Callable

import typer
from typer.models import ArgumentInfo, OptionInfo


def parse_time(text: str) -> float:
    """Return the seconds that an option says, with or without minutes and hours."""
    from acestep_runtime.errors import InvalidValue
    from acestep_runtime.units import text_to_seconds

    try:
        return text_to_seconds(text)
    except InvalidValue as error:
        message = f"{error.value} is no time; write {error.allowed}."
        raise typer.BadParameter(message) from None


def option(
    *names: str, text: str, panel: str, metavar: str | None = None, parser: Callable[[str], float] | None = None
) -> OptionInfo:
    """Return an option; one that is left out is ``None``."""
    declared: OptionInfo = typer.Option(
        *names, help=text, rich_help_panel=panel, show_default=False, metavar=metavar, parser=parser
    )
    return declared


def time_option(name: str, text: str, panel: str) -> OptionInfo:
    """Return an option that says a time."""
    return option(name, text=text, panel=panel, metavar="TIME", parser=parse_time)


def flag(name: str, text: str, panel: str) -> OptionInfo:
    """Return a flag; one that is left out is ``False``."""
    declared: OptionInfo = typer.Option(name, help=text, rich_help_panel=panel)
    return declared


def argument(text: str, metavar: str | None = None) -> ArgumentInfo:
    """Return an argument."""
    declared: ArgumentInfo = typer.Argument(help=text, show_default=False, metavar=metavar)
    return declared
