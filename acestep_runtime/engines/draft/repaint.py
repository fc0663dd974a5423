"""Repaint: a span made anew from bars of the song, new parts over them, and a voice for the words that are given.

source   ═══════════╡ span ╞═══════════
ground              bars from elsewhere, or, the more is to be kept, the span's own
over                + new parts and singing
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from acestep_runtime.audio.samples import split_blocks
from acestep_runtime.dsp.analysis import analyse
from acestep_runtime.dsp.arrangement import VOICES
from acestep_runtime.dsp.context import Context, bar_frames, bars_over, bed, heard_around
from acestep_runtime.dsp.musical import Analysis
from acestep_runtime.dsp.players import Note
from acestep_runtime.dsp.progressions import SCALES
from acestep_runtime.dsp.render import Stereo, ceiling, rms_db
from acestep_runtime.dsp.singing import Melody
from acestep_runtime.dsp.stems import separate
from acestep_runtime.dsp.transcribe import melody as written_melody
from acestep_runtime.engines.base import Block, EngineEvent, EngineRequest, Metadata, Progress
from acestep_runtime.engines.draft.joining import (
    ALONE_DB,
    at_level,
    lines_metadata,
    part_metadata,
    played,
    released,
    words_sung,
)
from acestep_runtime.engines.signal.blocks import BLOCK_FRAMES, require_source, tempo_and_key
from acestep_runtime.lyrics.lrc import TimedLine
from acestep_runtime.text.form import tags
from acestep_runtime.text.style import Instrument, Style, style_of, understood, without
from acestep_runtime.units import ENGINE_RATE_HZ, ms_to_frames
from acestep_runtime.values import CancelToken, Key

Span = tuple[int, int]

#: Levels against the music around: the song's own bars, what is played over them, a soloist, a singer.
_BED_DB, _OVER_DB, _SOLO_DB, _SUNG_DB = -2.5, -5.0, -3.0, -3.0
_SILENT_DB = -55.0
_SEAM = ms_to_frames(12, ENGINE_RATE_HZ)
#: To tell two songs apart, so much of each is needed.
_TELLING_S = 6.0
#: Two songs: tempi further apart than this, keys with no more than this many of seven notes in common.
_TEMPO_APART, _NOTES_IN_COMMON = 0.04, 5
_SURE = 0.5
#: The voice of the song is taken out from under new words in spans of up to this length; it takes a tenth of that.
_LONGEST_CLEARED_S = 120.0
_SAME_MELODY = re.compile(
    r"\b(?:maintain|keep|same|preserve|original)\w*\s+(?:\w+\s+)?melod|멜로디(?:는|를)?\s*(?:유지|그대로)"
)
#: What sets a sample apart from the one it replaces: −120 dBFS.
_TRACE = np.float32(1e-6)


def repaint(request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
    """Make the span anew: bars of the song itself as a bed, and new parts in the caption's style over it.

    A caption that names a genre and no instrument asks for another band, which plays without a bed. Words are sung over
    the bed. ``mode`` and ``strength`` say how much of the span's old content is kept: all of it in "conservative",
    1 − strength in "balanced", else nothing. Where two songs meet, each is continued to the middle of the span.
    """
    source, known, music = require_source(request), request.known, request.music
    span = (max(0, request.span[0]), min(request.frames, request.span[1]))
    style = style_of(music.caption)
    yield Progress("listening to the music around", 0.0)
    cancel.check()
    if span[1] <= span[0]:
        context = heard_around(source, known, span, music, style)
        yield Metadata({**part_metadata(context, span, music.caption), **lines_metadata((), request)})
        yield from (Block("mix", piece) for piece in split_blocks(source, BLOCK_FRAMES))
        return
    parts = _parts(source, known, span, style, request)
    lines = [line for part in parts for line in part.lines]
    metadata = part_metadata(parts[0].context, (parts[0].span[0], parts[0].stop), music.caption)
    if len(parts) > 1:
        later = parts[1].context
        chords = part_metadata(later, (parts[0].stop, parts[1].span[1]), music.caption)["chords"]
        metadata["chords"] = [*metadata["chords"], *chords]
        start_s = round(parts[0].stop / ENGINE_RATE_HZ, 3)
        metadata["changes"] = [{"start_s": start_s, **tempo_and_key(later.grid, later.key)}]
    yield Metadata({**metadata, **lines_metadata(lines, request)})

    new = np.zeros((0, 2), np.float32)
    for number, part in enumerate(parts):
        made = np.zeros((0, 2), np.float32)
        for fraction, samples in _made(part, source, style, request, cancel):
            made = samples
            yield Progress("playing", 0.4 + 0.55 * (number + fraction) / len(parts))
        new = _faded(new, made, part.span[0] - span[0])
    yield Progress("joining", 0.97)
    out = source.copy()
    out[span[0] : span[1]] = _all_new(_ended(ceiling(new), known, span, request), source[span[0] : span[1]])
    yield from (Block("mix", piece) for piece in split_blocks(out, BLOCK_FRAMES))


# ------------------------------------------------------------------------------------------------- what is to be made
@dataclass(frozen=True)
class _Part:
    """A stretch to make that goes with one song: ``span``, of which what follows ``stop`` fades into the next part."""

    context: Context
    known: Span
    span: Span
    stop: int
    notes: list[Note]
    lines: list[TimedLine]


def _parts(source: Stereo, known: Span, span: Span, style: Style, request: EngineRequest) -> list[_Part]:
    """Return what to make: one part, or two where the songs before and after the span are not the same."""
    music, seed = request.music, request.seed
    if not _two_songs(source, known, span, request):
        context = heard_around(source, known, span, music, style)
        notes, lines = words_sung(context, style, music.lyrics, span, seed, _melody(source, known, span, request))
        return [_Part(context, known, span, span[1], notes, lines)]
    after = heard_around(source, (span[1], known[1]), ((span[0] + span[1]) // 2, span[1]), music, style)
    middle = _downbeat_near((span[0] + span[1]) // 2, (span[1] - span[0]) // 4, after)
    fade = min(round(2 * after.grid.beat_s * ENGINE_RATE_HZ), (span[1] - span[0]) // 4)
    first, last = (span[0], min(span[1], middle + fade // 2)), (max(span[0], middle - fade // 2), span[1])
    before = heard_around(source, (known[0], span[0]), first, music, style)
    notes, lines = words_sung(before, style, music.lyrics, (span[0], middle), seed)
    return [_Part(before, (known[0], span[0]), first, middle, [*notes, *_leading(before, span[0], middle)], lines),
            _Part(after, (span[1], known[1]), last, span[1], [], [])]  # fmt: skip


def _two_songs(source: Stereo, known: Span, span: Span, request: EngineRequest) -> bool:
    """Whether what lies before and after the span are surely not one song: another tempo or a distant key."""
    music = request.music
    if music.bpm is not None and music.keyscale is not None:
        return False
    sides = [source[known[0] : span[0]], source[span[1] : known[1]]]
    if min(len(side) for side in sides) < round(_TELLING_S * ENGINE_RATE_HZ):
        return False
    with ThreadPoolExecutor(len(sides)) as pool:  # most of it is numpy's, which threads can share
        heard = list(pool.map(lambda side: analyse(side, ENGINE_RATE_HZ, timesignature=music.timesignature), sides))
    return (music.bpm is None and _tempi_differ(*heard)) or (music.keyscale is None and _keys_differ(*heard))


def _tempi_differ(one: Analysis, other: Analysis) -> bool:
    """Whether two tempi are sure and no simple ratio apart, which is how one song may be heard in two ways."""
    sure = min(found.confidence.get(name, 0.0) for found in (one, other) for name in ("tempo", "beats"))
    ratio = other.grid.bpm / one.grid.bpm
    apart = min(abs(ratio / simple - 1) for simple in (1 / 3, 1 / 2, 2 / 3, 3 / 4, 1, 4 / 3, 3 / 2, 2, 3))
    return sure >= _SURE and apart > _TEMPO_APART


def _keys_differ(one: Analysis, other: Analysis) -> bool:
    sure = min(found.confidence.get("key", 0.0) for found in (one, other))
    scales = [{(found.key.tonic + step) % 12 for step in SCALES[found.key.mode]} for found in (one, other)]
    near = one.key.tonic == other.key.tonic or _relative(one.key) == _relative(other.key)
    return sure >= _SURE and not near and len(scales[0] & scales[1]) <= _NOTES_IN_COMMON


def _relative(key: Key) -> int:
    return (key.tonic + 3 * (key.mode == "minor")) % 12


def _downbeat_near(frame: int, reach: int, context: Context) -> int:
    """Return the downbeat nearest to a frame, or the frame if there is none within reach."""
    meter = context.grid.beats_per_bar
    bar = round(context.grid.s_to_beat(frame / ENGINE_RATE_HZ) / meter)
    at = round(context.grid.beat_to_s(bar * meter) * ENGINE_RATE_HZ)
    return at if abs(at - frame) <= reach else frame


def _leading(context: Context, start: int, stop: int) -> list[Note]:
    """Return a riser into the change from one song to the other, and the stroke it ends with."""
    at_s = stop / ENGINE_RATE_HZ
    length_s = min(context.grid.bar_s, (stop - start) / ENGINE_RATE_HZ)
    root = (48 + context.key.tonic,)
    return [Note(at_s - length_s, length_s, "fx", "riser", 0.6, root),
            Note(max(start / ENGINE_RATE_HZ, at_s - 0.05), 2.0, "fx", "impact", 0.6, root)]  # fmt: skip


def _melody(source: Stereo, known: Span, span: Span, request: EngineRequest) -> Melody:
    """Return the melody of the span's old content if the caption asks to keep it, in the range of a voice."""
    start, stop = max(known[0], span[0]), min(known[1], span[1])
    if not _SAME_MELODY.search(request.music.caption.lower()) or stop - start < 2 * ENGINE_RATE_HZ:
        return ()
    old = source[start:stop]
    notes = written_melody(old, ENGINE_RATE_HZ, analyse(old, ENGINE_RATE_HZ))
    high = float(np.median([pitch for _, _, pitch, _ in notes])) if notes else 66.0
    octaves = 12 * round((66.0 - high) / 12)
    return [(start / ENGINE_RATE_HZ + at, length, pitch + octaves) for at, length, pitch, _ in notes]


# --------------------------------------------------------------------------------------------------------- making it
def _made(
    part: _Part, source: Stereo, style: Style, request: EngineRequest, cancel: CancelToken
) -> Iterator[tuple[float, Stereo]]:
    """Make one part; yield the fraction done, and last of all its samples, ``[span, 2]``."""
    known, span, context = part.known, part.span, part.context
    keep = {"conservative": 1.0, "balanced": 1.0 - request.strength}.get(request.mode, 0.0)
    band = without(style, VOICES) if part.lines else style
    genre = any(kind == "genre" for _, kind, _ in understood(request.music.caption))
    other_band = genre and not without(style, VOICES).named
    old, held = _old(source, request.known, span)
    over_db, bed_db = (_SOLO_DB if style.solo else _OVER_DB), _BED_DB
    if other_band:
        ground, bed_db = (old if keep > 0 else None), _BED_DB + 20 * float(np.log10(max(keep, 1e-3)))
        over_db *= keep
    else:
        ground = bed(source, known, span, context, request.seed, cancel.check)
        ground = _kept(ground, old, held, keep, context, span, request.seed)
    if ground is not None and part.lines and len(ground) <= _LONGEST_CLEARED_S * ENGINE_RATE_HZ:
        ground = separate(ground, ("vocals",), cancel_check=cancel.check, progress=lambda _: None)["other"]
    players = band.instruments if ground is None or other_band else _players(band, bool(part.lines))
    full = float(np.clip(0.68 + style.energy, 0.25, 1.0))
    loud = dict.fromkeys(bars_over(context.grid, span), full)
    target_db = _target_db(source, request.known, request.span, old[slice(*held)], keep)
    layers = [] if ground is None else [at_level(ground, target_db + bed_db)]
    voices = [note for note in part.notes if note.track == "vocals"]
    effects = [note for note in part.notes if note.track != "vocals"]
    tracks: list[tuple[tuple[Instrument, ...], list[Note], float]] = []
    if voices:
        tracks.append(((), voices, target_db + _SUNG_DB))
    if players or effects:
        tracks.append((players, effects, target_db + (0.0 if ground is None else over_db)))
    for number, (who, notes, level_db) in enumerate(tracks):
        made = np.zeros((0, 2), np.float32)
        for fraction, samples in played(context, style, who, span, loud, request.seed, notes):
            cancel.check()
            made = samples
            yield 0.1 + 0.9 * (number + fraction) / len(tracks), made
        layers.append(at_level(made, level_db, pauses=not who))
    new = np.zeros((span[1] - span[0], 2), np.float32)
    for layer in layers:
        new += layer
    yield 1.0, new if ground is None and not voices else at_level(new, target_db)


def _players(style: Style, sings: bool) -> tuple[Instrument, ...]:
    """Who plays over a bed: whoever the caption names; else a singer of words alone, or else two to add colour."""
    if style.named or sings:
        return style.instruments[: style.named]
    pitched = [who for who in style.instruments if who.track not in ("drums", "percussion", "bass")]
    return tuple([who for who in pitched if not who.leads][:1] + [who for who in pitched if who.leads][:1])


def _old(source: Stereo, known: Span, span: Span) -> tuple[Stereo, Span]:
    """Return the span's old content, silent where the song does not reach, and from where to where it does."""
    out = np.zeros((span[1] - span[0], 2), np.float32)
    start = min(len(out), max(0, known[0] - span[0]))
    stop = max(start, min(len(out), known[1] - span[0]))
    out[start:stop] = source[span[0] + start : span[0] + stop]
    return out, (start, stop)


def _kept(ground: Stereo | None, old: Stereo, held: Span, keep: float, context: Context, span: Span, seed: int
          ) -> Stereo | None:  # fmt: skip
    """Return the ground with a share ``keep`` of its bars, evenly spread, as they were.

    Bars that were silent, or that the song only began, are not kept.
    """
    phase = float(np.random.default_rng([seed, 9]).random())
    out = None if ground is None else ground.copy()
    for order, bar in enumerate(bars_over(context.grid, span)):
        start, stop = (min(len(old), max(0, frame - span[0])) for frame in bar_frames(context.grid, bar))
        whole = held[0] <= start < stop <= held[1]
        if (phase + order * 0.618034) % 1.0 >= keep or not whole or rms_db(old[start:stop]) < _SILENT_DB:
            continue
        out = np.zeros_like(old) if out is None else out
        weight = np.ones(stop - start)
        seam = min(_SEAM, len(weight) // 2)
        ramp = (np.arange(seam) + 0.5) / max(1, seam)
        if start > 0:
            weight[:seam] = ramp
        if stop < len(old):
            weight[len(weight) - seam :] = ramp[::-1]
        angle = (0.5 * np.pi * weight)[:, None]
        out[start:stop] = np.cos(angle) * out[start:stop] + np.sin(angle) * old[start:stop]
    return out


def _target_db(source: Stereo, known: Span, span: Span, old: Stereo, keep: float) -> float:
    """Return the level to make: that of the ten seconds around the span, and of its old content where that is kept.

    Of the old content, too, where there is nothing around.
    """
    reach = 10 * ENGINE_RATE_HZ
    around = np.concatenate((source[max(known[0], span[0] - reach) : min(span[0], known[1])],
                             source[max(span[1], known[0]) : min(known[1], span[1] + reach)]))  # fmt: skip
    around_db, old_db = rms_db(around), rms_db(old)
    if around_db > -50:
        return around_db + (keep * (old_db - around_db) if old_db > -50 else 0.0)
    whole_db = rms_db(source[known[0] : known[1]])
    return whole_db if whole_db > -50 else ALONE_DB


# -------------------------------------------------------------------------------------------------------- its ends
def _faded(new: Stereo, made: Stereo, at: int) -> Stereo:
    """Return two parts, the second of which begins at frame ``at``, as one: equal power where they overlap."""
    both = max(0, len(new) - at)
    angle = (0.5 * np.pi * (np.arange(both) + 0.5) / max(1, both)).astype(np.float32)[:, None]
    fade = np.cos(angle) * new[at:] + np.sin(angle) * made[:both]
    return np.concatenate((new[:at], fade, made[both:]))


def _ended(new: Stereo, known: Span, span: Span, request: EngineRequest) -> Stereo:
    """Return the new span with its end faded where the song does not go on after it.

    A long fade only where words ask for it: songs are extended again and again, and must not dip at every join.
    """
    if span[1] < known[1]:
        return new
    wished = "fade out" in request.music.caption.lower() or any(fades for *_, fades in tags(request.music.lyrics))
    return released(new, len(new) * 3 // 5) if wished else released(new)


def _all_new(new: Stereo, old: Stereo) -> Stereo:
    """Return the new samples, moved by a trace nobody can hear where they happen to be those of the source."""
    same = (new == old).all(axis=1)
    return np.where(same[:, None], new + _TRACE, new) if same.any() else new
