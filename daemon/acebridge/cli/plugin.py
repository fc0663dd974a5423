"""``acebridge plugin``: the instances of the plug-in that run in DAWs, and what they are to do."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from acebridge.cli.json_output import print_json
from acebridge.cli.options import AsJson
from acebridge.paths import data_folder

if TYPE_CHECKING:
    from acebridge.hosts.plugin.instances import Instance

Words = Annotated[
    list[str],
    typer.Argument(
        metavar="[INSTANCE] TEXT",
        help="Beginning of an instance's name, if several run, and the text.",
        show_default=False,
    ),
]
Name = Annotated[str, typer.Argument(metavar="[INSTANCE]", help="Beginning of an instance's name, if several run.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait for the result.")]

plugin = typer.Typer(help="Steer the plug-in in a DAW: see docs/plugin.md.", no_args_is_help=True)


@plugin.command("list")
def list_instances(json: AsJson = False) -> None:
    """List the instances that run: name, host, task, state, and the beginning of the caption."""
    from acebridge.hosts.plugin.instances import running_instances
    from acestep_runtime.errors import printable

    instances = running_instances(data_folder())
    if json:
        print_json([{**instance.facts} for instance in instances])
        return
    for instance in instances:
        cells = (instance.id, *map(instance.text, ("host", "task", "state", "caption")))
        typer.echo(printable("  ".join(cell for cell in cells if cell), 300))
    if not instances and sys.stdout.isatty():
        typer.echo("No AceBridge plug-in runs.")


@plugin.command()
def caption(words: Words) -> None:
    """Set what the music should be like."""
    _set("caption", words)


@plugin.command()
def lyrics(words: Words) -> None:
    """Set the lyrics: words, or a file of them."""
    from acestep_runtime.lyrics.files import read_lyrics

    _set("lyrics", [*words[:-1], read_lyrics(words[-1], "TEXT").text])


@plugin.command()
def go(name: Name = "", wait: Wait = False) -> None:
    """Press Go: send the capture to the daemon; the takes play in place. Ends when the daemon has the job.

    With --wait it ends when the job has ended, and prints the files of the takes.
    """
    _press("go", name, wait=wait)


@plugin.command()
def vary(name: Name = "", wait: Wait = False) -> None:
    """Press Vary: make takes near the one that is chosen, as far from it as Variation says. Ends as `go` does."""
    _press("vary", name, wait=wait)


@plugin.command()
def cancel(name: Name = "") -> None:
    """Cancel the job of an instance."""
    from acebridge.hosts.plugin.instances import send_command

    send_command(_find(name), {"press": "cancel"})


def _press(button: str, name: str, *, wait: bool) -> None:
    from acebridge.hosts.plugin.instances import press_button

    result = press_button(_find(name), button, wait=wait, show=_show)
    if wait:
        for file in result.job_files():
            typer.echo(file)


def _set(key: str, words: list[str]) -> None:
    from acebridge.hosts.plugin.instances import send_command
    from acestep_runtime.errors import InvalidValue

    if len(words) > 2:
        raise InvalidValue(
            "TEXT", " ".join(words), "one text, after the beginning of an instance's name",
            message=f"There are {len(words)} words; allowed: an instance and one text.",
            remedy="Put the text into quotes.",
        )  # fmt: skip
    *name, text = words
    send_command(_find(*name), {key: text})


def _find(name: str = "") -> Instance:
    from acebridge.hosts.plugin.instances import find_instance

    return find_instance(data_folder(), name)


def _show(instance: Instance) -> None:
    if sys.stderr.isatty():
        print(f"{round(100 * instance.fraction())} %  {instance.text('sentence')}", file=sys.stderr)
