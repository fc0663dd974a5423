"""The ``acebridge`` command. Exit codes: 0 ok, 2 bad input, 3 no daemon, 4 failed, 5 cancelled.

Everything heavy is imported inside the commands, so that ``acebridge --version`` and ``--help`` stay quick, and what scripts
start begins at once.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

from acebridge.cli.exit_codes import CANCELLED, exit_code, sentence_of
from acebridge.errors import AceBridgeError

#: What typer and rich end with, and what we do: 130 is Ctrl-C; 1 is that nobody reads the output any more, as behind
#: ``| head -1``, which is no failure. Nothing else ends so.
_OUR_CODES: dict[object, int] = {130: CANCELLED, 1: 0}


def _end_in_order() -> None:
    """Let a request to end do what Ctrl-C does, and a terminal that closes end the command alone: jobs go on.

    What was to be ignored (``nohup``) still is.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for name, handler in (("SIGTERM", signal.default_int_handler), ("SIGHUP", _leave)):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, handler)


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    """End the command in order: what it was writing is removed, its job is left to the daemon."""
    signal.signal(number, signal.SIG_IGN)
    with suppress(OSError), Path(os.devnull).open("wb") as nowhere:
        for descriptor in (1, 2):  # a progress bar that ends would fail to write to a terminal that is gone
            os.dup2(nowhere.fileno(), descriptor)
    raise SystemExit(CANCELLED)


def _run(arguments: Sequence[str]) -> None:
    """Run a command; end with an exit code, or raise what went wrong."""
    match arguments:
        case ["host" | "reaper", "run", folder] if not folder.startswith("-"):
            # As scripts start it, while a musician waits: without options there is no need for a parser of them.
            from acebridge.hosts.jobfolder.run import run_named

            run_named(folder)
            sys.exit(0)
    from acebridge.cli.app import app
    from acebridge.cli.hints import check_words, replace_alias
    from acebridge.cli.optional_values import with_values

    arguments = replace_alias(arguments)
    check_words(arguments)
    app(with_values(arguments), prog_name="acebridge")


def main() -> None:
    """Run the command line; every failure is one sentence on stderr and an exit code."""
    _end_in_order()
    try:
        _run(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(CANCELLED)
    except SystemExit as end:
        sys.exit(_OUR_CODES.get(end.code, end.code))
    except (AceBridgeError, OSError) as error:
        _exit_with(error)
    except Exception as error:
        from acestep_runtime.errors import AceStepError

        if not isinstance(error, AceStepError):
            raise
        _exit_with(error)


def run_program() -> NoReturn:
    """Run the command line as a program of its own.

    After Ctrl-C it ends without collecting objects: a lock that gRPC held at that moment stays locked, and its channel would
    wait for it without end when it is collected. What is to be done at the end, such as removing temporary folders, is done.
    """
    try:
        main()
    except SystemExit as end:
        if end.code != CANCELLED:
            raise
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(CANCELLED)
    sys.exit(0)


def _exit_with(error: Exception) -> None:
    print(f"acebridge: {sentence_of(error)}", file=sys.stderr)
    sys.exit(exit_code(error))
