"""Metadata of takes as a message and back, for everything that engines and tasks may tell."""

from __future__ import annotations

import base64
import typing
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from hypothesis import given, settings
from hypothesis import strategies as st

from acebridge.contract.metadata import metadata_message, metadata_values
from acebridge.v1 import metadata_pb2
from acestep_runtime.engines import metadata
from acestep_runtime.engines.metadata import TakeMetadata
from acestep_runtime.errors import InvalidValue
from acestep_runtime.lyrics.formats import tables

_FIELDS = metadata_pb2.TakeMetadata.DESCRIPTOR.fields_by_name
HINTS = typing.get_type_hints(TakeMetadata, localns=vars(tables))
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


def any_value(kind: Any) -> st.SearchStrategy[Any]:
    """Any value of a type of the metadata that is not absent."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if typing.is_typeddict(kind):
        required = {name: any_value(of) for name, of in typing.get_type_hints(kind).items()}
        optional = {name: required.pop(name) for name in kind.__optional_keys__}
        if kind is metadata.Measurement:  # its fields have no presence on the wire: 0 and "" are absent
            optional = {name: values.filter(bool) for name, values in optional.items()}
        return st.fixed_dictionaries(required, optional=optional).filter(bool)
    if origin is not None and type(None) in inner:
        return any_value(next(each for each in inner if each is not type(None)))
    if origin is not None and issubclass(origin, typing.Mapping):
        return st.dictionaries(WORDS, NUMBERS if inner[1] is float else WORDS, min_size=1, max_size=3)
    if origin is not None and issubclass(origin, typing.Sequence):
        return st.lists(any_value(inner[0]), min_size=1, max_size=3)
    return {float: NUMBERS, int: st.integers(0, 10), str: WORDS, bool: st.booleans()}[kind]


def any_field(name: str, kind: Any) -> st.SearchStrategy[Any]:
    """Return values of a key: bytes are text in base64."""
    if _FIELDS[name].type == FieldDescriptor.TYPE_BYTES:
        return st.binary(min_size=1).map(lambda data: base64.b64encode(data).decode())
    return any_value(kind)


def test_every_key_has_a_field_and_every_field_a_key() -> None:
    fields = [field.name for field in metadata_pb2.TakeMetadata.DESCRIPTOR.fields]
    assert list(HINTS) == [name for name in fields if name != "extra"]


@pytest.mark.parametrize(
    "name",
    [
        "Chord",
        "Section",
        "Word",
        "Line",
        "Change",
        "TempoAndKey",
        "AdapterScale",
        "Plan",
        "Variation",
        "SourceLatents",
        "PreviewLength",
    ],
)
def test_what_is_nested_has_the_same_fields_and_keys(name: str) -> None:
    kind = getattr(metadata, name, None) or getattr(tables, f"{name}Metadata")
    message = metadata_pb2.DESCRIPTOR.message_types_by_name[name]
    assert {field.name for field in message.fields} == set(typing.get_type_hints(kind))


@settings(deadline=None, max_examples=100)
@given(values=st.fixed_dictionaries({}, optional={name: any_field(name, kind) for name, kind in HINTS.items()}))
def test_metadata_survives_the_round_trip(values: dict[str, Any]) -> None:
    assert metadata_values(metadata_message(values)) == values


@pytest.mark.slow
@settings(deadline=None)
@given(
    extra=st.dictionaries(
        WORDS.filter(lambda name: name not in HINTS and name != "extra"),
        st.recursive(WORDS | st.booleans() | st.integers(-99, 99), lambda x: st.lists(x) | st.dictionaries(WORDS, x)),
        max_size=4,
    )
)
def test_what_has_no_field_of_its_own_comes_along(extra: dict[str, Any]) -> None:
    assert metadata_values(metadata_message({"bpm": 92.5, **extra})) == {"bpm": 92.5, **extra}


def test_what_is_not_known_is_absent() -> None:
    reply = {
        "bpm": None,
        "keyscale": "",
        "beats": [],
        "score": {"quality": 0.5, "lm": None, "missing": {"lm": "no model"}},
    }
    assert metadata_values(metadata_message(reply)) == {
        "keyscale": "", "score": {"quality": 0.5, "missing": {"lm": "no model"}},
    }  # fmt: skip
    assert not metadata_message(reply).HasField("bpm")


def test_whole_numbers_of_a_plan_stay_whole() -> None:
    plan = {"metadata": {"bpm": 92, "caption": "lush"}, "codes": [1, 63_999]}
    found = metadata_values(metadata_message({"plan": plan}))
    assert found == {"plan": plan}
    assert str(found["plan"]["metadata"]["bpm"]) == "92"


def test_what_does_not_fit_is_named() -> None:
    with pytest.raises(InvalidValue, match=r"^The metadata of a take does not fit the contract: .*integer"):
        metadata_message({"timesignature": "four"})
