"""Several sources in one command: each in turn, whatever happens to the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer

from acebridge.cli.exit_codes import UserInterrupt
from acebridge.cli.several import each_source
from acebridge.errors import ErrorReason, JobFailed, Unavailable
from acestep_runtime.errors import InvalidValue

USUAL: dict[str, Any] = {"json": False, "detach": False, "out": None}


def run(*names: str, many: bool = False, has_audio: bool = True, fails: Any = (), **options: Any) -> list[Any]:
    """What is performed, in turn, for sources of these names; ``fails`` has the errors by name."""
    performed = []

    def perform(given: Any) -> None:
        performed.append(given)
        if given["src"].name in dict(fails):
            raise dict(fails)[given["src"].name]

    sources = [Path(name) for name in names]
    try:
        each_source({**USUAL, **options, "src": sources}, perform, many=many, has_audio=has_audio)
    except typer.Exit as end:
        performed.append(end.exit_code)
    return performed


def test_one_source_is_performed_as_it_is() -> None:
    assert run("a.wav", out="x.wav") == [{**USUAL, "src": Path("a.wav"), "out": "x.wav"}]
    with pytest.raises(JobFailed):
        run("a.wav", fails={"a.wav": JobFailed(ErrorReason.ENGINE_FAILURE, "No.")})


@pytest.mark.parametrize(
    ("many", "out", "places"),
    [(False, None, [None] * 3), (False, "new", ["new/"] * 3), (True, None, [None] * 3),
     (True, "new/", ["new/a/", "new/b/", "new/a (2)/"])],
)  # fmt: skip
def test_each_has_its_place(many: bool, out: str | None, places: list[str | None]) -> None:
    performed = run("a.wav", "b.flac", "other/a.wav", many=many, out=out)
    assert [each["src"] for each in performed] == [Path("a.wav"), Path("b.flac"), Path("other/a.wav")]
    assert [each["out"] for each in performed] == places


def test_midi_files_of_several_sources_share_a_folder() -> None:
    performed = run("a.wav", "other/a.wav", has_audio=False, midi_out=Path("notes"))
    assert [(each["out"], each["midi_out"]) for each in performed] == [(None, "notes/")] * 2


def test_the_exit_code_is_that_of_the_first_failure(capsys: pytest.CaptureFixture[str]) -> None:
    failures = {
        "a.wav": JobFailed(ErrorReason.ENGINE_FAILURE, "It broke."),
        "b.wav": FileNotFoundError(2, "No such file or directory", "b.wav"),
    }
    assert run("a.wav", "b.wav", "c.wav", fails=failures)[2:] == [{**USUAL, "src": Path("c.wav")}, 4]
    assert capsys.readouterr().err.splitlines() == [
        "acebridge: a.wav: It broke.", "acebridge: b.wav: No such file or directory. Check the path.",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "error", [UserInterrupt("Job 1 was cancelled."), Unavailable("It does not answer."), BrokenPipeError(32, "gone")]
)
def test_ctrl_c_and_somebody_who_is_gone_end_all(error: Exception) -> None:
    with pytest.raises(type(error)):
        run("a.wav", "b.wav", fails={"a.wav": error})


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("timing", Path("x.lrc"), "--out is 'x.lrc'; allowed: with one source."),
        ("html", Path("x.html"), "--html is 'x.html'; allowed: with one source."),
        ("out", "x.wav", "--out is 'x.wav'; allowed: a folder, for several sources. Write for example -o x/."),
        (
            "midi_out",
            Path("x.mid"),
            "--out is 'x.mid'; allowed: a folder, for several sources. Write for example -o x/.",
        ),
    ],
)
def test_one_file_for_all_is_refused(option: str, value: Any, says: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        run("a.wav", "b.wav", **{option: value})
    assert str(caught.value).startswith(says)


def test_facts_stand_below_the_name_of_their_source(capsys: pytest.CaptureFixture[str]) -> None:
    run("a.wav", "b.wav", has_audio=False)
    assert capsys.readouterr().out == "a.wav:\nb.wav:\n"
    run("a.wav", "b.wav", has_audio=False, json=True)
    run("a.wav", "b.wav")
    assert capsys.readouterr().out == ""
