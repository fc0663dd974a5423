"""The draft engine: plays and listens without a learned model. Any CPU, no weights, the same result for the same seed.

It writes songs from the words of a caption, regenerates bars from the song's own bars and chords, plays tracks along, takes
tracks out of a mix and analyses. Every result says ``engine: draft``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any

import numpy as np

from acestep_runtime.audio import Samples
from acestep_runtime.dsp.analysis import analyse
from acestep_runtime.dsp.arrangement import Song, fullest_bar, joined_bars, plan, song_bars
from acestep_runtime.dsp.bed import bed, tilt
from acestep_runtime.dsp.players import PLAYERS, playable
from acestep_runtime.dsp.progressions import spelled
from acestep_runtime.dsp.render import Desk, ceiling, render, rms_db
from acestep_runtime.dsp.stems import separate
from acestep_runtime.dsp.style import Instrument, Style, only, style_of, understood
from acestep_runtime.dsp.surroundings import SILENCE_DB, Surroundings, hear
from acestep_runtime.engines.base import Block, EngineEvent, EngineRequest, Facts, Progress
from acestep_runtime.errors import InvalidValue, UnsupportedTask
from acestep_runtime.units import ENGINE_RATE_HZ, db_to_gain, ms_to_frames
from acestep_runtime.values import CancelToken

#: RMS level of the fullest bar of a song, and of a part where there is no music to fit into.
SONG_DB = -16.0
#: How loud a layer is against the music that it joins.
_LAYER_DB = {"drums": -3.0, "bass": -5.0, "percussion": -9.0}
_LAYER_DB_ELSE = -7.0
#: New parts over a bed of the song's own bars; a solo stands in front.
_PART_DB, _SOLO_DB, _BED_DB = -5.0, -2.5, -1.5
_BLOCK_FRAMES = ENGINE_RATE_HZ
_END_FADE = ms_to_frames(30, ENGINE_RATE_HZ)
_FADED_DB = -60.0

Events = Iterator[EngineEvent]


class DraftEngine:
    """See the module."""

    name = "draft"

    def run(self, request: EngineRequest, cancel: CancelToken) -> Events:
        """See `acestep_runtime.engines.base.Engine.run`."""
        if request.task not in _TASKS:
            raise UnsupportedTask(
                f"The draft engine cannot do {request.task}.", remedy="Use the neural engine with ACE-Step 1.5 weights."
            )
        for event in _TASKS[request.task](request, cancel):
            cancel.check()
            yield event


def _pieces(role: str, samples: Samples) -> Iterator[Block]:
    return (Block(role, samples[at : at + _BLOCK_FRAMES]) for at in range(0, len(samples), _BLOCK_FRAMES))


def _facts(**values: Any) -> Facts:
    return Facts({"engine": "draft", **values})


def _heard(request: EngineRequest) -> Samples:
    if request.source is None:
        raise InvalidValue("source", "nothing", "the audio to work on")
    return request.source


# --------------------------------------------------------------------------------------------------- text to music


def _text2music(request: EngineRequest, cancel: CancelToken) -> Events:
    yield Progress("writing the song", 0.0)
    style = style_of(request.music.caption)
    seconds = request.frames / ENGINE_RATE_HZ
    song = plan(request.music, style, seconds, request.seed)
    yield _song_facts(song, style, seconds)
    measure = _desk(style, request.seed)
    for note in fullest_bar(song, style):
        measure.play(note)
    level_db = rms_db(measure.take(max(1, round(song.grid.bar_s * ENGINE_RATE_HZ))))
    gain_db = SONG_DB - level_db if level_db > SILENCE_DB else 0.0
    done = 0
    stage = ["playing"]

    def bars() -> Iterator[tuple[list[Any], float]]:
        for section, notes, end_s in song_bars(song, style):
            cancel.check()
            stage[0] = f"playing {section.name}"
            yield notes, end_s

    for samples in render(bars(), request.frames, _desk(style, request.seed, gain_db)):
        block = _faded(samples, done, request.frames, song)
        done += len(block)
        yield Progress(stage[0], done / request.frames)
        yield from _pieces("mix", block)


def _song_facts(song: Song, style: Style, seconds: float) -> Facts:
    grid = song.grid
    sections = [
        {
            "name": section.name,
            "start_s": round(grid.beat_to_s(section.first_bar * grid.beats_per_bar), 3),
            "end_s": round(min(seconds, grid.beat_to_s((section.first_bar + section.bars) * grid.beats_per_bar)), 3),
        }
        for section in song.sections
    ]
    band = ", ".join(dict.fromkeys(who.voice.replace("_", " ") for who in style.instruments))
    return _facts(
        bpm=round(grid.bpm, 2),
        keyscale=str(song.key),
        timesignature=grid.beats_per_bar,
        caption=f"{style.genre}, {grid.bpm:.0f} bpm, {song.key}: {band}",
        sections=sections,
        chords=spelled(song.harmony, grid, 0.0, seconds),
    )


def _faded(samples: Samples, at: int, frames: int, song: Song) -> Samples:
    """Apply the fade of a section that fades out, and a short one at the very end, where something may still ring."""
    frame = np.arange(at, at + len(samples))
    gain = np.clip((frames - frame) / _END_FADE, 0.0, 1.0)
    last = song.sections[-1]
    if last.fades:
        start = song.grid.beat_to_s(last.first_bar * song.grid.beats_per_bar) * ENGINE_RATE_HZ
        share = np.clip((frame - start) / max(1.0, frames - start), 0.0, 1.0)
        gain = gain * 10 ** (_FADED_DB * share**2 / 20)
    return samples if (gain == 1.0).all() else np.asarray(samples * gain[:, None], np.float32)


def _desk(style: Style, seed: int, gain_db: float = 0.0) -> Desk:
    return Desk(seed=seed, brightness=style.brightness, room_s=style.room_s, gain_db=gain_db)


# ------------------------------------------------------------------------------------- playing with music that is there


def _part(
    around: Surroundings, style: Style, instruments: tuple[Instrument, ...], span: tuple[int, int], *, seed: int,
    level_db: float, cancel: CancelToken,
) -> Iterator[Progress | Samples]:  # fmt: skip
    """Play a part into a span: yield its progress (0 to 1), and at last its samples, ``[span, 2]`` at ``level_db`` RMS."""
    start_s, end_s = (frame / ENGINE_RATE_HZ for frame in span)
    bars = around.bars(start_s, end_s)
    planned = joined_bars(
        grid=around.grid, harmony=around.harmony, key=around.key, style=style, instruments=instruments,
        start_s=start_s, end_s=end_s, energies=around.energies(bars), seed=seed,
    )  # fmt: skip
    blocks, done = [], 0
    for samples in render(planned, span[1], _desk(style, seed)):
        cancel.check()
        done += len(samples)
        blocks.append(samples)
        yield Progress("playing", min(1.0, max(0.0, (done - span[0]) / max(1, span[1] - span[0]))))
    played = np.concatenate(blocks)[span[0] :] if blocks else np.zeros((span[1] - span[0], 2), np.float32)
    raw_db = rms_db(played)
    gain = db_to_gain(level_db - raw_db) if raw_db > SILENCE_DB - 40 else 0.0
    played = ceiling(np.asarray(played * np.float32(gain), np.float32))
    fade = min(_END_FADE, len(played))
    played[len(played) - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)[:, None]
    yield played


def _part_facts(around: Surroundings, span: tuple[int, int]) -> Facts:
    start_s, end_s = (frame / ENGINE_RATE_HZ for frame in span)
    return _facts(
        bpm=round(around.grid.bpm, 2),
        keyscale=str(around.key),
        timesignature=around.grid.beats_per_bar,
        chords=spelled(around.harmony, around.grid, start_s, end_s),
    )


def _level_db(around: Surroundings) -> float:
    return around.loudness_db if around.loudness_db > SILENCE_DB else SONG_DB


def _lego(request: EngineRequest, cancel: CancelToken) -> Events:
    for track in request.tracks:
        if track not in PLAYERS:
            raise UnsupportedTask(
                f"The draft engine cannot play {track}.",
                remedy=f"It plays {', '.join(playable())}; the neural engine with ACE-Step 1.5 weights plays all twelve.",
            )
    source, span = _heard(request), request.span
    yield Progress("listening", 0.0)
    wanted = style_of(request.music.caption)
    around = hear(source, request.known, request.music, wanted, request.seed)
    yield _part_facts(around, span)
    share = 0.8 / len(request.tracks)
    for number, track in enumerate(request.tracks):
        style = only(wanted, track)
        level_db = _level_db(around) + _LAYER_DB.get(track, _LAYER_DB_ELSE)
        layer = np.zeros((request.frames, 2), np.float32)
        part = _part(around, style, style.instruments, span, seed=request.seed, level_db=level_db, cancel=cancel)
        for made in part:
            if isinstance(made, Progress):
                yield Progress(f"playing {track}", 0.2 + share * (number + made.fraction))
            else:
                layer[span[0] : span[1]] = made
        yield from _pieces(track, layer)


def _repaint(request: EngineRequest, cancel: CancelToken) -> Events:
    source, span = _heard(request), request.span
    yield Progress("listening", 0.0)
    style = style_of(request.music.caption)
    around = hear(source, request.known, request.music, style, request.seed)
    yield _part_facts(around, span)
    yield Progress("looking for bars that fit", 0.3)
    # A genre in the caption asks for another band; without one the song goes on, with what is asked for on top.
    new_band = any(kind == "genre" for _, kind, _ in understood(request.music.caption))
    ground = None if new_band else bed(source, around, span, request.seed)
    level_db, instruments = _level_db(around), style.instruments
    if ground is not None:
        instruments = style.instruments[: style.named] or _accompaniment(style)
        level_db += _SOLO_DB if style.solo else _PART_DB
    new = np.zeros((0, 2), np.float32)
    for made in _part(around, style, instruments, span, seed=request.seed, level_db=level_db, cancel=cancel):
        if isinstance(made, Progress):
            yield Progress("playing", 0.3 + 0.65 * made.fraction)
        else:
            new = made
    if ground is not None:
        new = new + np.float32(db_to_gain(_BED_DB)) * tilt(ground, style.brightness)
    peak, allowed = float(np.abs(new).max(initial=0.0)), max(0.99, float(np.abs(source).max(initial=0.0)))
    result = source.copy()
    result[span[0] : span[1]] = new * np.float32(min(1.0, allowed / max(peak, 1e-9)))
    yield from _pieces("mix", result)


def _accompaniment(style: Style) -> tuple[Instrument, ...]:
    """Return one instrument that changes a passage without taking it over."""
    chords = [who for who in style.instruments if who.track in ("keyboard", "guitar", "strings") and not who.leads]
    return tuple(chords[:1]) or style.instruments[:1]


# ------------------------------------------------------------------------------------------------------- listening


def _extract(request: EngineRequest, cancel: CancelToken) -> Events:
    source = _heard(request)
    yield _facts()
    reports: SimpleQueue[float | None] = SimpleQueue()
    with ThreadPoolExecutor(1) as thread:  # so that progress can be told while it works
        work = thread.submit(
            separate, source, request.tracks, cancel_check=cancel.check, progress=lambda share: reports.put(share)
        )
        work.add_done_callback(lambda _: reports.put(None))
        while (share := reports.get()) is not None:
            yield Progress("separating", 0.95 * share)
        stems = work.result()
    for role, samples in stems.items():
        yield from _pieces(role, samples)


def _understand(request: EngineRequest, cancel: CancelToken) -> Events:
    source, music = _heard(request), request.music
    yield Progress("listening", 0.0)
    found = analyse(source, ENGINE_RATE_HZ, bpm=music.bpm, keyscale=music.keyscale, timesignature=music.timesignature)
    cancel.check()
    yield _facts(
        bpm=round(found.grid.bpm, 2),
        keyscale=str(found.key),
        timesignature=found.grid.beats_per_bar,
        duration=round(found.duration_s, 3),
        caption=found.caption,
        loudness_db=round(found.loudness_db, 1),
        confidence={name: round(value, 2) for name, value in found.confidence.items()},
        beats=[round(time_s, 3) for time_s in found.beats_s],
        downbeats=[round(time_s, 3) for time_s in found.downbeats_s],
        chords=[
            {"start_s": round(chord.start_s, 3), "end_s": round(chord.end_s, 3), "name": str(chord)}
            for chord in found.chords
        ],
    )


_TASKS: dict[str, Callable[[EngineRequest, CancelToken], Events]] = {
    "text2music": _text2music,
    "repaint": _repaint,
    "lego": _lego,
    "extract": _extract,
    "understand": _understand,
}
