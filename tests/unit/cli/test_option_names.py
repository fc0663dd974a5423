"""Messages at the command line name options, not fields of the contract."""

from __future__ import annotations

from typing import Any

import pytest
import typer

from acebridge.cli.app import app
from acebridge.cli.option_names import OPTIONS_OF_FIELDS, name_options, with_options
from acebridge.errors import ErrorReason, JobFailed
from acestep_runtime.errors import InvalidValue

GROUP: Any = typer.main.get_command(app)


def test_every_option_is_one() -> None:
    known = {option for command in GROUP.commands.values() for each in command.params for option in each.opts}
    flags = {option for option in OPTIONS_OF_FIELDS.values() if option.startswith("--")}
    assert flags <= known, flags - known
    assert len(flags) > 40


@pytest.mark.parametrize(
    ("sentence", "says"),
    [
        ("output.takes is 9; allowed: 1 to 8 takes.", "--takes is 9; allowed: 1 to 8 takes."),
        ("output.encoding is 'x'; allowed: pcm16.", "--format is 'x'; allowed: pcm16."),
        ("end_s is 0.2; allowed: after start_s.", "--end is 0.2; allowed: after --start."),
        ("mode is 'x'; the mode may be balanced.", "--mode is 'x'; the mode may be balanced."),
        ("source.region.end_s is 1; allowed: more.", "source.region.end_s is 1; allowed: more."),
        ("The song is too long.", "The song is too long."),
        ("description is ''; allowed: a sentence.", "The description is ''; allowed: a sentence."),
        ("", ""),
    ],
)
def test_fields_become_options(sentence: str, says: str) -> None:
    assert with_options(sentence) == says


def test_errors_are_the_same_but_for_the_name() -> None:
    failed = JobFailed(
        ErrorReason.INVALID_VALUE, "music.bpm is 1000; allowed: 30 to 300.", remedy="Lower music.bpm.",
        details={"field": "music.bpm"},
    )  # fmt: skip
    with pytest.raises(JobFailed) as caught, name_options():
        raise failed
    assert caught.value is failed
    assert str(failed) == "--bpm is 1000; allowed: 30 to 300. Lower --bpm."
    assert failed.details == {"field": "music.bpm"}
    with pytest.raises(InvalidValue, match=r"^--seed is 'x'; allowed: a number"), name_options():
        raise InvalidValue("output.seeds", "x", "a number")
