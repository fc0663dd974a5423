"""Messages on the pipe: whatever the text, one line each."""

from __future__ import annotations

import pytest

from acebridge.workers.messages import JobOrder, Message, decode_message, decode_order, encode

#: Ends of lines for some reader or other, quotes, a NUL, and characters beyond 16 bits.
TEXTS = ["", "two\nlines\r\n", "\u2028\u2029\x85\x0b\x0c", '{"op": "cancel"}\n', "\0\\\"'", "한국어 🎹", "\udcff"]


@pytest.mark.parametrize("text", TEXTS)
def test_an_order_is_one_line_and_round_trips(text: str) -> None:
    order: JobOrder = {
        "op": "job",
        "id": "1",
        "priority": "normal",
        "task": "text2music",
        "params": {"music": {"caption": text}, "output": {"seeds": [0, 2**32 - 1]}, "steps": None, "shift": 0.1},
        "engine": "fake",
        "note": "",
        "spare": "",
        "files": {"asset:0": text},
        "folder": text,
        "takes": [],
    }
    line = encode(order)
    assert line.splitlines(keepends=True) == [line]
    assert decode_order(line) == order


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("eta_s", [None, 0.1, 1e300])
def test_a_message_is_one_line_and_round_trips(text: str, eta_s: float | None) -> None:
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
        assert line.splitlines(keepends=True) == [line]
        assert decode_message(line) == message
