"""What listening found, for a musician."""

from __future__ import annotations

from typing import Any

from acebridge.hosts.live.facts import lines_of


def result(**metadata: Any) -> Any:
    return {"parts": [{"takes": [{"metadata": metadata}]}]}


def test_facts_are_named_in_order_and_doubts_are_said() -> None:
    found = lines_of(result(keyscale="A minor", bpm=99, caption="a\nb", certainty={"tempo": "sure", "key": "perhaps"}))
    assert found == [
        "Tempo: 99",
        "Key: A minor",
        "Description: a\N{REPLACEMENT CHARACTER}b",
        "Perhaps, not surely: key.",
    ]


def test_silence_has_a_line_too() -> None:
    assert lines_of(result()) == ["Nothing was found: the selection may be silent."]
