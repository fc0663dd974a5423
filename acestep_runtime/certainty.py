"""How certain a finding of the analysis is: "sure", "perhaps" or "not heard". The one table of limits, and the one wording.

A confidence is 0 to 1 and means something else for each finding, so each has limits of its own. They lie between what was
measured on music and on what is none: the songs of `make quality`, made songs in 2 to 7 beats with and without chords, and
noise, single tones and fifths, bursts like speech, notes sung without a beat, and clicks at random times (20 of each kind).

    tempo, beats  steady songs 0.59 to 0.97, swing and 6/8 0.31 to 0.56; random clicks 0.12 at most, 0.26 where they drift;
                  a tempo is only sure where its half and its double are unlikely (`acestep_runtime.dsp.octaves`)
    key           songs 0.47 and more, 0.15 and more between relatives (the same notes in major and in minor); speech 0.03 at
                  most, held tones and fifths 0.05 at most
    meter         songs 0.31 and more (it is never clearer than the beat), 3, 5 and 7 without chords 0.43 and more; one
                  that may be two of its halves 0.25 at most; random clicks 0.26 at most, equal clicks 0
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeVar

T = TypeVar("T")

Certainty = Literal["sure", "perhaps", "not heard"]


class Limits(NamedTuple):
    """The least confidence of a finding that is told with "perhaps", and of one that is told as a fact."""

    perhaps: float
    sure: float


LIMITS: Mapping[str, Limits] = {
    "tempo": Limits(0.15, 0.3),
    "beats": Limits(0.15, 0.3),
    "key": Limits(0.12, 0.3),
    "meter": Limits(0.08, 0.3),
}


def certainty(finding: str, confidence: float) -> Certainty:
    """Return how certain a finding of `LIMITS` is with this confidence, 0 to 1."""
    perhaps, sure = LIMITS[finding]
    return "sure" if confidence >= sure else "perhaps" if confidence >= perhaps else "not heard"


def is_reported(finding: str, confidence: Mapping[str, float]) -> bool:
    """Return whether a finding is told at all; one without a confidence is not."""
    return certainty(finding, confidence.get(finding, 0.0)) != "not heard"


def is_sure(finding: str, confidence: Mapping[str, float]) -> bool:
    """Return whether a finding is told as a fact; one without a confidence is not."""
    return certainty(finding, confidence.get(finding, 0.0)) == "sure"


#: Values of the metadata → the finding that they tell.
FINDINGS: Mapping[str, str] = {"bpm": "tempo", "keyscale": "key", "timesignature": "meter"}


def describe(value: str, certainty: object) -> str:
    """Return a value in words: "120", "perhaps 120", or "not heard"."""
    return "not heard" if certainty == "not heard" else f"perhaps {value}" if certainty == "perhaps" else value


def _certainties(metadata: Mapping[str, object]) -> Mapping[str, object]:
    certainties = metadata.get("certainty")
    return certainties if isinstance(certainties, Mapping) else {}


def describe_findings(metadata: Mapping[str, object], **formats: str) -> dict[str, str]:
    """Return tempo, key and meter of a take's metadata in words, by the names of `FINDINGS`, each in its format.

    What was analysed and is not told is "not heard"; what nobody analysed and nobody told is left out.
    """
    how_certain = _certainties(metadata)
    words = {}
    for name, finding in FINDINGS.items():
        value = metadata.get(name)
        if value is not None:
            text = formats.get(name, "{:g}" if isinstance(value, float) else "{}").format(value)
            words[name] = describe(text, how_certain.get(finding))
        elif finding in how_certain:
            words[name] = "not heard"
    return words


def sure_metadata(metadata: Mapping[str, T]) -> dict[str, T]:
    """Return the metadata without a tempo, key or meter that is not sure: what others may build on."""
    how_certain = _certainties(metadata)
    doubtful = {name for name, finding in FINDINGS.items() if how_certain.get(finding, "sure") != "sure"}
    return {name: value for name, value in metadata.items() if name not in doubtful}
