"""Fields as people and scripts write them into files: what is made to fit, and what is refused with its place."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acebridge.contract.fields import coerce
from acebridge.contract.tasks import request_type
from acestep_runtime.errors import InvalidValue
from acestep_runtime.tasks import TASKS, to_fields
from acestep_runtime.tasks.base import ENCODINGS, SCOPES
from acestep_runtime.tasks.schema import from_fields


@pytest.mark.parametrize(
    ("task", "fields", "fitting"),
    [
        ("text2music", {"output": {"takes": 2.0, "seeds": [1.0, 2]}}, {"output": {"takes": 2, "seeds": [1, 2]}}),
        ("text2music", {"duration_s": 3, "music": {"bpm": 90}}, {"duration_s": 3, "music": {"bpm": 90}}),
        ("text2music", {"music": {"caption": "", "lyrics": None}}, {"music": {}}),
        ("text2music", {"output": {"encoding": "ENCODING_PCM24"}}, {"output": {"encoding": "pcm24"}}),
        ("text2music", {"output": {"encoding": "Pcm24"}}, {"output": {"encoding": "pcm24"}}),
        ("repaint", {"scope": "scope_region", "mode": "balanced"}, {"scope": "region", "mode": "balanced"}),
        ("text2music", {"output": {"channels": 1.0}}, {"output": {"channels": 1}}),
        ("text2music", {"output": {"takes": 1.5, "sample_rate": "x"}}, {"output": {"takes": 1.5, "sample_rate": "x"}}),
        ("cover", {"sampling": {"adapters": [{"name": "a"}]}}, {"sampling": {"adapters": [{"name": "a"}]}}),
        ("lego", {"tracks": ["drums"]}, {"tracks": ["drums"]}),
        ("text2music", {"submission": {"priority": "PRIORITY_LOW"}}, {"submission": {"priority": "low"}}),
    ],
)  # fmt: skip
def test_what_people_write_is_made_to_fit(task: str, fields: dict[str, Any], fitting: dict[str, Any]) -> None:
    assert coerce(request_type(task).DESCRIPTOR, fields) == fitting


@pytest.mark.parametrize(
    ("task", "fields", "says"),
    [
        ("score", {"tempo": 1}, "parts[0].tempo is 1; allowed: one of the fields submission, source, music."),
        ("score", {"music": {"tempo": 1}}, "parts[0].music.tempo is 1; allowed: one of the fields caption, lyrics,"),
        ("score", {"music": "loud"}, "parts[0].music is 'loud'; allowed: an object."),
        ("score", [], "parts[0] is []; allowed: an object."),
        ("lego", {"tracks": "drums"}, "parts[0].tracks is 'drums'; allowed: a list."),
        ("lego", {"sco\ud800pe": 1}, "parts[0].sco\ufffdpe is 1; allowed: one of the fields"),
        ("lego", {"scope": "half"}, "parts[0].scope is 'half'; allowed: whole, region."),
        ("lego", {"scope": 2}, "parts[0].scope is 2; allowed: whole, region."),
        (
            "score",
            {"submission": {"priority": "x"}},
            "parts[0].submission.priority is 'x'; allowed: low, normal, high.",
        ),
        (
            "text2music",
            {"sampling": {"adapters": [{}, {"weight": 1}]}},
            "parts[0].sampling.adapters[1].weight is 1; allowed: one of the fields name, scale.",
        ),
    ],
)
def test_what_cannot_fit_is_refused_with_its_place(task: str, fields: Any, says: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        coerce(request_type(task).DESCRIPTOR, fields, "parts[0]")
    assert str(caught.value).startswith(says)


@given(
    encoding=st.sampled_from(ENCODINGS),
    scope=st.sampled_from(SCOPES),
    prefix=st.booleans(),
    upper=st.booleans(),
    takes=st.integers(1, 8),
)
def test_what_is_made_to_fit_builds(encoding: str, scope: str, prefix: bool, upper: bool, takes: int) -> None:
    def spell(name: str, value: str) -> str:
        text = f"{name}_{value}" if prefix else value
        return text.upper() if upper else text

    fields = {
        "source": {"path": "song.wav"},
        "tracks": ["bass"],
        "scope": spell("scope", scope),
        "output": {"takes": float(takes), "encoding": spell("encoding", encoding)},
    }
    task = from_fields(TASKS["lego"], coerce(request_type("lego").DESCRIPTOR, fields))
    assert (task.scope, task.output.encoding, task.output.takes) == (scope, encoding, takes)
    assert from_fields(TASKS["lego"], to_fields(task)) == task
