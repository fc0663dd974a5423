"""The command line's own reading of inputs, before it calls a daemon."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer

from acebridge.cli import json_output
from acebridge.cli.declare import parse_time
from acebridge.cli.json_output import print_json
from acebridge.cli.request_fields import request_fields, words_to_sing
from acestep_runtime.errors import InvalidValue
from acestep_runtime.tasks import Repaint, TextToMusic


def test_lyrics_are_a_text_or_the_name_of_a_text_file(tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("[Verse]\n밤하늘", "utf-8-sig")

    def lyrics(given: str) -> str:
        text: str = request_fields(TextToMusic, {"lyrics": given})["music"]["lyrics"]
        return text

    assert lyrics(str(words)) == "[Verse]\n밤하늘"
    assert lyrics("[Verse]\nHello") == "[Verse]\nHello"
    assert lyrics("la " * 2000) == "la " * 2000
    words.write_text("[Verse]\n밤하늘", "utf-16")
    assert lyrics(str(words)) == "[Verse]\n밤하늘"
    words.write_bytes("밤하늘".encode("cp949"))
    with pytest.raises(InvalidValue, match="save it as UTF-8"):
        lyrics(str(words))
    with pytest.raises(InvalidValue, match=r"--lyrics names no file: missing.txt"):
        lyrics("missing.txt")
    assert lyrics("[Verse] missing.txt") == "[Verse] missing.txt"


def test_a_task_on_a_region_gets_timed_lyrics_with_their_times(tmp_path: Path) -> None:
    words = tmp_path / "words.lrc"
    text = "[00:01.00][Verse 1]one\n[00:03.00]two\n[00:05.00][Chorus]three\n[00:09.00]\n"
    words.write_text(text.replace("[Verse 1]", "<00:01.00>[Verse 1]"), "utf-8")
    options = {"lyrics": str(words), "start": 3.0, "end": 5.0}
    assert request_fields(Repaint, options)["music"] == {"lyrics": text}
    assert request_fields(TextToMusic, {"lyrics": str(words)})["music"] == {
        "lyrics": "[Verse 1]\none\ntwo\n[Chorus]\nthree"
    }
    assert words_to_sing(options).note == "Of the 3 lines of the lyrics, the 1 between 3 and 5 s are used."
    assert request_fields(Repaint, {"lyrics": "la la"})["music"] == {"lyrics": "la la"}


@pytest.mark.parametrize(
    ("region", "first", "last"),
    [({"start": 300.0, "end": 310.0}, 270, 339), ({"start": 500.0, "end": -1.0, "context": 5.0}, 495, 598)],
)
def test_of_long_timed_lyrics_those_around_the_region_are_sent(
    tmp_path: Path, region: dict[str, float], first: int, last: int
) -> None:
    words = tmp_path / "words.lrc"
    words.write_text("".join(f"[{at // 60:02d}:{at % 60:02d}.00]word {at}\n" for at in range(599)), "utf-8")
    sent = request_fields(Repaint, {"lyrics": str(words), **region})["music"]["lyrics"].split("\n")
    assert (sent[0].partition("]")[2], sent[-3].partition("]")[2]) == (f"word {first}", f"word {last}")


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("1:30.5", 90.5), ("1:02:03", 3723), ("-0:04", -4)]
)
def test_options_take_times_as_people_write_them(text: str, seconds: float) -> None:
    assert parse_time(text) == seconds


def test_what_is_no_time_is_refused_with_the_forms() -> None:
    with pytest.raises(
        typer.BadParameter, match=r"'1:75' is no time; write seconds such as 90.5 or 90s, .* such as 1:30.5"
    ):
        parse_time("1:75")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": float("nan"), "b": float("-inf"), "c": 1.5}, '{"c": 1.5}'),
        ([{"x": [1.0, float("inf")]}, "밤"], '[{"x": [1.0]}, "밤"]'),
        ({"file": "a\udcff.wav"}, '{"file": "a\\udcff.wav"}'),
        ("\x9b2J\u202e밤\U000e0001", '"\\u009b2J\\u202e밤\\udb40\\udc01"'),
    ],
)
def test_printed_json_is_always_json(value: Any, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_json(value)
    assert capsys.readouterr().out == f"{text}\n"


def test_commands_print_json_in_one_way() -> None:
    """What else writes JSON are files."""
    commands = Path(json_output.__file__).parent
    writing = {file.name for file in commands.glob("*.py") if "json.dumps(" in file.read_text("utf-8")}
    assert writing == {"json_output.py", "plans.py"}
