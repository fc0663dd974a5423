"""What the examples share: options that say where the music is made, a line of progress, and how errors are told."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from acebridge.errors import AceBridgeError
from acestep_runtime.errors import AceStepError


def options(about: str) -> argparse.ArgumentParser:
    """Return a parser with the options that every example has."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", default="auto", help="auto, draft or neural")
    parser.add_argument("--daemon", metavar="HOST:PORT", help='a daemon; "auto" is your own (default: this process)')
    return parser


def how(given: argparse.Namespace) -> dict[str, Any]:
    """Return what every call of `generate` gets from the options."""
    return {"engine": given.engine, "daemon": given.daemon, "on_progress": _show}


def shown(score: float | None) -> str:
    """Return a score as it is printed: not every engine judges its takes."""
    return "none" if score is None else f"{score:.3f}"


def run(main: Callable[[], int | None]) -> NoReturn:
    """Run an example; what is wrong with its input is said in a sentence."""
    try:
        sys.exit(main())
    except (AceStepError, AceBridgeError, OSError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


def _show(stage: str, fraction: float) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{fraction:4.0%} {stage}", end="\r" if fraction >= 1 else "", file=sys.stderr, flush=True)
