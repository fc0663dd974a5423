"""The ``acebridge`` command. Exit codes: 0 ok, 2 bad input, 3 no daemon, 4 failed, 5 cancelled.

Everything heavy is imported inside the commands, so that ``acebridge --version`` and ``--help`` stay quick.
"""

from __future__ import annotations

import signal
import sys
import threading
from typing import Annotated

import typer

from daemon.cli import manage, reaper, tasks
from daemon.cli.outcome import CANCELLED, exit_code
from daemon.errors import DaemonFault

#: What typer and rich end with, and what we do: 130 is Ctrl-C; 1 is that nobody reads the output any more, as behind
#: ``| head -1``, which is no failure. Nothing else ends so.
_OUR_CODES: dict[object, int] = {130: CANCELLED, 1: 0}

app = typer.Typer(
    name="acebridge",
    help="AI music inside the DAW: repaint bars, extract stems, add layers. Start with `acebridge demo`.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"acebridge {version('acebridge')}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    pass


tasks.add_to(app)
manage.add_to(app)
app.add_typer(reaper.reaper, name="reaper", rich_help_panel="Daemon")


def _end_in_order() -> None:
    """Let a shell that closes, or a request to end, do what Ctrl-C does. What was to be ignored (``nohup``) still is."""
    if threading.current_thread() is not threading.main_thread():
        return
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)


def main() -> None:
    """Run the command line; every failure is one sentence on stderr and an exit code."""
    _end_in_order()
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(CANCELLED)
    except SystemExit as end:
        sys.exit(_OUR_CODES.get(end.code, end.code))
    except DaemonFault as fault:
        typer.echo(f"acebridge: {fault}", err=True)
        sys.exit(exit_code(fault))
    except OSError as error:
        told = f"{error.filename}: {error.strerror}." if error.filename and error.strerror else str(error)
        typer.echo(f"acebridge: {told}", err=True)
        sys.exit(exit_code(error))
    except Exception as error:
        from acestep_runtime.errors import RuntimeFault

        if not isinstance(error, RuntimeFault):
            raise
        typer.echo(f"acebridge: {error}", err=True)
        sys.exit(exit_code(error))
