"""Orders: what the arguments, the session and the JSON text of a message become."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from acebridge.client.client import request_of
from acebridge.hosts.osc.request import order_of, positions
from acestep_runtime.errors import InvalidValue
from acestep_runtime.midi.files import file_text
from acestep_runtime.tasks import TASKS
from tests.support.midi_files import band

#: What docs promise: tags and names, in the order of the message.
POSITIONS = {
    "text2music": "s caption s lyrics f duration_s",
    "cover": "s source s caption s lyrics f strength",
    "repaint": "s source f start_s f end_s s caption s lyrics f strength",
    "lego": "s source f start_s f end_s s tracks s caption s lyrics",
    "complete": "s source s tracks s caption s lyrics",
    "extract": "s source s tracks",
    "understand": "s source s lyrics",
    "align_lyrics": "s source s lyrics",
    "score": "s source s lyrics",
    "create_sample": "s description",
    "format_sample": "s caption s lyrics",
    "transcribe": "s source s tracks s lyrics",
}


@pytest.mark.parametrize("task", TASKS)
def test_arguments_of_a_task(task: str) -> None:
    assert " ".join(f"{each.tag} {each.name}" for each in positions(TASKS[task])) == POSITIONS[task]


FULL = {
    "source": "/a.wav", "start": 1.0, "end": 3.0, "bpm": 96.0, "keyscale": "A minor", "timesignature": 3, "caption": "soul",
    "lyrics": "la", "tracks": "drums, Bass", "takes": 2, "seed": 7, "engine": "draft", "strength": 0.25, "output": "/out",
    "morph": "words", "source_caption": "folk", "source_lyrics": "lo", "dcw": "double",
}  # fmt: skip
MUSIC = {"bpm": 96.0, "keyscale": "A minor", "timesignature": 3, "caption": "soul", "lyrics": "la"}
OUTPUT, SAMPLING = {"takes": 2, "seeds": [7]}, {"dcw": "double"}
MORPH = {"mode": "words", "caption": "folk", "lyrics": "lo"}
EXPECTED: dict[str, dict[str, Any]] = {
    "text2music": {"music": MUSIC, "duration_s": 2.0, "output": OUTPUT, "sampling": SAMPLING},
    "cover": {"music": MUSIC, "strength": 0.25, "output": OUTPUT, "sampling": SAMPLING, "morph": MORPH},
    "repaint": {"music": MUSIC, "start_s": 1.0, "end_s": 3.0, "strength": 0.25, "output": OUTPUT, "sampling": SAMPLING},
    "lego": {
        "music": MUSIC,
        "start_s": 1.0,
        "end_s": 3.0,
        "tracks": ["drums", "bass"],
        "output": OUTPUT,
        "sampling": SAMPLING,
    },
    "complete": {"music": MUSIC, "tracks": ["drums", "bass"], "output": OUTPUT, "sampling": SAMPLING},
    "extract": {"tracks": ["drums", "bass"], "output": OUTPUT, "sampling": SAMPLING},
    "understand": {"music": MUSIC},
    "align_lyrics": {"music": MUSIC},
    "score": {"music": MUSIC},
    "create_sample": {"description": "soul", "seed": 7},
    "format_sample": {"music": MUSIC, "seed": 7},
    "transcribe": {"music": MUSIC, "tracks": ["drums", "bass"]},
}


@pytest.mark.parametrize("task", TASKS)
def test_a_task_takes_from_the_session_what_it_has(task: str) -> None:
    order = order_of(task, FULL)
    assert order.fields == EXPECTED[task]
    assert order.audio == ({"source": {"path": "/a.wav"}} if TASKS[task].has("source") else {})
    assert order.submission == {"engine": "draft"}
    assert order.output == "/out"
    request_of(task, order.fields, submission=order.submission)  # the contract has all of it


def test_arguments_count_more_than_the_session_and_json_most() -> None:
    text = '{"music": {"bpm": 120}, "crossfade_ms": 50, "end_s": 2.5, "submission": {"priority": "HIGH"}, "mode": "Aggressive"}'
    order = order_of("repaint", FULL, ["/b.wav", 0.0, 2.0, "piano", None, None, text])
    assert order.audio == {"source": {"path": "/b.wav"}}
    assert order.fields == {
        "music": {**MUSIC, "caption": "piano", "bpm": 120}, "start_s": 0.0, "end_s": 2.5, "strength": 0.25, "output": OUTPUT,
        "sampling": SAMPLING, "crossfade_ms": 50, "mode": "aggressive",
    }  # fmt: skip
    assert order.submission == {"engine": "draft", "priority": "high"}


def test_the_end_of_the_source_is_left_to_the_daemon() -> None:
    assert "end_s" not in order_of("repaint", {"source": "/a.wav", "end": -1.0}).fields


def test_a_source_may_be_an_asset_or_get_a_region() -> None:
    asset = "0123456789abcdef" * 4
    assert order_of("understand", {"source": asset}).audio == {"source": {"asset_id": asset}}
    region = '{"source": {"region": {"start_s": 1}}, "reference": {"path": "/r.wav"}}'
    assert order_of("cover", {"source": "/a.wav"}, [*[None] * 4, region]).audio == {
        "source": {"path": "/a.wav", "region": {"start_s": 1}}, "reference": {"path": "/r.wav"},
    }  # fmt: skip
    named = '{"source": {"asset_id": "' + asset + '"}}'
    assert order_of("cover", {"source": "/a.wav"}, [*[None] * 4, named]).audio == {"source": {"asset_id": asset}}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "cannot be read"), ('{"a": }', "cannot be read"), ("{" * 50_000, "cannot be read"),
        ('{"colour": 1}', "one of the fields"), ('{"music": 3}', "an object"), ('{"tracks": "drums"}', "a list"),
        ('{"mode": "loud"}', "conservative"),
    ],
)  # fmt: skip
def test_json_that_does_not_fit_is_refused(text: str, says: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        order_of("repaint" if "tracks" not in text else "lego", {"source": "/a.wav"}, [*[None] * 6, text])
    assert says in caught.value.message


def test_a_missing_source_is_said() -> None:
    with pytest.raises(InvalidValue) as caught:
        order_of("repaint", {})
    assert "/acebridge/session/source" in caught.value.remedy


def test_again_has_no_seeds() -> None:
    json = '{"submission": {"idempotency_key": "k"}}'
    order = order_of("repaint", FULL, [*[None] * 6, json]).with_new_seeds()
    assert order.fields["output"] == {"takes": 2}
    assert order.submission == {"engine": "draft"}
    assert order_of("create_sample", FULL).with_new_seeds().fields == {"description": "soul"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"a": ', "Expecting value"),
        ('{"a":' * 9000, "it is nested too deep"),
        ('{"duration_s": %s}' % ("9" * 5000), "a number has too many digits"),
        ('{"\\ud800": 1}', "it holds half a character"),
        ('{"music": {"caption": "\\ud800"}}', "it holds half a character"),
    ],
)
def test_text_that_is_no_json_says_why(text: str, why: str) -> None:
    with pytest.raises(InvalidValue, match=f"The JSON text cannot be read: {why}"):
        order_of("text2music", {}, [None, None, None, text])


def test_a_song_follows_the_notes_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "notes.mid"
    file.write_bytes(band(1))
    session = {"midi": str(file), "guide": "cover", "strength": 0.25}
    order = order_of("text2music", session)
    assert order.fields == {"midi": file_text(band(1)), "guide": "cover", "strength": 0.25, "music": {}, "output": {}}
    request = request_of("text2music", order.fields)
    assert request.midi == band(1)
    assert "midi" not in order_of("cover", {**session, "source": "/a.wav"}).fields
    with pytest.raises(InvalidValue, match="cannot be read"):
        order_of("text2music", {"midi": str(tmp_path / "missing.mid")})
