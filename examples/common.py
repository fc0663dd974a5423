"""Shared code of the examples: common options, a progress line, and error messages."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from acebridge.errors import AceBridgeError
from acestep_runtime.errors import AceStepError
from acestep_runtime.guide.mixing import SUFFIXES


def options(about: str) -> argparse.ArgumentParser:
    """Return a parser with the options that every example has."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", default="auto", help="auto, draft or neural")
    parser.add_argument("--daemon", metavar="HOST:PORT", help='a daemon; "auto" is your own (default: this process)')
    return parser


def audio_file(name: str) -> Path:
    """Return the path of a file to save audio in; one that cannot be saved is refused before anything is generated."""
    path = Path(name)
    if path.suffix.lower() not in SUFFIXES:
        raise argparse.ArgumentTypeError(f"{name!r} has to end in {', '.join(SUFFIXES)}")
    return path


def call_options(args: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments of `generate` from the common options."""
    return {"engine": args.engine, "daemon": args.daemon, "on_progress": _show}


def format_score(score: float | None) -> str:
    """Return a score as text; some engines score no takes."""
    return "none" if score is None else f"{score:.3f}"


def run(main: Callable[[], int | None]) -> NoReturn:
    """Run an example; errors are printed as one sentence."""
    try:
        sys.exit(main())
    except (AceStepError, AceBridgeError, OSError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


def _show(stage: str, fraction: float) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{fraction:4.0%} {stage}", end="\r" if fraction >= 1 else "", file=sys.stderr, flush=True)
