"""Messages to fields and back, for every request of the contract."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from acebridge.contract.fields import fields_of, fill, merge_fields
from acebridge.contract.tasks import request_type
from acebridge.v1 import jobs_pb2, tasks_pb2
from acestep_runtime.errors import InvalidValue
from acestep_runtime.tasks import TASKS

F = FieldDescriptor
SCALARS: dict[int, st.SearchStrategy[Any]] = {
    F.TYPE_STRING: st.text(max_size=8),
    F.TYPE_BYTES: st.binary(max_size=8),
    F.TYPE_BOOL: st.booleans(),
    F.TYPE_DOUBLE: st.floats(allow_nan=False),
    F.TYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    F.TYPE_INT64: st.integers(-(2**63), 2**63 - 1),
    F.TYPE_UINT32: st.integers(0, 2**32 - 1),
}


@st.composite
def messages(draw: st.DrawFn, kind: type[Message]) -> Message:
    """Any message of a kind: fields set or not, to anything, also to their defaults."""
    message = kind()
    for field in kind.DESCRIPTOR.fields:
        if not draw(st.booleans()):
            continue
        if field.type == F.TYPE_MESSAGE and field.is_repeated:
            inner = type(getattr(kind(), field.name).add())
            getattr(message, field.name).extend(draw(st.lists(messages(inner), max_size=2)))
        elif field.type == F.TYPE_MESSAGE:
            held = getattr(message, field.name)
            held.SetInParent()
            held.CopyFrom(draw(messages(type(held))))
        else:
            enum = field.enum_type
            values = st.sampled_from([v.number for v in enum.values]) if enum is not None else SCALARS[field.type]
            if field.is_repeated:
                getattr(message, field.name).extend(draw(st.lists(values, max_size=3)))
            else:
                setattr(message, field.name, draw(values))
    return message


@settings(deadline=None, max_examples=100)
@given(data=st.data(), task=st.sampled_from(sorted(TASKS)))
def test_requests_survive_the_round_trip(data: st.DataObject, task: str) -> None:
    message = data.draw(messages(request_type(task)))
    again = type(message)()
    fill(again, fields_of(message))
    assert again == message
    assert fields_of(again) == fields_of(message)


def test_bytes_are_base64() -> None:
    message = tasks_pb2.TextToMusicRequest(midi=b"MThd\xff")
    assert fields_of(message) == {"midi": "TVRoZP8="}
    again = tasks_pb2.TextToMusicRequest()
    fill(again, {"midi": "TVRoZP8="})
    assert again == message
    with pytest.raises(InvalidValue, match=r"^midi is '!!!'; allowed: bytes as base64\.$"):
        fill(tasks_pb2.TextToMusicRequest(), {"midi": "!!!"}, TASKS["text2music"])
    for wrong in ("no base64!", "ä", 7):
        with pytest.raises(InvalidValue, match="bytes as base64"):
            fill(tasks_pb2.TextToMusicRequest(), {"midi": wrong})


def test_repeated_enums_survive_too() -> None:
    message = jobs_pb2.ListJobsRequest(states=[jobs_pb2.JOB_STATE_FAILED, jobs_pb2.JOB_STATE_QUEUED])
    assert fields_of(message) == {"states": ["failed", "queued"]}
    again = jobs_pb2.ListJobsRequest()
    fill(again, fields_of(message))
    assert again == message


def test_unset_is_not_zero() -> None:
    assert fields_of(tasks_pb2.RepaintRequest()) == {}
    assert fields_of(tasks_pb2.RepaintRequest(start_s=0, match_loudness=False)) == {
        "start_s": 0,
        "match_loudness": False,
    }
    message = tasks_pb2.RepaintRequest()
    fill(message, {"start_s": None, "end_s": 0.0, "music": {}})
    assert not message.HasField("start_s")
    assert message.HasField("end_s")
    assert message.HasField("music")
    with pytest.raises(KeyError):
        fill(message, {"colour": 1})


def test_unknown_enum_numbers_are_named() -> None:
    message = tasks_pb2.Submission()
    message.priority = 77  # type: ignore[assignment]
    assert fields_of(message) == {"priority": "number 77"}


def test_unknown_enum_names_are_refused_with_those_that_are_known() -> None:
    for name in ("urgent", "", "PRIORITY_LOW"):
        with pytest.raises(InvalidValue, match=r"^submission\.priority is '.*'; allowed: low, normal, high\."):
            fill(tasks_pb2.RepaintRequest(), {"submission": {"priority": name}})


MISFITS: list[tuple[dict[str, Any], str]] = [
    ({"sampling": {"steps": 99_999_999_999}}, "sampling.steps is 99999999999; allowed: 1 to 200 steps."),
    ({"output": {"seeds": [1, 10**20]}}, f"output.seeds is {10**20}; allowed: 0 to 4294967295."),
    ({"music": {"timesignature": -(10**12)}}, "music.timesignature is -1000000000000; allowed: 2, 3, 4, 6."),
    ({"music": {"caption": "caf\udce9"}}, "music.caption is 'caf\\udce9'; allowed: text (UTF-8). Set the terminal to"),
    ({"tracks": ["bass", "\udce9"]}, "tracks is '\\udce9'; allowed: text (UTF-8). Set the terminal to"),
    ({"start_s": "early"}, "start_s is 'early'; allowed: 0 to 1200 seconds."),
    ({"start_s": 10**400}, "start_s is 1000"),
    ({"start_s": 1 << 20_000}, "start_s is a number with too many digits; allowed: 0 to 1200 seconds."),
    ({"start_s": True}, "start_s is True; allowed: 0 to 1200 seconds."),
    ({"music": "jazz"}, "music is 'jazz'; allowed: an object."),
    ({"sampling": {"adapters": [{"name": "warm"}, "loud"]}}, "sampling.adapters is 'loud'; allowed: an object."),
]


@pytest.mark.parametrize(("fields", "says"), MISFITS)
def test_what_does_not_fit_its_field_is_named(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        fill(tasks_pb2.LegoRequest(), fields, TASKS["lego"])
    assert str(caught.value).startswith(says)


def test_what_an_optional_field_holds_may_be_nested() -> None:
    message = tasks_pb2.CoverRequest()
    fill(message, {"reference": {"path": "/a.wav", "region": {"start_s": 1.0, "end_s": 2.0}}}, TASKS["cover"])
    assert fields_of(message.reference.region) == {"start_s": 1.0, "end_s": 2.0}
    with pytest.raises(InvalidValue, match=r"^reference\.region\.start_s is 'early'; allowed: "):
        fill(message, {"reference": {"region": {"start_s": "early"}}}, TASKS["cover"])


def test_without_limits_the_wire_says_what_fits() -> None:
    with pytest.raises(InvalidValue, match=r"^takes is 2147483648; allowed: a whole number from -2147483648 to"):
        fill(tasks_pb2.Output(), {"takes": 2**31})


def test_given_fields_count_more_also_inside_groups() -> None:
    defaults = {"music": {"bpm": 120, "caption": "soul"}, "takes": [1, 2], "source": {"path": "a.wav", "start_s": 1}}
    given = {"music": {"bpm": 90}, "takes": [3], "source": {"asset_id": "f" * 64}}
    assert merge_fields(defaults, given) == {
        "music": {"bpm": 90, "caption": "soul"}, "takes": [3], "source": {"asset_id": "f" * 64},
    }  # fmt: skip
    assert merge_fields(defaults, {"source": {"end_s": 2}})["source"] == {"path": "a.wav", "start_s": 1, "end_s": 2}
    assert merge_fields(defaults, None) == defaults
