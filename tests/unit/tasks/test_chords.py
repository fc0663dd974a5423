"""Given chords in a request: checked before anything runs, and how long a song on them is."""

from __future__ import annotations

from typing import Any

import pytest

from acestep_runtime.engines.draft.engine import DraftEngine
from acestep_runtime.errors import InvalidValue
from acestep_runtime.limits import validate
from acestep_runtime.tasks import TASKS, TextToMusic
from acestep_runtime.tasks.base import Source
from acestep_runtime.tasks.unused import describe_unused
from acestep_runtime.values import MAX_TEXT, Music

DRAFT = DraftEngine()


def music(**fields: Any) -> TextToMusic:
    return TextToMusic(music=Music(**fields))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"chords": "Am Fx"}, "music.chords has 'Fx' in bar 2, which is no chord"),
        ({"chords": "i VI"}, "music.chords has the degree 'i' in bar 1, and no key is given"),
        ({"chords": " "}, "music.chords has no chords"),
        ({"chords": "| C D E F G |"}, "has 5 chords in bar 1; allowed: at most 4"),
        ({"chords": "| C D E F |", "timesignature": 3}, "has 4 chords in bar 1; allowed: at most 3"),
    ],
)
def test_a_fault_is_named_before_anything_runs(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        music(**fields).validate()
    assert words in str(caught.value)
    assert caught.value.field == "music.chords"


def test_a_key_reads_degrees_and_a_meter_takes_more_chords() -> None:
    music(chords="i VI III VII", keyscale="A minor").validate()
    music(chords="| C D E F G A |", timesignature=6).validate()


def test_the_text_is_limited() -> None:
    validate(music(chords="C " * (MAX_TEXT // 2)))
    with pytest.raises(InvalidValue, match=r"music\.chords"):
        validate(music(chords="C " * (MAX_TEXT // 2) + "C"))


@pytest.mark.parametrize(
    ("fields", "bars"),
    [
        ({"chords": "Am F C G"}, 4 * 4 + 1),
        ({"chords": "Am F C G Am F C G Am F C G x4"}, 48 + 1),
        ({"chords": "Am F C G", "timesignature": 3}, 4 * 5 + 1),
        ({"chords": "[Verse] Am F C G [Chorus] F G"}, 6 * 2 + 1 + 0),
    ],
)
def test_a_song_without_words_lasts_whole_passes(fields: dict[str, Any], bars: int) -> None:
    """At 120 beats per minute half a minute is 15 bars of 4/4, and 20 of 3/4; one more bar ends the song."""
    task = music(bpm=120, **fields)
    meter = fields.get("timesignature", 4)
    assert task._length_of_words(DRAFT) == pytest.approx(bars * meter * 0.5)


def test_words_say_the_length_as_before() -> None:
    words = "[Verse]\none two three\nfour five six\n[Chorus]\nseven\neight"
    with_chords, without = (
        music(bpm=120, lyrics=words, chords=chords)._length_of_words(DRAFT) for chords in ("Am", "")
    )
    assert with_chords == without


@pytest.mark.parametrize("task", ["understand", "score", "text2music", "lego"])
def test_a_task_that_plays_nothing_says_so(task: str) -> None:
    kind = TASKS[task]
    fields: dict[str, Any] = {"music": Music(chords="Am F")}
    if kind.has("source"):
        fields["source"] = Source(path="song.wav")
    notes = [note for note in describe_unused(kind(**fields), DRAFT) if "chords" in note]
    assert notes == ([f"chords Am F had no effect: {task} plays nothing."] if kind.kind != "audio" else [])
