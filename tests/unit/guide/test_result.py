"""What a take tells of itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from acestep_runtime.audio import wav
from acestep_runtime.engines.metadata import TakeMetadata
from acestep_runtime.errors import InvalidValue
from acestep_runtime.guide.result import Take
from acestep_runtime.guide.sound import Audio


@pytest.fixture
def audio(tmp_path: Path) -> Audio:
    wav.write(tmp_path / "mix.wav", np.zeros((480, 1), np.float32), 48_000, "float32")
    return Audio(tmp_path / "mix.wav")


def take(audio: Audio, metadata: TakeMetadata) -> Take:
    return Take(audio, {}, 7, metadata)


def test_a_score_has_all_its_parts_also_where_nothing_is_known(audio: Audio) -> None:
    judged = take(audio, {"score": {"quality": 0.5, "missing": {"lm": "There is no language model."}}})
    assert (judged["quality_score"], judged["lyrics_alignment_score"]) == (0.5, 0.5)
    assert judged["score"] == {
        "quality": 0.5, "lyrics_alignment": None, "lm": None, "fit": None, "parts": {}, "notes": [],
        "computed_from": {}, "missing": {"lm": "There is no language model."},
    }  # fmt: skip
    assert take(audio, {"score": {"quality": 0.5, "lyrics_alignment": 0.0}})["lyrics_alignment_score"] == 0
    assert take(audio, {"score": {"lm": 0.25}})["quality_score"] is None


def test_what_is_not_there_says_how_to_ask_for_it(audio: Audio) -> None:
    with pytest.raises(KeyError, match=r"this take has no score\. Ask for it with auto_score=True"):
        take(audio, {})["score"]
    with pytest.raises(KeyError, match="There is no language model"):
        take(audio, {"score_missing": "There is no language model."})["quality_score"]


def test_a_take_without_a_request_cannot_be_varied(audio: Audio) -> None:
    with pytest.raises(InvalidValue, match=r"vary is 'a take without a request'; allowed: a take of generate"):
        take(audio, {}).vary()
