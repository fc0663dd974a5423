"""The draft engine's tasks that join music which is already there: repaint and lego."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from acestep_runtime.dsp.arrangement import joined_bars
from acestep_runtime.dsp.context import Context, bars_over, bed, energies, heard_along, heard_around
from acestep_runtime.dsp.form import tags
from acestep_runtime.dsp.musical import Grid
from acestep_runtime.dsp.players import PLAYERS, Note
from acestep_runtime.dsp.progressions import spelled
from acestep_runtime.dsp.render import Desk, Stereo, ceiling, render, rms_db
from acestep_runtime.dsp.style import Instrument, Style, only, style_of, understood
from acestep_runtime.engines.base import Block, EngineEvent, EngineRequest, Facts, Progress
from acestep_runtime.errors import InvalidValue, UnsupportedTask
from acestep_runtime.lyrics.lrc import TimedLine, to_lrc
from acestep_runtime.units import ENGINE_RATE_HZ, db_to_gain, ms_to_frames
from acestep_runtime.values import CancelToken, Key

_BLOCK_FRAMES = ENGINE_RATE_HZ
#: Level of music that has nothing around it to fit.
_ALONE_DB = -16.0
#: Levels against the music around: the song's own bars under a repaint, what is played over them, a soloist.
_BED_DB, _OVER_DB, _SOLO_DB = -2.5, -5.0, -3.0
#: Level of a layer against its source.
_LAYER_DB = {"drums": -5.0, "bass": -6.0, "percussion": -12.0}
_LAYER_USUAL_DB = -9.0
_RELEASE = ms_to_frames(60, ENGINE_RATE_HZ)


def facts_of(grid: Grid, key: Key) -> dict[str, object]:
    """Return the facts that every result of this engine has."""
    return {"engine": "draft", "bpm": round(float(grid.bpm), 2), "keyscale": str(key),
            "timesignature": grid.beats_per_bar}  # fmt: skip


def lines_of(lines: Sequence[TimedLine], request: EngineRequest) -> dict[str, object]:
    """Return the facts about lines that are sung, in seconds of the window: "lines" if there are any, "lrc" if asked."""
    rows = [{"start_s": round(x.start_s, 3), "end_s": round(x.end_s, 3), "text": x.text} for x in lines]
    return {**({"lines": rows} if rows else {}), **({"lrc": to_lrc(lines)} if request.auto_lrc else {})}


def source_of(request: EngineRequest) -> Stereo:
    """Return the source ``[N, 2]``. Raises `InvalidValue` when there is none."""
    if request.source is None:
        raise InvalidValue("source", "nothing", "audio", remedy=f"Give {request.task} a source.")
    return request.source


def pieces(samples: Stereo) -> Iterator[Stereo]:
    """Yield the samples in blocks of up to a second."""
    return (samples[at : at + _BLOCK_FRAMES] for at in range(0, len(samples), _BLOCK_FRAMES))


def repaint(request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
    """Make the span anew: bars of the song itself as a bed, and new parts in the caption's style over it.

    A caption that names a genre and no instrument asks for another band, which plays without a bed.
    """
    source, known, music = source_of(request), request.known, request.music
    span = (max(0, request.span[0]), min(request.frames, request.span[1]))
    style = style_of(music.caption)
    yield Progress("listening to the music around", 0.0)
    cancel.check()
    context = heard_around(source, known, span, music, style)
    yield Facts(_part_facts(context, span, music.caption))
    if span[1] <= span[0]:
        yield from (Block("mix", piece) for piece in pieces(source))
        return

    yield Progress("choosing bars", 0.4)
    other_band = not style.named and any(kind == "genre" for _, kind, _ in understood(music.caption))
    ground = None if other_band else bed(source, known, span, context, request.seed, cancel.check)
    full = float(np.clip(0.68 + style.energy, 0.25, 1.0))
    loud = dict.fromkeys(bars_over(context.grid, span), full)
    over = np.zeros((0, 2), np.float32)
    for fraction, made in _played(context, style, _players(style, ground is not None), span, loud, request.seed):
        cancel.check()
        over = made
        yield Progress("playing", 0.5 + 0.45 * fraction)
    target_db = _surrounding_db(source, known, span)
    new = _at_level(over, target_db + (0.0 if ground is None else _SOLO_DB if style.solo else _OVER_DB))
    if ground is not None:
        new = _at_level(_at_level(ground, target_db + _BED_DB) + new, target_db)
    yield Progress("joining", 0.97)
    out = source.copy()
    out[span[0] : span[1]] = _ended(ceiling(new), known, span, request)
    yield from (Block("mix", piece) for piece in pieces(out))


def _players(style: Style, over_bed: bool) -> tuple[Instrument, ...]:
    """Who plays in a repaint: whoever the caption names; else a few over a bed, or the whole band without one."""
    if not over_bed:
        return style.instruments
    if style.named:
        return style.instruments[: style.named]
    pitched = [who for who in style.instruments if who.track not in ("drums", "percussion", "bass")]
    return tuple([who for who in pitched if not who.leads][:1] + [who for who in pitched if who.leads][:1])


def _ended(new: Stereo, known: tuple[int, int], span: tuple[int, int], request: EngineRequest) -> Stereo:
    """Return the new span with its end faded where the song does not go on after it.

    A long fade only where words ask for it: songs are extended again and again, and must not dip at every join.
    """
    if span[1] < known[1]:
        return new
    wished = "fade out" in request.music.caption.lower() or any(fades for *_, fades in tags(request.music.lyrics))
    return _released(new, len(new) * 3 // 5 if wished else _RELEASE)


def _surrounding_db(source: Stereo, known: tuple[int, int], span: tuple[int, int]) -> float:
    """Return the level of the ten seconds around a span; of the span's old content where there is nothing around it."""
    reach = 10 * ENGINE_RATE_HZ
    around = np.concatenate((source[max(known[0], span[0] - reach) : min(span[0], known[1])],
                             source[max(span[1], known[0]) : min(known[1], span[1] + reach)]))  # fmt: skip
    for heard in (around, source[known[0] : known[1]]):
        if rms_db(heard) > -50:
            return rms_db(heard)
    return _ALONE_DB


def _at_level(samples: Stereo, level_db: float) -> Stereo:
    held_db = rms_db(samples)
    return samples * np.float32(db_to_gain(level_db - held_db)) if held_db > -90 else samples


def lego(request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
    """Play each track along with the source, inside the span only."""
    unable = [track for track in request.tracks if track not in PLAYERS]
    if unable:
        raise UnsupportedTask(
            f"The draft engine cannot play {', '.join(unable)}; it can play {', '.join(PLAYERS)}.",
            remedy="Ask for one of these, or use the neural engine with ACE-Step 1.5 weights.",
        )
    source, music = source_of(request), request.music
    span = (max(0, request.span[0]), min(request.frames, request.span[1]))
    style = style_of(music.caption)
    yield Progress("listening to the source", 0.0)
    cancel.check()
    start, stop = request.known if request.known[1] > request.known[0] else (0, request.frames)
    context = heard_along(_only_known(source, start, stop), span, music, style)
    yield Facts(_part_facts(context, span, music.caption))
    lifted = {bar: float(np.clip(level + 0.6 * style.energy, 0.2, 1.0))
              for bar, level in energies(source, context.grid, span).items()}  # fmt: skip
    source_db = rms_db(source[span[0] : span[1]])
    target_db = source_db if source_db > -50 else _ALONE_DB
    for number, track in enumerate(request.tracks):
        layer = np.zeros((request.frames, 2), np.float32)
        mine = only(style, track)
        for fraction, part in _played(context, mine, mine.instruments, span, lifted, request.seed):
            cancel.check()
            yield Progress(f"playing {track}", 0.3 + 0.7 * (number + fraction) / len(request.tracks))
            if fraction == 1.0 and span[1] > span[0]:
                level_db = target_db + _LAYER_DB.get(track, _LAYER_USUAL_DB)
                layer[span[0] : span[1]] = _released(ceiling(_at_level(part, level_db)))
        yield from (Block(track, piece) for piece in pieces(layer))


def _only_known(source: Stereo, start: int, stop: int) -> Stereo:
    if (start, stop) == (0, len(source)):
        return source
    out = np.zeros_like(source)
    out[start:stop] = source[start:stop]
    return out


def _released(samples: Stereo, frames: int = _RELEASE) -> Stereo:
    """Fade the last frames (60 ms), so that what still rings at the end of a span does not click."""
    n = min(frames, len(samples))
    out = samples.copy()
    out[len(out) - n :] *= np.cos(0.5 * np.pi * (np.arange(n) + 1) / max(1, n)).astype(np.float32)[:, None]
    return out


def _played(
    context: Context, style: Style, instruments: tuple[Instrument, ...], span: tuple[int, int],
    energies: dict[int, float], seed: int,
) -> Iterator[tuple[float, Stereo]]:  # fmt: skip
    """Play a span; yield the fraction done and the samples so far, ``[n, 2]`` from the span's start, bar by bar."""
    start_s, end_s = span[0] / ENGINE_RATE_HZ, span[1] / ENGINE_RATE_HZ
    desk = Desk(seed=seed, brightness=style.brightness, room_s=style.room_s, gain_db=-6.0)
    bars = joined_bars(grid=context.grid, harmony=context.harmony, key=context.key, style=style,
                       instruments=instruments, start_s=start_s, end_s=end_s, energies=energies, seed=seed)  # fmt: skip
    shifted = (([_moved(note, -start_s) for note in notes], bar_end_s - start_s) for notes, bar_end_s in bars)
    out = np.zeros((span[1] - span[0], 2), np.float32)
    done = 0
    for block in render(shifted, len(out), desk):
        out[done : done + len(block)] = block
        done += len(block)
        yield done / len(out), out
    if not len(out):
        yield 1.0, out


def _moved(note: Note, by_s: float) -> Note:
    return replace(note, start_s=note.start_s + by_s)


def _part_facts(context: Context, span: tuple[int, int], caption: str) -> dict[str, object]:
    start_s, end_s = span[0] / ENGINE_RATE_HZ, span[1] / ENGINE_RATE_HZ
    return {**facts_of(context.grid, context.key), "caption": caption,
            "chords": spelled(context.harmony, context.grid, start_s, end_s)}  # fmt: skip
