"""Errors are one sentence and a remedy; a wrong value's sentence follows the name of its field."""

from __future__ import annotations

from acestep_runtime.errors import EngineFailure, InvalidValue, UnreadableAudio


def test_a_sentence_and_what_to_do() -> None:
    assert str(EngineFailure("It broke.", remedy="Try again.")) == "It broke. Try again."
    assert str(EngineFailure("It broke.")) == "It broke."
    assert EngineFailure("It broke.", remedy="Try again.").message == "It broke."


def test_the_usual_sentence_names_field_value_and_allowed_values() -> None:
    error = InvalidValue("bpm", 20, "30 to 300", remedy="Count again.")
    assert str(error) == "bpm is 20; allowed: 30 to 300. Count again."
    assert (error.field, error.value, error.allowed) == ("bpm", "20", "30 to 300")
    assert InvalidValue("mode", "loud", "soft").message == "mode is 'loud'; allowed: soft."
    assert InvalidValue("end_s", 2.0, "more", value_text="2, the end").message == "end_s is 2, the end; allowed: more."
    assert len(InvalidValue("codes", "x" * 999, "less").value) == 120
    deep: list[object] = []
    for _ in range(5000):
        deep = [deep]
    assert InvalidValue("codes", deep, "less").value == "a value that is nested too deeply"


def test_the_sentence_is_built_when_it_is_read() -> None:
    usual = InvalidValue("start_s", 9.0, "less")
    own = UnreadableAudio("src_audio", "int", "audio", message="src_audio is of type int; allowed: audio.")
    apart = InvalidValue("tracks", "", "drums", message="No track is named; allowed: drums.")
    for error in (usual, own, apart):
        error.field = f"parts[0].{error.field}"
    assert str(usual) == "parts[0].start_s is 9.0; allowed: less."
    assert str(own) == "parts[0].src_audio is of type int; allowed: audio."
    assert str(apart) == "No track is named; allowed: drums."
    usual.field, usual.allowed = "repainting_start", "more"
    assert usual.message == "repainting_start is 9.0; allowed: more."


def test_an_error_survives_the_wire() -> None:
    sent = InvalidValue("end_s", 0.25, "at least one frame later than start_s, 0.5", value_text="0.25")
    come = InvalidValue(sent.field, sent.value, sent.allowed, message=sent.message, value_text=sent.value)
    for error in (sent, come):
        error.field, error.allowed = "repainting_end", "later"
    assert str(sent) == str(come) == "repainting_end is 0.25; allowed: later."
