"""Songs in this process: pieces that meet, choices, changes of the plan, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from acestep_runtime.audio import decode, wav
from acestep_runtime.audio.tags.marks import marks_in_wave
from acestep_runtime.audio.tags.riff import read_chunks_of
from acestep_runtime.errors import EngineFailure, InvalidValue
from acestep_runtime.guide.request import Order
from acestep_runtime.guide.runners import Batch, LocalRunner
from acestep_runtime.song import choose_take, make_song
from acestep_runtime.song.build import Song, build_song
from acestep_runtime.song.pieces import Piece, write_pieces
from acestep_runtime.song.plan_file import plan_of
from acestep_runtime.song.state import lock_song
from acestep_runtime.values import CancelToken
from tests.support.songs import NAMES, files_of, mapping

SECOND, FADE, BEAT = 48_000, 960, 12_000


class Runner(LocalRunner):
    """Runs orders here, and keeps them; ``fails`` is the number of the one that fails."""

    def __init__(self, fails: int = -1) -> None:
        self.orders: list[Order] = []
        self.sources: list[int] = []
        self._fails = fails

    def run(self, order: Order, folder: Path, cancel: CancelToken, report: Callable[[str, float], None]) -> Batch:
        if len(self.orders) == self._fails:
            raise EngineFailure("The engine broke.")
        self.orders.append(order)
        self.sources.append(0 if order.source is None else order.source.frames)
        return super().run(order, folder, cancel, report)


def build(folder: Path, runner: Runner, names: tuple[str, ...] = NAMES[:3], **more: object) -> Song:
    options = {key: more.pop(key) for key in ("pick", "begin_again", "choice") if key in more}
    return build_song(plan_of(mapping(names, **more)), folder, runner, **options)  # type: ignore[arg-type]


def test_the_first_section_is_new_music_and_the_others_continue_it(tmp_path: Path) -> None:
    runner = Runner()
    song = build(tmp_path / "song", runner)
    assert [order.task for order in runner.orders] == ["text2music", "repaint", "repaint"]
    first, second, _ = (order.fields for order in runner.orders)
    assert first["duration_s"] == 2.0  # and a bar more
    assert (second["start_s"], second["end_s"], second["scope"]) == (1.0, 2.25, "region")  # and a beat more
    assert first["music"] == {
        "caption": "synth pop", "lyrics": "[Intro]", "bpm": 240, "timesignature": 4,
    }  # fmt: skip
    assert runner.sources == [0, SECOND, 2 * SECOND]
    assert song.is_finished
    assert song.waiting is None


def test_what_was_made_before_is_in_the_song_bit_by_bit(tmp_path: Path) -> None:
    song = build(tmp_path / "song", Runner(), NAMES)
    samples = decode.read(song.file)
    assert len(samples) == 5 * SECOND
    for number, section in enumerate(song.state.sections):
        take = section.choice
        assert take.at == number * SECOND - (FADE if number else 0)
        stop = 5 * SECOND if number == 4 else (number + 1) * SECOND - FADE
        made = decode.read(song.folder / take.file)
        assert len(made) == take.frames == (number + 1) * SECOND + song.plan.overhang(number) - take.at
        assert np.array_equal(samples[take.at : stop], made[: stop - take.at])


def test_the_song_has_a_marker_and_a_row_for_each_section(tmp_path: Path) -> None:
    song = build(tmp_path / "song", Runner(), takes=2, title="Night")
    marks = marks_in_wave(read_chunks_of(song.file), SECOND).markers
    assert marks == ((0.0, "Intro"), (1.0, "Verse"), (2.0, "Chorus"))
    table = json.loads((song.folder / "sections.json").read_text("utf-8"))
    assert {key: table[key] for key in ("title", "file", "sample_rate", "frames", "seed")} == {
        "title": "Night", "file": "song.wav", "sample_rate": SECOND, "frames": 3 * SECOND, "seed": 11,
    }  # fmt: skip
    row = table["sections"][1]
    assert (row["name"], row["start_frame"], row["end_frame"], row["start_s"], row["end_s"]) == (
        "Verse", SECOND, 2 * SECOND, 1.0, 2.0,
    )  # fmt: skip
    assert [take["first_frame"] for take in row["takes"]] == [FADE, FADE]
    assert row["seed"] == row["takes"][row["take"] - 1]["seed"]


def test_equal_plans_make_equal_songs_and_a_song_that_is_done_stays(tmp_path: Path) -> None:
    one, other = build(tmp_path / "a", Runner()), build(tmp_path / "b", Runner())
    assert files_of(one.folder) == files_of(other.folder)
    runner = Runner()
    assert build(one.folder, runner).is_finished
    one.file.unlink()
    build(one.folder, runner)
    assert runner.orders == []
    assert files_of(one.folder) == files_of(other.folder)


def test_a_song_goes_on_after_a_failure(tmp_path: Path) -> None:
    with pytest.raises(EngineFailure):
        build(tmp_path / "a", Runner(fails=1))
    runner = Runner()
    song = build(tmp_path / "a", runner)
    assert len(runner.orders) == 2
    assert files_of(song.folder) == files_of(build(tmp_path / "b", Runner()).folder)


def test_the_tail_before_a_section_begins_at_a_bar_and_is_no_longer_than_it_need_be(tmp_path: Path) -> None:
    runner = Runner()
    plan = plan_of({"bpm": 70, "engine": "fake", "section": [{"name": "A", "bars": 12}, {"name": "B", "bars": 1}]})
    build_song(plan, tmp_path / "song", runner)
    bars = 10  # of 3.43 s: as much as a repaint reads, 30 s and its margins
    assert runner.sources[1] == round(12 * 4 * 60 / 70 * SECOND) - round((12 - bars) * 4 * 60 / 70 * SECOND)


def test_takes_are_chosen_by_ear(tmp_path: Path) -> None:
    folder = tmp_path / "song"
    song = build(folder, Runner(), NAMES[:2], takes=3, pick="ear")
    assert (song.waiting, song.is_finished) == (0, False)
    song = build(folder, Runner(), NAMES[:2], takes=3, choice=("intro", 3))
    assert (song.waiting, song.state.sections[0].chosen) == (1, 3)
    song = build(folder, Runner(), NAMES[:2], takes=3, choice=("Verse", 1))
    assert song.is_finished
    runner = Runner()
    song = build(folder, runner, NAMES[:2], takes=3, choice=("Verse", 2))  # the last one: nothing is made again
    assert (song.is_finished, runner.orders) == (True, [])
    song = build(folder, Runner(), NAMES[:2], takes=3, choice=("Intro", 1))
    assert (song.waiting, [made.chosen for made in song.state.sections]) == (1, [1, 0])
    assert build(folder, Runner(), NAMES[:2], takes=3, pick="score").is_finished


def test_one_take_needs_no_ear(tmp_path: Path) -> None:
    assert build(tmp_path / "song", Runner(), pick="ear").is_finished


def test_a_section_and_those_after_it_are_made_again_with_new_seeds(tmp_path: Path) -> None:
    old = build(tmp_path / "song", Runner())
    runner = Runner()
    new = build(old.folder, runner, begin_again="verse")
    assert len(runner.orders) == 2
    seeds = [[made.choice.seed for made in song.state.sections] for song in (old, new)]
    assert seeds[0][0] == seeds[1][0]
    assert not set(seeds[0][1:]) & set(seeds[1][1:])


def test_a_plan_that_has_changed_is_refused_until_it_is_made_again(tmp_path: Path) -> None:
    folder = tmp_path / "song"
    build(folder, Runner())
    with pytest.raises(InvalidValue, match=r'(?s)section "Intro" of the plan has changed.*--from "Intro"'):
        build(folder, Runner(), style="metal")
    with pytest.raises(InvalidValue, match="has changed"):
        build(folder, Runner(), style="metal", begin_again="Verse")
    with pytest.raises(InvalidValue, match="or the seed of the song"):
        build(folder, Runner(), seed=12)
    assert build(folder, Runner(), seed=12, begin_again="Intro").state.seed == 12
    with pytest.raises(InvalidValue, match='section "Verse"'):  # it is the last one now, and leads on
        build(folder, Runner(), NAMES[:2], seed=12)


def like_plan(**more: object) -> dict[str, object]:
    sections = [{"name": "A", "bars": 2}, {"name": "B", "bars": 1}, {"name": "C", "like": "A", **more}]
    return {**mapping(()), "section": sections}


def test_a_section_like_another_begins_from_a_copy_of_it(tmp_path: Path) -> None:
    runner = Runner()
    song = build_song(plan_of(like_plan()), tmp_path / "song", runner)  # type: ignore[arg-type]
    order = runner.orders[2]
    assert runner.sources[2] == 3 * SECOND + 2 * SECOND
    assert (order.fields["start_s"], order.fields["end_s"], order.fields["mode"]) == (3.0, 5.0, "conservative")
    assert song.state.sections[2].choice.seed == song.state.sections[0].choice.seed
    assert song.state.sections[2].choice.at == 3 * SECOND - FADE
    # Made again alone it is another one; made again with its model it is like that.
    alone = build_song(plan_of(like_plan()), song.folder, Runner(), begin_again="C")  # type: ignore[arg-type]
    assert alone.state.sections[2].choice.seed != alone.state.sections[0].choice.seed
    whole = build_song(plan_of(like_plan()), tmp_path / "b", Runner())  # type: ignore[arg-type]
    whole = build_song(whole.plan, whole.folder, Runner(), begin_again="A")
    assert whole.state.sections[2].choice.seed == whole.state.sections[0].choice.seed


def test_a_section_like_a_shorter_one_goes_on_behind_the_copy(tmp_path: Path) -> None:
    runner = Runner()
    build_song(plan_of(like_plan(like="B", bars=3)), tmp_path / "song", runner)  # type: ignore[arg-type]
    assert runner.sources[2] == 3 * SECOND + SECOND + BEAT  # all that there is of B, with what it sounds beyond its end
    assert runner.orders[2].fields["end_s"] == 6.0


def test_what_is_not_possible_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "song"
    with pytest.raises(InvalidValue, match="pick is 'luck'; allowed: score, ear"):
        build(folder, Runner(), pick="luck")
    with pytest.raises(
        InvalidValue, match="section is 'Intro'; allowed: a section that is made: nothing: none is made"
    ):
        build(folder, Runner(), choice=("Intro", 1))
    with pytest.raises(InvalidValue, match='allowed: a section that was made, or "Intro", the next one'):
        build(folder, Runner(), begin_again="Chorus")
    song = build(folder, Runner())
    with pytest.raises(InvalidValue, match='take of section "Verse" is 2; allowed: 1 to 1'):
        build(folder, Runner(), choice=("Verse", 2))
    (folder / song.state.sections[0].choice.file).unlink()
    with pytest.raises(InvalidValue, match=r'a take of section "Intro", is gone'):
        build(folder, Runner(), begin_again="Verse")
    with lock_song(folder), pytest.raises(InvalidValue, match="Another program works on the song"):
        build(folder, Runner())
    other = tmp_path / "music"
    other.mkdir()
    (other / "mine.wav").touch()
    with pytest.raises(InvalidValue, match="holds something else than a song"):
        build(other, Runner())
    assert {file.name for file in other.iterdir()} == {"mine.wav"}


def test_the_python_api(tmp_path: Path) -> None:
    stages: list[tuple[str, float]] = []
    song = make_song(
        mapping(NAMES[:2], takes=2), tmp_path / "song", pick="ear", on_progress=lambda *stage: stages.append(stage)
    )
    assert (song.waiting, song.file, song.audio) == ("Intro", None, None)
    assert [row["take"] for row in song.sections] == [0]
    assert stages[0] == ("Intro: preparing", 0.0)
    song = choose_take(mapping(NAMES[:2], takes=2), "Intro", 2, song.folder)
    assert song.waiting == "Verse"
    song = make_song(mapping(NAMES[:2], takes=2), song.folder, pick="score")
    assert song.audio is not None
    assert song.audio.frames == 2 * SECOND
    with pytest.raises(InvalidValue, match="folder is 'None'; allowed: a folder for the song"):
        make_song(mapping(NAMES[:2]))


def test_pieces_play_until_the_next_one(tmp_path: Path) -> None:
    for name, value in (("a", 0.25), ("b", 0.5), ("c", 0.75)):
        ramp = np.linspace(value, value + 0.2, 100, dtype=np.float32)
        wav.write(tmp_path / f"{name}.wav", np.stack([ramp, -ramp], 1), 8_000)
    files = [decode.read(tmp_path / f"{name}.wav") for name in "abc"]
    pieces = [Piece(tmp_path / "a.wav", 0), Piece(tmp_path / "b.wav", 60), Piece(tmp_path / "c.wav", 130, 10)]
    write_pieces(tmp_path / "out.wav", pieces, 50, 200, 8_000)
    expected = np.concatenate([files[0][50:60], files[1][:70], files[2][10:80]])
    assert np.array_equal(decode.read(tmp_path / "out.wav"), expected)


def test_keys_follow_from_the_content(tmp_path: Path) -> None:
    runner = Runner()
    song = build(tmp_path / "a", runner)
    keys = [str(order.submission["idempotency_key"]) for order in runner.orders]
    assert len(set(keys)) == 3
    assert all(key.startswith(f"song-{song.state.id}-") and len(key) <= 128 for key in keys)
    again = Runner()
    state = json.loads((song.folder / "song.json").read_text("utf-8"))
    state |= {"sections": [], "finished": False}
    (song.folder / "song.json").write_text(json.dumps(state), "utf-8")
    build(song.folder, again)
    assert [order.submission["idempotency_key"] for order in again.orders] == keys


@pytest.mark.slow
def test_a_section_like_another_sounds_like_it(tmp_path: Path) -> None:
    sections = [
        {"name": "Chorus", "bars": 4}, {"name": "Verse", "bars": 4}, {"name": "Chorus 2", "like": "Chorus"},
        {"name": "Chorus 3", "bars": 4},
    ]  # fmt: skip
    song = make_song({**mapping(()), "bpm": 140, "engine": "draft", "section": sections}, tmp_path / "song")
    assert song.audio is not None
    samples = song.audio.samples().mean(axis=1)
    borders = [int(str(row["start_frame"])) for row in song.sections]
    length = min(borders[3] - borders[2], len(samples) - borders[3])
    first, _, second, third = (samples[at : at + length] for at in borders)
    like, other = (np.corrcoef(first, section)[0, 1] for section in (second, third))
    assert like > 0.6  # the same bars with other parts over them
    assert like > other + 0.1  # which takes bars from anywhere in the song
