"""The session: what its fields take, and what tasks make of it."""

from __future__ import annotations

import pytest

from acebridge.hosts.osc.session import FIELDS, Session
from acestep_runtime.errors import InvalidValue


def test_fields_are_set_cleared_and_reported_when_they_change() -> None:
    changes: list[tuple[str, object]] = []
    session = Session(lambda name, value: changes.append((name, value)))
    session.set("bpm", 96)
    session.set("bpm", 96.0)
    session.set("bpm", "97.5")
    session.set("caption", "warm")
    assert session.values == {"bpm": 97.5, "caption": "warm"}
    session.set("bpm", None)
    session.set("caption", "")
    session.set("caption", "")
    assert session.values == {}
    assert changes == [("bpm", 96.0), ("bpm", 97.5), ("caption", "warm"), ("bpm", None), ("caption", None)]


def test_text_of_a_field() -> None:
    session = Session()
    session.set("source", "/a.wav")
    session.set("takes", 2)
    assert (session.text("source"), session.text("output"), session.text("takes")) == ("/a.wav", "", "")
    session.clear()
    assert session.values == {}


@pytest.mark.parametrize(
    ("field", "value", "kept"),
    [
        ("start", "1:30.5", 90.5), ("end", "90s", 90.0),
        ("start", -3, -3.0), ("end", -1, -1.0), ("end", True, 1.0), ("timesignature", 3.0, 3), ("takes", "8", 8),
        ("seed", float(2**32 - 1), 2**32 - 1), ("caption", 1990, "1990"), ("caption", 0.5, "0.5"), ("strength", 0, 0.0),
        ("tracks", " Drums , bass,", " Drums , bass,"), ("keyscale", "f# minor", "f# minor"), ("engine", "neural", "neural"),
        ("lyrics", "x" * 4096, "x" * 4096), ("morph", "style", "style"), ("dcw", "auto", "auto"),
    ],
)  # fmt: skip
def test_what_controllers_send_is_taken(field: str, value: object, kept: object) -> None:
    session = Session()
    session.set(field, value)  # type: ignore[arg-type]
    assert session.values == {field: kept}
    assert type(session.values[field]) is type(kept)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("bpm", 29.9), ("bpm", float("nan")), ("bpm", float("inf")), ("bpm", "fast"), ("bpm", b"1"), ("end", -2),
        ("start", 1e9),
        ("timesignature", 5), ("takes", 0), ("takes", 9), ("takes", 1.5), ("seed", -1), ("seed", 2**32), ("strength", 1.01),
        ("keyscale", "H"), ("tracks", "kazoo"), ("tracks", "drums,drums"), ("caption", "x" * 4097), ("caption", True),
        ("caption", b"x"), ("morph", "tempo"), ("dcw", "on"), ("source_lyrics", "x" * 4097), ("engine", "x" * 65),
        ("colour", "red"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_and_changes_nothing(field: str, value: object) -> None:
    session = Session()
    session.set("bpm", 100)
    with pytest.raises(InvalidValue) as caught:
        session.set(field, value)  # type: ignore[arg-type]
    assert caught.value.allowed
    assert session.values == {"bpm": 100.0}


def test_every_field_has_a_sentence() -> None:
    assert all(field.doc and field.tag in "sfi" for field in FIELDS.values())
