"""The draft engine: listens, takes apart, arranges and synthesises on any CPU. No weights; the same seed, the same music.

This file serves the tasks that need a whole song or none; draft_parts.py and draft_repaint.py join music that is there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from queue import SimpleQueue
from typing import Any

from acestep_runtime.dsp.analysis import analyse
from acestep_runtime.dsp.arrangement import Song, fullest_bar, plan, song_bars, vocals
from acestep_runtime.dsp.musical import Analysis
from acestep_runtime.dsp.progressions import spelled
from acestep_runtime.dsp.render import Desk, Stereo, faded, render, rms_db
from acestep_runtime.dsp.stems import separate
from acestep_runtime.dsp.style import style_of
from acestep_runtime.engines.base import Block, EngineEvent, EngineRequest, Facts, Progress
from acestep_runtime.engines.draft_complete import complete
from acestep_runtime.engines.draft_cover import cover
from acestep_runtime.engines.draft_parts import facts_of, lego, lines_of, pieces, source_of
from acestep_runtime.engines.draft_repaint import repaint
from acestep_runtime.engines.draft_scores import align_lyrics, score, scored
from acestep_runtime.engines.draft_words import create_sample, format_sample
from acestep_runtime.errors import UnsupportedTask
from acestep_runtime.units import ENGINE_RATE_HZ
from acestep_runtime.values import CancelToken

#: RMS level of the fullest bar of a song.
SONG_DB = -15.0


def text2music(request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
    """Write, play and sing a song of ``frames`` frames, bar by bar: the first bar is out before the second is made."""
    yield Progress("planning the song", 0.0)
    music, frames = request.music, request.frames
    length_s = frames / ENGINE_RATE_HZ
    style = style_of(music.caption)
    song = plan(music, style, length_s, request.seed)
    singing = vocals(song, style, length_s)
    yield Facts({**_song_facts(song, music.caption, length_s), **lines_of(singing.lines, request)})

    cancel.check()
    trial = Desk(seed=request.seed, brightness=style.brightness, room_s=style.room_s)
    for note in fullest_bar(song, style, singing):
        trial.play(note)
    level_db = rms_db(trial.take(round(song.grid.bar_s * ENGINE_RATE_HZ)))
    gain_db = SONG_DB - level_db if level_db > -60 else 0.0
    desk = Desk(seed=request.seed, brightness=style.brightness, room_s=style.room_s, gain_db=gain_db, like=trial)

    names = [section.name for section, _, _ in song_bars(song, style, singing)]
    bars = ((notes, end_s) for _, notes, end_s in song_bars(song, style, singing))
    fade = _fade_frames(song, frames)
    done = 0
    for number, block in enumerate(render(bars, frames, desk)):
        name = names[min(number, len(names) - 1)]
        yield Progress(f"playing {name.lower()}, bar {number + 1} of {song.bars}", done / max(1, frames))
        cancel.check()
        yield Block("mix", faded(block, done, frames, fade))
        done += len(block)


def _fade_frames(song: Song, frames: int) -> int:
    """Return over how many frames a song fades at its end: an outro that fades, a last chord, or just no click."""
    last = song.sections[-1]
    if last.fades:
        start = round(song.grid.beat_to_s(last.first_bar * song.grid.beats_per_bar) * ENGINE_RATE_HZ)
        return max(1, frames - start)
    if song.ending < song.bars:
        chord = round(song.grid.beat_to_s(song.ending * song.grid.beats_per_bar) * ENGINE_RATE_HZ)
        return max(1, (frames - chord) * 2 // 3)
    return max(1, min(frames // 4, ENGINE_RATE_HZ // 20))


def _song_facts(song: Song, caption: str, length_s: float) -> dict[str, object]:
    meter = song.grid.beats_per_bar
    sections = []
    for number, section in enumerate(song.sections):
        stop = section.first_bar + section.bars if number + 1 < len(song.sections) else song.bars
        end_s = min(length_s, song.grid.beat_to_s(stop * meter))
        sections.append({"name": section.name, "start_s": round(song.grid.beat_to_s(section.first_bar * meter), 3),
                         "end_s": round(end_s, 3)})  # fmt: skip
    return {**facts_of(song.grid, song.key), "caption": caption, "duration": round(length_s, 3), "sections": sections,
            "chords": spelled(song.harmony, song.grid, 0.0, length_s)}  # fmt: skip


def understand(request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
    """Say what the source is."""
    yield Progress("listening", 0.0)
    cancel.check()
    yield Facts(heard(request))
    yield Progress("listening", 1.0)


def heard(request: EngineRequest) -> dict[str, Any]:
    """Return what signal processing hears in the source, as facts."""
    return _heard_facts(_listen(request))


def _listen(request: EngineRequest) -> Analysis:
    music = request.music
    return analyse(source_of(request), ENGINE_RATE_HZ, bpm=music.bpm, keyscale=music.keyscale,
                   timesignature=music.timesignature)  # fmt: skip


def _heard_facts(found: Analysis) -> dict[str, Any]:
    return {
        **facts_of(found.grid, found.key),
        "duration": round(found.duration_s, 3),
        "caption": found.caption,
        "beats": [round(float(b), 3) for b in found.beats_s],
        "downbeats": [round(float(b), 3) for b in found.downbeats_s],
        "chords": [{"start_s": round(c.start_s, 3), "end_s": round(c.end_s, 3), "name": str(c)} for c in found.chords],
        "confidence": {name: round(float(value), 3) for name, value in found.confidence.items()},
        "loudness_db": round(float(found.loudness_db), 2),
    }


def extract(request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
    """Take the source apart: a role for each track asked for, and "other" with the rest."""
    yield Progress("listening", 0.0)
    source, found = source_of(request), _listen(request)
    cancel.check()
    yield Facts(_heard_facts(found))
    stems: dict[str, Stereo] = {}

    def work(stop: Callable[[], None], report: Callable[[float], None]) -> None:
        stems.update(separate(source, request.tracks, analysis=found, cancel_check=stop, progress=report))

    for fraction in _watched(work, cancel):
        yield Progress("separating", 0.2 + 0.7 * fraction)
    for number, (role, samples) in enumerate(stems.items()):
        yield Progress(f"handing out {role}", 0.9 + 0.1 * number / len(stems))
        cancel.check()
        yield from (Block(role, piece) for piece in pieces(samples))


def _watched(
    work: Callable[[Callable[[], None], Callable[[float], None]], None], cancel: CancelToken
) -> Iterator[float]:
    """Run work that reports by callback in a thread, and yield what it reports. Its errors are raised here.

    Cancelling, or dropping this iterator, stops the work at its next check.
    """
    reports: SimpleQueue[float | BaseException | None] = SimpleQueue()
    dropped = CancelToken()

    def check() -> None:
        cancel.check()
        dropped.check()

    def run() -> None:
        try:
            work(check, reports.put)
            reports.put(None)
        except BaseException as error:
            reports.put(error)

    thread = threading.Thread(target=run, name="draft-work", daemon=True)
    thread.start()
    try:
        while (report := reports.get()) is not None:
            if isinstance(report, BaseException):
                raise report
            yield report
    finally:
        dropped.cancel()
        thread.join()


TASKS: dict[str, Callable[[EngineRequest, CancelToken], Iterator[EngineEvent]]] = {
    "text2music": text2music,
    "cover": partial(cover, free=text2music),
    "repaint": repaint,
    "lego": lego,
    "complete": complete,
    "extract": extract,
    "understand": understand,
    "align_lyrics": align_lyrics,
    "score": score,
    "create_sample": create_sample,
    "format_sample": format_sample,
}


class DraftEngine:
    """Needs no weights and no torch. See `acestep_runtime.engines.base.Engine`."""

    name = "draft"
    hears_s = 20.0
    hears_reference = False
    thinks = False

    def run(self, request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
        """Serve one request. Raises `UnsupportedTask` for tasks and tracks the draft engine cannot do."""
        if request.task not in TASKS:
            raise UnsupportedTask(
                f"The draft engine cannot do {request.task}; it can do {', '.join(TASKS)}.",
                remedy="Use the neural engine with ACE-Step 1.5 weights.",
            )
        return scored(TASKS[request.task](request, cancel), request, cancel)
