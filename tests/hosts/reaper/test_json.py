"""json.lua against Python's json, both ways: values survive, texts mean the same, and no text makes it raise."""

from __future__ import annotations

import functools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.lua_modules import Leaves

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
# Lua's integers have 64 bits; floats beyond what JSON can say are judged apart.
SCALARS = (
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)  # fmt: skip
# null is nothing in an object of Lua, so only lists hold it here.
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner | st.none(), max_size=5) | st.dictionaries(TEXT, inner, max_size=5),
    max_leaves=20,
)
MODEST = settings(deadline=None, max_examples=100)


@functools.cache
def leaves() -> Leaves:
    return Leaves()


def encode(value: Any) -> str:
    return leaves()["shared/json"].encode(to_lua(value)).decode("utf-8")


def decode(text: str | bytes) -> Any:
    answer = leaves()["shared/json"].decode(text if isinstance(text, bytes) else text.encode("utf-8"))
    assert not isinstance(answer, tuple), answer  # that would be nil and a message
    return from_lua(answer)


def to_lua(value: Any) -> Any:
    module, lua = leaves()["shared/json"], leaves().lua
    if value is None:
        return module.null
    if isinstance(value, str):
        return value.encode("utf-8")
    if isinstance(value, list):
        return module.array(lua.table_from([to_lua(item) for item in value]))
    if isinstance(value, dict):
        return lua.table_from({key.encode("utf-8"): to_lua(item) for key, item in value.items()})
    return value


def from_lua(value: Any) -> Any:
    lua = leaves().lua
    if isinstance(value, bytes):
        return value.decode("utf-8")
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if lua.eval("rawequal")(value, leaves()["shared/json"].null):
        return None
    # Every array of a text is marked as one: [] and {} differ.
    marked = lua.eval("getmetatable")(leaves()["shared/json"].array(lua.table()))
    if lua.eval("rawequal")(lua.eval("getmetatable")(value), marked):
        return [from_lua(item) for item in value.values()]
    return {key.decode("utf-8"): from_lua(item) for key, item in value.items()}


def test_it_runs_in_the_lua_that_its_name_says(request: pytest.FixtureRequest) -> None:
    assert leaves().lua.eval("_VERSION").decode() == f"Lua {request.node.callspec.params['lua']}"


@given(VALUES)
@MODEST
def test_python_reads_what_lua_writes(value: Any) -> None:
    assert json.loads(encode(value)) == value


@given(VALUES, st.booleans(), st.sampled_from([None, 1, "\t"]))
@MODEST
def test_lua_reads_what_python_writes(value: Any, ascii_only: bool, indent: Any) -> None:
    assert decode(json.dumps(value, ensure_ascii=ascii_only, indent=indent)) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
@MODEST
def test_floats_keep_every_bit(value: float) -> None:
    assert json.loads(encode(value)) == value
    assert decode(repr(value)) == value


def test_whole_numbers_stay_whole() -> None:
    assert encode([1, 2**53 + 1, -(2**63), 2.0]) == "[1,9007199254740993,-9223372036854775808,2]"
    number = decode("12345678901234567890123")  # more than 64 bits: the nearest float
    assert isinstance(number, float)
    assert number == float("12345678901234567890123")


def test_numbers_that_json_lacks_are_null() -> None:
    assert encode([float("nan"), float("inf"), -float("inf")]) == "[null,null,null]"


def test_empty_tables_are_objects_unless_marked() -> None:
    assert encode({"list": [], "object": {}}) == '{"list":[],"object":{}}'
    assert leaves()["shared/json"].encode(leaves().lua.table()) == b"{}"


def test_the_same_table_is_the_same_text() -> None:
    assert encode({"b": 1, "a": 2, "c": 3}) == encode({"c": 3, "a": 2, "b": 1}) == '{"a":2,"b":1,"c":3}'


def test_null_is_nothing_in_objects_and_kept_in_lists() -> None:
    assert decode('{"a": null, "b": [null, 1]}') == {"b": [None, 1]}


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        (r'"\ud83d\ude00 \uD834\uDD1E"', "😀 𝄞"),
        (r'"\ud83d"', "�"),  # half of a pair
        (r'"\ude00\ud83dx"', "��x"),
        (r'"\ud83d\ud83d\ude00"', "�😀"),
        (r'"\u0000\u001f\/\b\f\n\r\t\"\\"', '\0\x1f/\b\f\n\r\t"\\'),
        ('"\x7f\u2028기타"', "\x7f\u2028기타"),
    ],
)
def test_escapes(text: str, meaning: str) -> None:
    assert decode(text) == meaning


def test_a_mark_of_byte_order_is_passed_over() -> None:
    assert decode(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


@given(st.binary(max_size=30))
@MODEST
def test_bytes_that_are_no_text_are_replaced(raw: bytes) -> None:
    text = json.loads(leaves()["shared/json"].encode(raw).decode("utf-8"))
    # Python replaces a broken sequence as one, Lua each of its bytes.
    assert text.replace("�", "") == raw.decode("utf-8", "replace").replace("�", "")
    assert ("�" in text) == ("�" in raw.decode("utf-8", "replace"))


def deep(levels: int) -> str:
    return "[" * levels + "]" * levels


@pytest.mark.parametrize(
    "text",
    ["", " ", "{", "[1,", "[1 2]", '{"a"}', '{"a":}', "{a:1}", '{"a":1,}', "[1,]", "tru", "nul", "01", "1.", ".5", "+1", "-",
     "1e", '"', '"\\', '"\\x"', '"\\u12g4"', '"\n"', "[1]x", "'a'", "NaN", "Infinity", "\x00", deep(100_000)],
)  # fmt: skip
def test_broken_texts_are_reported(text: str) -> None:
    value, message = leaves()["shared/json"].decode(text.encode("utf-8"))
    assert value is None
    assert message.startswith(b"The JSON text is broken at ")
    assert message.endswith(b".")


def test_what_is_no_text_is_reported() -> None:
    assert leaves()["shared/json"].decode(None) == (None, b"JSON is text, not nil.")


@given(VALUES, st.data())
@MODEST
def test_a_text_that_was_cut_is_broken(value: Any, data: st.DataObject) -> None:
    text = json.dumps({"all": value})
    short = text[: data.draw(st.integers(0, len(text) - 1))]
    assert leaves()["shared/json"].decode(short.encode("utf-8"))[0] is None


@given(st.text('[]{}:,"\\u019aefE+-.tnl \n', max_size=30) | st.text(max_size=30))
@settings(deadline=None, max_examples=100)
def test_any_text_is_judged_as_python_does(text: str) -> None:
    raw = text.encode("utf-8", "surrogatepass")
    answer = leaves()["shared/json"].decode(raw)
    try:
        expected = json.loads(text, parse_constant=_refuse)
    except ValueError:
        assert answer[0] is None
    else:
        assert not isinstance(answer, tuple), (text, answer)
        if not any(0xD800 <= ord(char) < 0xE000 for char in json.dumps(expected, ensure_ascii=False)):
            _assert_close(from_lua(answer), expected)


def _refuse(name: str) -> Any:
    raise ValueError(name)


def _assert_close(found: Any, expected: Any) -> None:
    """Equal, but for null in objects and whole numbers beyond 64 bits."""
    if isinstance(expected, dict):
        assert found.keys() == {key for key, item in expected.items() if item is not None}
        for key, item in found.items():
            _assert_close(item, expected[key])
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for i, item in enumerate(expected):
            _assert_close(found[i], item)
    elif isinstance(expected, int) and abs(expected) >= 2**63:
        assert found == float(expected)
    else:
        assert found == expected


def test_what_json_cannot_hold_is_refused() -> None:
    lua = leaves().lua
    for value in (lua.eval("{print}"), lua.eval("(function() local t = {} t.t = t return t end)()")):
        ok, message = lua.eval("pcall")(leaves()["shared/json"].encode, value)
        assert ok is False
        assert b"JSON" in message


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ('{"a": 1}', True),
        ("[]", True),
        ("5", False),
        ("null", False),
        ('"a"', False),
        ("{", False),
        ("", False),
        (None, False),
    ],
)
def test_only_objects_and_lists_are_taken_for_objects(text: str | None, is_one: bool) -> None:
    found = leaves()["shared/json"].object(text and text.encode("utf-8"))
    assert (found is not None) == is_one


def test_halves_of_pairs_in_a_name_are_no_text_in_either_lua() -> None:
    assert json.loads(leaves()["shared/json"].encode(b"a\xed\xa0\x80b").decode("utf-8")) == "a\ufffd\ufffd\ufffdb"
