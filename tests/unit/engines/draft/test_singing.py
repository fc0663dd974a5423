"""The draft engine with lyrics: every line is sung once at its time, in songs, layers and repaints."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acestep_runtime.engines.base import Block, EngineRequest, Metadata
from acestep_runtime.engines.draft.engine import DraftEngine
from acestep_runtime.lyrics.formats import FORMATS
from acestep_runtime.lyrics.text import lyric_lines
from acestep_runtime.tasks import TASKS
from acestep_runtime.values import TRACKS, CancelToken, Music
from tests.support import signals

RATE_HZ = 48_000
Samples = npt.NDArray[np.float32]
LYRICS = """[Intro]
[Verse 1]
Take me to the city tonight
Show me where the people go
[Chorus]
Sing to me, sing to me
Never let me go
[Guitar Solo]
[Chorus]
Sing to me, sing to me
Never let me go
[Outro]"""


def run_task(task: str, frames: int, seed: int = 1, **more: Any) -> tuple[dict[str, Samples], dict[str, Any]]:
    roles: dict[str, list[Samples]] = {}
    facts: dict[str, Any] = {}
    for event in DraftEngine().run(EngineRequest(TASKS[task], frames, seed, **more), CancelToken()):
        if isinstance(event, Block):
            roles.setdefault(event.role, []).append(event.samples)
        elif isinstance(event, Metadata):
            facts.update(event.values)
    return {role: np.concatenate(parts) for role, parts in roles.items()}, facts


def song(seconds: float, seed: int = 1, *, auto_lrc: bool = False, **music: Any) -> tuple[Samples, dict[str, Any]]:
    roles, facts = run_task("text2music", round(seconds * RATE_HZ), seed, music=Music(**music), auto_lrc=auto_lrc)
    return roles["mix"], facts


def rms_db(samples: Samples) -> float:
    return float(10 * np.log10(np.mean(samples.astype(np.float64) ** 2) + 1e-20))


@pytest.fixture(scope="module")
def source() -> Samples:
    """Sixteen seconds in C at 120 bpm, bar one at 0: nothing of the engine's own making."""
    return np.float32(0.6) * signals.song(bpm=120, bars=8)


# ---------------------------------------------------------------------------------------------------- text2music
def test_lines_are_performed_in_their_sections() -> None:
    _, facts = song(60, caption="pop", bpm=120, lyrics=LYRICS, auto_lrc=True)
    assert [row["text"] for row in facts["lines"]] == [line.text for line in lyric_lines(LYRICS)]
    sections = {}
    for row in facts["sections"]:
        sections.setdefault(row["name"], []).append((row["start_s"], row["end_s"]))
    expected = [("Verse 1", 0)] * 2 + [("Chorus", 0)] * 2 + [("Chorus", 1)] * 2
    for row, (name, which) in zip(facts["lines"], expected, strict=True):
        start_s, end_s = sections[name][which]
        assert start_s <= row["start_s"] < row["end_s"] <= end_s
    lrc = FORMATS["lrc"].read(facts["lrc"]).lines
    assert [line.text for line in lrc] == [row["text"] for row in facts["lines"]]
    assert [line.start_s for line in lrc] == pytest.approx([row["start_s"] for row in facts["lines"]], abs=0.0051)


def test_choruses_have_the_same_tune() -> None:
    """The times of the second chorus are those of the first, a whole number of bars later."""
    _, facts = song(60, caption="pop", bpm=120, lyrics=LYRICS)
    first, second = facts["lines"][2:4], facts["lines"][4:6]
    shifts = [b["start_s"] - a["start_s"] for a, b in zip(first, second, strict=True)]
    assert shifts[0] == pytest.approx(shifts[1], abs=2e-3)
    assert shifts[0] % 2 == pytest.approx(0, abs=2e-3)


def test_the_voice_is_in_front_where_lines_are_performed_and_silent_before() -> None:
    """The same song without its words, at the gain that makes their intros equal: what is left is the voice."""
    four = "take me to the city\nshow me where to go\n" * 2
    music = {"caption": "ballad, no woodwinds, no guitar", "bpm": 120.0, "keyscale": "C major"}
    with_words, facts = song(48, lyrics=f"[Intro]\n[Verse]\n{four}[Chorus]\n{four}[Outro]", **music)
    plain, without = song(48, lyrics="[Intro]\n[Verse]\n[Chorus]\n[Outro]", **music)
    assert facts["sections"] == without["sections"]
    intro = slice(0, 6 * RATE_HZ)
    gain = np.float32(np.sum(with_words[intro] * plain[intro], dtype=float) / np.sum(plain[intro] ** 2, dtype=float))
    voice = with_words - gain * plain
    assert rms_db(voice[intro]) < rms_db(with_words[intro]) - 50
    for row in facts["lines"]:
        here = slice(round(row["start_s"] * RATE_HZ), round(row["end_s"] * RATE_HZ))
        assert -12 < rms_db(voice[here]) - rms_db(with_words[here]) < 0
    assert -20 < rms_db(with_words) < -12


@pytest.mark.parametrize(
    ("caption", "lyrics", "words"),
    [
        ("pop, no vocals", "hello world", True),
        ("instrumental pop", "[Verse]\nhello world", True),
        ("pop", "", False),
        ("pop", "[Instrumental]", False),
        ("pop with female vocals", "[Instrumental]", False),
        ("pop", "...\n🎵🎵", False),
        ("보컬 없는 팝", "안녕 세상", True),
    ],
)
def test_given_words_are_performed(caption: str, lyrics: str, words: bool) -> None:
    _, facts = song(3, caption=caption, lyrics=lyrics, auto_lrc=True)
    assert ("lines" in facts) == words
    assert bool(facts["lrc"]) == words


def test_singers_named_in_the_caption_sing_without_words() -> None:
    """Held against the same request without them: another mix, louder in the middle."""
    music = {"bpm": 100.0, "keyscale": "C major"}
    plain, voice = (song(6, caption=caption, **music)[0] for caption in ("ambient", "ambient, female vocals"))
    assert not np.array_equal(plain, voice)


lines = st.sampled_from(["hey", "walking down the line again", "오늘 밤 너를 생각해", "きょうはいいてんき", "你好世界",
                         "🎵 la la", "x" * 200, "라라라 " * 50])  # fmt: skip


@pytest.mark.slow
@settings(deadline=None, max_examples=12)
@given(rows=st.lists(st.one_of(lines, st.sampled_from(["[Verse]", "[Chorus - powerful]", "[Outro]"])), max_size=14),
       seconds=st.floats(0.3, 16), meter=st.sampled_from([2, 3, 4, 6]), seed=st.integers(0, 2**32 - 1))  # fmt: skip
def test_any_lyrics_fit_any_song(rows: list[str], seconds: float, meter: int, seed: int) -> None:
    lyrics = "\n".join(rows)
    mix, facts = song(seconds, seed, caption="lo-fi", lyrics=lyrics, timesignature=meter, auto_lrc=True)
    due = [line.text for line in lyric_lines(lyrics)]
    found = facts.get("lines", [])
    assert [row["text"] for row in found] == due
    times = [row[name] for row in found for name in ("start_s", "end_s")]
    assert times == sorted(times)
    assert not times or (times[0] >= 0 and times[-1] <= len(mix) / RATE_HZ + 0.001)
    assert [line.text for line in FORMATS["lrc"].read(facts["lrc"]).lines] == due
    assert np.isfinite(mix).all()
    assert np.abs(mix).max() <= 1


def test_the_same_seed_sings_the_same_song() -> None:
    first, again, other = (song(8, seed, lyrics="hello world\nhow are you", caption="rock")[0] for seed in (1, 1, 2))
    assert first.tobytes() == again.tobytes()
    assert not np.array_equal(first, other)


# ---------------------------------------------------------------------------------------------------------- lego
def layers(source: Samples, span: tuple[int, int], tracks: tuple[str, ...], lyrics: str = "", **more: Any
           ) -> tuple[dict[str, Samples], dict[str, Any]]:  # fmt: skip
    music = Music(lyrics=lyrics, **{"caption": "pop", **more})
    return run_task("lego", len(source), music=music, source=source, span=span, known=(0, len(source)), tracks=tracks,
                  auto_lrc=True)  # fmt: skip


def test_all_twelve_tracks_sound_inside_their_span_only(source: Samples) -> None:
    start, stop = 2 * RATE_HZ + 99, 12 * RATE_HZ + 7
    roles, facts = layers(source, (start, stop), TRACKS, "take me to the city\nsing to me")
    assert tuple(roles) == TRACKS
    for track, layer in roles.items():
        assert not layer[:start].any(), track
        assert not layer[stop:].any(), track
        assert rms_db(source) - 20 < rms_db(layer[start:stop]) < rms_db(source) - 2, track
        assert np.abs(layer).max() < 1
    assert [row["text"] for row in facts["lines"]] == ["take me to the city", "sing to me"]
    assert all(start / RATE_HZ <= row["start_s"] < row["end_s"] <= stop / RATE_HZ for row in facts["lines"])


def test_the_first_syllable_of_a_line_sounds_at_its_time(source: Samples) -> None:
    roles, facts = layers(source, (0, len(source)), ("vocals",), "take me to the city\nsing to me baby\ntonight we go")
    voice = roles["vocals"].mean(axis=1)
    level = np.sqrt(np.mean(voice[: len(voice) // 240 * 240].reshape(-1, 240) ** 2, axis=1))
    loud = float(np.quantile(level, 0.95))
    for row in facts["lines"]:
        at = round(row["start_s"] * 200)
        before, after = level[max(0, at - 12) : max(1, at - 1)].max(), level[at : at + 8].max()
        assert after > 0.08 * loud
        assert before < 0.5 * after
    lrc = [line.start_s for line in FORMATS["lrc"].read(facts["lrc"]).lines]
    assert lrc == pytest.approx([row["start_s"] for row in facts["lines"]], abs=0.0051)


def test_singers_are_as_loud_with_few_words_as_with_many(source: Samples) -> None:
    """What counts is the level while they sing, not the pauses."""
    levels = []
    for lyrics in ("hey", "\n".join(["walking down the road tonight"] * 8)):
        voice = layers(source, (0, len(source)), ("vocals",), lyrics)[0]["vocals"]
        windows = np.mean(voice[: len(voice) // 4800 * 4800].reshape(-1, 9600).astype(np.float64) ** 2, axis=1)
        levels.append(10 * np.log10(np.quantile(windows, 0.999)))
    assert abs(levels[0] - levels[1]) < 5


def test_backing_vocals_sing_with_the_lead_on_both_sides(source: Samples) -> None:
    roles, _ = layers(source, (0, len(source)), ("vocals", "backing_vocals"), "take me to the city\nsing to me")
    lead, backing = (roles[name].astype(np.float64) for name in ("vocals", "backing_vocals"))
    assert np.corrcoef(lead.T)[0, 1] > 0.8
    assert np.corrcoef(backing.T)[0, 1] < 0.7
    envelopes = [np.sqrt(np.mean(x[: len(x) // 4800 * 4800].reshape(-1, 9600) ** 2, axis=1)) for x in (lead, backing)]
    assert np.corrcoef(*envelopes)[0, 1] > 0.8


def test_layers_without_words_have_no_lines(source: Samples) -> None:
    for lyrics, tracks in (("", ("vocals",)), ("hello world", ("drums",))):
        _, facts = layers(source, (0, len(source)), tracks, lyrics)
        assert "lines" not in facts
        assert facts["lrc"] == ""


# ------------------------------------------------------------------------------------------------------- repaint
@pytest.mark.parametrize("span_s", [(4.0, 12.0), (5.3, 9.71), (7.0, 7.4), (12.0, 16.0)])
@pytest.mark.parametrize("mode", ["conservative", "balanced", "aggressive"])
def test_words_are_performed_inside_a_repaint(source: Samples, span_s: tuple[float, float], mode: str) -> None:
    span = (round(span_s[0] * RATE_HZ), round(span_s[1] * RATE_HZ))
    roles, facts = run_task("repaint", len(source), source=source, span=span, known=(0, len(source)), mode=mode, strength=0.5,
                          music=Music(lyrics="[Verse 2]\n새로운 가사\n다른 이야기"), auto_lrc=True)  # fmt: skip
    mix = roles["mix"]
    assert np.array_equal(mix[: span[0]], source[: span[0]])
    assert np.array_equal(mix[span[1] :], source[span[1] :])
    assert not (mix[span[0] : span[1]] == source[span[0] : span[1]]).all(axis=1).any()
    assert [row["text"] for row in facts["lines"]] == ["새로운 가사", "다른 이야기"]
    assert all(span_s[0] - 1e-3 <= row["start_s"] < row["end_s"] <= span_s[1] + 1e-3 for row in facts["lines"])
    assert [line.start_s for line in FORMATS["lrc"].read(facts["lrc"]).lines] == pytest.approx(
        [row["start_s"] for row in facts["lines"]], abs=0.0051
    )
    assert abs(rms_db(mix[slice(*span)]) - rms_db(source)) < 4


def test_new_words_may_keep_the_old_melody() -> None:
    """A tune with rests between its notes: lines begin where the notes begin."""
    out = np.zeros((16 * RATE_HZ, 2), np.float32)
    starts = np.arange(4.0, 12.0, 1.0)
    for order, at_s in enumerate(starts):
        tone = signals.sine(440 * 2 ** (((60, 64, 67, 62)[order % 4] - 69) / 12), 0.7, peak=0.3)
        at = round(at_s * RATE_HZ)
        out[at : at + len(tone)] += tone * np.hanning(len(tone))[:, None].astype(np.float32) ** 0.25
    span = (4 * RATE_HZ, 12 * RATE_HZ)
    words = "one two three four\nfive six sev en"
    _, facts = run_task("repaint", len(out), source=out, span=span, known=(0, len(out)), mode="aggressive",
                      music=Music(caption="same style, maintain melody", lyrics=words, bpm=60))  # fmt: skip
    for row in facts["lines"]:
        assert np.abs(starts - row["start_s"]).min() < 0.12
