"""Messages on the pipe: whatever the text, one line each."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from acebridge.workers.messages import JobOrder, Message, decode_message, decode_order, encode

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(caption=TEXT, seeds=st.lists(st.integers(0, 2**32 - 1)))
def test_an_order_is_one_line_and_comes_back_whole(caption: str, seeds: list[int]) -> None:
    order: JobOrder = {
        "op": "job",
        "id": "1",
        "task": "text2music",
        "params": {"music": {"caption": caption}, "output": {"seeds": seeds}},
        "engine": "fake",
        "files": {"asset:0": caption},
        "folder": caption,
        "takes": [],
    }
    line = encode(order)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert decode_order(line) == order


@given(text=TEXT, eta_s=st.none() | st.floats(0, 1e6))
def test_a_message_is_one_line_and_comes_back_whole(text: str, eta_s: float | None) -> None:
    messages: list[Message] = [
        {"type": "progress", "body": {"stage": text, "fraction": 0.1, "eta_s": eta_s}},
        {
            "type": "error",
            "body": {"kind": "x", "message": text, "remedy": "", "details": {"field": text}},
            "models": [],
        },
    ]
    for message in messages:
        line = encode(message)
        assert line.count(b"\n") == 1
        assert decode_message(line) == message
