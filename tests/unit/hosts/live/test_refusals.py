"""Whatever an action ends with is a sentence and a remedy."""

from __future__ import annotations

import pytest
from ableton_extensions import AbletonError, BridgeTimeoutError, DeletedObjectError

from acebridge.errors import NotFound
from acebridge.hosts.live.refusals import Refusal, sentences_of
from acestep_runtime.errors import InvalidValue

CASES: list[tuple[BaseException, str, str]] = [
    (Refusal("No.", remedy="Do."), "No.", "Do."),
    (NotFound("Gone.", remedy="Look."), "Gone.", "Look."),
    (InvalidValue("takes", 9, "1 to 8", remedy="Fewer."), "takes is 9; allowed: 1 to 8.", "Fewer."),
    (DeletedObjectError("x"), "What the action works on is no longer in the Live Set.", "Run the action again."),
    (BridgeTimeoutError("x: timed out"), "Live did not answer in time (x: timed out).", "Close the dialogs"),
    (AbletonError("x: no"), "Live refused: x: no.", "Run the action again."),
    (OSError(28, "No space left on device", "/a"), "A file cannot be read or written: No space left on device.", "/a"),
    (KeyError("x"), "The action failed in an unexpected way: KeyError: 'x'.", "Please report it"),
]


@pytest.mark.parametrize(("error", "message", "remedy"), CASES, ids=lambda case: type(case).__name__)
def test_an_error_is_a_sentence_and_a_remedy(error: BaseException, message: str, remedy: str) -> None:
    said, advice = sentences_of(error)
    assert said == message
    assert remedy in advice
