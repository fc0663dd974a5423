"""Repaint: a span rebuilt from bars of the song, new parts over them, and a voice for given words.

source   ═══════════╡ span ╞═══════════
ground              bars from elsewhere, or, for a higher share to keep, the span's own
over                + new parts and singing
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from acestep_runtime.audio.samples import split_blocks
from acestep_runtime.dsp.analysis import analyse
from acestep_runtime.dsp.arrangement import VOICES
from acestep_runtime.dsp.charts import agrees, simplify_chords
from acestep_runtime.dsp.context import Context, analyse_around_span, bar_frames, bars_over, bed_from_source
from acestep_runtime.dsp.draws import Seed, draw
from acestep_runtime.dsp.musical import Analysis
from acestep_runtime.dsp.players import Note
from acestep_runtime.dsp.progressions import SCALES
from acestep_runtime.dsp.render import Stereo, limit_peak, rms_db
from acestep_runtime.dsp.singing import Melody
from acestep_runtime.dsp.stems import separate_stems
from acestep_runtime.dsp.transcribe import transcribe_melody as written_melody
from acestep_runtime.engines.base import Block, EngineEvent, EngineRequest, Metadata, Progress
from acestep_runtime.engines.draft.span import (
    SOLO_LEVEL_DB,
    fade_release,
    lines_metadata,
    part_metadata,
    play_span,
    set_level,
    sing_words,
    with_given_chords,
)
from acestep_runtime.engines.signal.blocks import BLOCK_FRAMES, require_source, tempo_and_key
from acestep_runtime.lyrics.timed import TimedLine
from acestep_runtime.text.form import section_tags
from acestep_runtime.text.style import Instrument, Style, find_style_words, remove_tracks, style_from_caption
from acestep_runtime.units import ENGINE_RATE_HZ, ms_to_frames
from acestep_runtime.values import CancelToken, Key

Span = tuple[int, int]

#: Levels against the surrounding music: the song's own bars, parts over them, a soloist, a singer.
_BED_DB, _OVER_DB, _SOLO_DB, _SINGER_DB = -2.5, -5.0, -3.0, -3.0
_SILENT_DB = -70.0
_SEAM = ms_to_frames(12, ENGINE_RATE_HZ)
#: Share of a bar's beats that may have other chords than the given ones, in bars of the song that go under them.
_OTHER_CHORDS = 0.25
#: Minimum seconds of each side to distinguish two songs.
_MIN_SIDE_S = 6.0
#: Two songs have tempi further apart than this, or keys with at most this many of seven notes in common.
_TEMPO_APART, _NOTES_IN_COMMON = 0.04, 5
_SURE = 0.5
#: The song's voice is removed under new words in spans of up to this length; this takes a tenth of that time.
_MAX_SEPARATION_S = 120.0
_SAME_MELODY = re.compile(
    r"\b(?:maintain|keep|same|preserve|original)\w*\s+(?:\w+\s+)?melod|멜로디(?:는|를)?\s*(?:유지|그대로)"
)
#: Offset of a sample that equals the one it replaces: −120 dBFS.
_TRACE = np.float32(1e-6)


def repaint(request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
    """Rebuild the span: bars of the song as a bed, and new parts in the caption's style over it.

    A caption with a genre and no instrument replaces the band, which plays without a bed. Under given chords the bed and the
    old content stay only where they have these chords. Words are sung over
    the bed. ``mode`` and ``strength`` set the share of the span's old content to keep: all of it in "conservative",
    1 − strength in "balanced", else none. Where two songs meet, each continues to the middle of the span.
    """
    source, known, music = require_source(request), request.known, request.music
    span = (max(0, request.span[0]), min(request.frames, request.span[1]))
    style = style_from_caption(music.caption)
    yield Progress("analysing the music around", 0.0)
    cancel.check()
    if span[1] <= span[0]:
        context = analyse_around_span(source, known, span, music, style)
        yield Metadata({**part_metadata(context, span, music.caption), **lines_metadata((), request)})
        yield from (Block("mix", piece) for piece in split_blocks(source, BLOCK_FRAMES))
        return
    parts = _plan_parts(source, known, span, style, request)
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
        part_samples = np.zeros((0, 2), np.float32)
        for fraction, samples in _make_part(part, source, style, request, cancel):
            part_samples = samples
            yield Progress("playing", 0.4 + 0.55 * (number + fraction) / len(parts))
        new = _crossfade_parts(new, part_samples, part.span[0] - span[0])
    yield Progress("joining", 0.97)
    out = source.copy()
    out[span[0] : span[1]] = _ensure_new(
        _fade_song_end(limit_peak(new), known, span, request), source[span[0] : span[1]]
    )
    yield from (Block("mix", piece) for piece in split_blocks(out, BLOCK_FRAMES))


# ---------------------------------------------------------------------------------------------------- planning parts
@dataclass(frozen=True)
class _Part:
    """A part of the span that continues one song: ``span``, whose end from ``stop`` on fades into the next part."""

    context: Context
    known: Span
    span: Span
    stop: int
    notes: list[Note]
    lines: list[TimedLine]


def _plan_parts(source: Stereo, known: Span, span: Span, style: Style, request: EngineRequest) -> list[_Part]:
    """Return one part, or two where the songs before and after the span differ, and no chords say how it goes on."""
    music, seed = request.music, request.take_seed
    if music.chords.strip() or not _are_two_songs(source, known, span, request):
        context = with_given_chords(analyse_around_span(source, known, span, music, style), music, span)
        notes, lines = sing_words(context, style, music.lyrics, span, seed, _old_melody(source, known, span, request))
        return [_Part(context, known, span, span[1], notes, lines)]
    after = analyse_around_span(source, (span[1], known[1]), ((span[0] + span[1]) // 2, span[1]), music, style)
    middle = _downbeat_near((span[0] + span[1]) // 2, (span[1] - span[0]) // 4, after)
    fade = min(round(2 * after.grid.beat_s * ENGINE_RATE_HZ), (span[1] - span[0]) // 4)
    first, last = (span[0], min(span[1], middle + fade // 2)), (max(span[0], middle - fade // 2), span[1])
    before = analyse_around_span(source, (known[0], span[0]), first, music, style)
    notes, lines = sing_words(before, style, music.lyrics, (span[0], middle), seed)
    return [_Part(before, (known[0], span[0]), first, middle, [*notes, *_transition_effects(before, span[0], middle)], lines),
            _Part(after, (span[1], known[1]), last, span[1], [], [])]  # fmt: skip


def _are_two_songs(source: Stereo, known: Span, span: Span, request: EngineRequest) -> bool:
    """Return whether the music before and after the span is certainly not one song: another tempo or a distant key."""
    music = request.music
    if music.bpm is not None and music.keyscale is not None:
        return False
    sides = [source[known[0] : span[0]], source[span[1] : known[1]]]
    if min(len(side) for side in sides) < round(_MIN_SIDE_S * ENGINE_RATE_HZ):
        return False
    with ThreadPoolExecutor(len(sides)) as pool:  # most of it is numpy's, which threads can share
        analyses = list(pool.map(lambda side: analyse(side, ENGINE_RATE_HZ, timesignature=music.timesignature), sides))
    return (music.bpm is None and _tempi_differ(*analyses)) or (music.keyscale is None and _keys_differ(*analyses))


def _tempi_differ(one: Analysis, other: Analysis) -> bool:
    """Return whether two tempi are certain and in no simple ratio, in which one song may be measured twice."""
    sure = min(one.steadiness, other.steadiness)
    ratio = other.grid.bpm / one.grid.bpm
    apart = min(abs(ratio / simple - 1) for simple in (1 / 3, 1 / 2, 2 / 3, 3 / 4, 1, 4 / 3, 3 / 2, 2, 3))
    return sure >= _SURE and apart > _TEMPO_APART


def _keys_differ(one: Analysis, other: Analysis) -> bool:
    sure = min(analysis.confidence.get("key", 0.0) for analysis in (one, other))
    scales = [{(analysis.key.tonic + step) % 12 for step in SCALES[analysis.key.mode]} for analysis in (one, other)]
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


def _transition_effects(context: Context, start: int, stop: int) -> list[Note]:
    """Return a riser into the change between two songs, and an impact at its end."""
    at_s = stop / ENGINE_RATE_HZ
    length_s = min(context.grid.bar_s, (stop - start) / ENGINE_RATE_HZ)
    root = (48 + context.key.tonic,)
    return [Note(at_s - length_s, length_s, "fx", "riser", 0.6, root),
            Note(max(start / ENGINE_RATE_HZ, at_s - 0.05), 2.0, "fx", "impact", 0.6, root)]  # fmt: skip


def _old_melody(source: Stereo, known: Span, span: Span, request: EngineRequest) -> Melody:
    """Return the melody of the span's old content if the caption keeps it, in the range of a voice."""
    start, stop = max(known[0], span[0]), min(known[1], span[1])
    if not _SAME_MELODY.search(request.music.caption.lower()) or stop - start < 2 * ENGINE_RATE_HZ:
        return ()
    old = source[start:stop]
    notes = written_melody(old, ENGINE_RATE_HZ, analyse(old, ENGINE_RATE_HZ))
    high = float(np.median([pitch for _, _, pitch, _ in notes])) if notes else 66.0
    octaves = 12 * round((66.0 - high) / 12)
    return [(start / ENGINE_RATE_HZ + at, length, pitch + octaves) for at, length, pitch, _ in notes]


# ------------------------------------------------------------------------------------------------------ making parts
def _make_part(
    part: _Part, source: Stereo, style: Style, request: EngineRequest, cancel: CancelToken
) -> Iterator[tuple[float, Stereo]]:
    """Render one part; yield the fraction done and the samples so far, ``[span, 2]``."""
    known, span, context = part.known, part.span, part.context
    keep = {"conservative": 1.0, "balanced": 1.0 - request.strength}.get(request.mode, 0.0)
    band = remove_tracks(style, VOICES) if part.lines else style
    genre = any(kind == "genre" for _, kind, _ in find_style_words(request.music.caption))
    has_chords = bool(request.music.chords.strip())
    other_band = genre and not remove_tracks(style, VOICES).named_count
    old, content = _old_content(source, request.known, span)
    over_db, bed_db = (_SOLO_DB if style.solo else _OVER_DB), _BED_DB
    if other_band:
        ground = old if keep > 0 and (not has_chords or _has_chords_of(context, span)) else None
        bed_db = _BED_DB + 20 * float(np.log10(max(keep, 1e-3)))
        over_db *= keep
    else:
        plain = replace(context, harmony=simplify_chords(context.harmony)) if has_chords else context
        ground = bed_from_source(source, known, span, plain, request.take_seed, cancel.check,
                                 _OTHER_CHORDS if has_chords else 1.0)  # fmt: skip
        if not has_chords or _has_chords_of(context, span):
            ground = _restore_bars(ground, old, content, keep, context, span, request.take_seed)
    if ground is not None and part.lines and len(ground) <= _MAX_SEPARATION_S * ENGINE_RATE_HZ:
        ground = separate_stems(ground, ("vocals",), cancel_check=cancel.check, progress=lambda _: None)["other"]
    players = band.instruments if ground is None or other_band else _choose_players(band, bool(part.lines))
    full = float(np.clip(0.68 + style.energy, 0.25, 1.0))
    loud = dict.fromkeys(bars_over(context.grid, span), full)
    target_db = _target_db(source, request.known, request.span, old[slice(*content)])
    layers = [] if ground is None else [set_level(ground, target_db + bed_db)]
    voices = [note for note in part.notes if note.track == "vocals"]
    effects = [note for note in part.notes if note.track != "vocals"]
    tracks: list[tuple[tuple[Instrument, ...], list[Note], float]] = []
    if voices:
        tracks.append(((), voices, target_db + _SINGER_DB))
    if players or effects:
        tracks.append((players, effects, target_db + (0.0 if ground is None else over_db)))
    for number, (instruments, notes, level_db) in enumerate(tracks):
        samples_so_far = np.zeros((0, 2), np.float32)
        for fraction, samples in play_span(context, style, instruments, span, loud, request.take_seed, notes):
            cancel.check()
            samples_so_far = samples
            yield 0.1 + 0.9 * (number + fraction) / len(tracks), samples_so_far
        layers.append(set_level(samples_so_far, level_db, pauses=not instruments))
    new = np.zeros((span[1] - span[0], 2), np.float32)
    for layer in layers:
        new += layer
    yield 1.0, new if ground is None and not voices else set_level(new, target_db)


def _has_chords_of(context: Context, span: Span) -> bool:
    """Return whether the span's old content was heard with the chords that are now given, so that it can stay."""
    meter = context.grid.beats_per_bar
    return all(agrees(context.measured, context.harmony, bar, meter) for bar in bars_over(context.grid, span))


def _choose_players(style: Style, sings: bool) -> tuple[Instrument, ...]:
    """Return the players over a bed: those the caption names; else none beside a singer, or else two for colour."""
    if style.named_count or sings:
        return style.instruments[: style.named_count]
    pitched_instruments = [
        instrument for instrument in style.instruments if instrument.track not in ("drums", "percussion", "bass")
    ]
    return tuple(
        [instrument for instrument in pitched_instruments if not instrument.leads][:1]
        + [instrument for instrument in pitched_instruments if instrument.leads][:1]
    )


def _old_content(source: Stereo, known: Span, span: Span) -> tuple[Stereo, Span]:
    """Return the span's old content, silent outside the song, and the frames that it covers."""
    out = np.zeros((span[1] - span[0], 2), np.float32)
    start = min(len(out), max(0, known[0] - span[0]))
    stop = max(start, min(len(out), known[1] - span[0]))
    out[start:stop] = source[span[0] + start : span[0] + stop]
    return out, (start, stop)


def _restore_bars(ground: Stereo | None, old: Stereo, content: Span, keep: float, context: Context, span: Span, seed: Seed
          ) -> Stereo | None:  # fmt: skip
    """Restore a share ``keep`` of the span's bars, evenly spread, in the ground.

    Silent or incomplete bars are not restored.
    """
    phase = float(draw(seed, 9).random())
    out = None if ground is None else ground.copy()
    for order, bar in enumerate(bars_over(context.grid, span)):
        start, stop = (min(len(old), max(0, frame - span[0])) for frame in bar_frames(context.grid, bar))
        whole = content[0] <= start < stop <= content[1]
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


def _target_db(source: Stereo, known: Span, span: Span, old: Stereo) -> float:
    """Return the target level: that of the old content; without one, that of ten seconds on each side, or of the whole song."""
    reach = 10 * ENGINE_RATE_HZ
    around = np.concatenate((source[max(known[0], span[0] - reach) : min(span[0], known[1])],
                             source[max(span[1], known[0]) : min(known[1], span[1] + reach)]))  # fmt: skip
    levels = (rms_db(part) for part in (old, around, source[known[0] : known[1]]))
    return next((level for level in levels if level > _SILENT_DB), SOLO_LEVEL_DB)


# ---------------------------------------------------------------------------------------------------- joining parts
def _crossfade_parts(new: Stereo, part: Stereo, at: int) -> Stereo:
    """Join two parts, the second of which begins at frame ``at``, with an equal-power crossfade."""
    overlap = max(0, len(new) - at)
    angle = (0.5 * np.pi * (np.arange(overlap) + 0.5) / max(1, overlap)).astype(np.float32)[:, None]
    fade = np.cos(angle) * new[at:] + np.sin(angle) * part[:overlap]
    return np.concatenate((new[:at], fade, part[overlap:]))


def _fade_song_end(new: Stereo, known: Span, span: Span, request: EngineRequest) -> Stereo:
    """Fade the end of the new span where the song ends there.

    A long fade needs a request in words: songs are extended again and again, and must not dip at every join.
    """
    if span[1] < known[1]:
        return new
    asks_for_fade = "fade out" in request.music.caption.lower() or any(
        fades for *_, fades in section_tags(request.music.lyrics)
    )
    return fade_release(new, len(new) * 3 // 5) if asks_for_fade else fade_release(new)


def _ensure_new(new: Stereo, old: Stereo) -> Stereo:
    """Return the new samples, with an inaudible offset where they equal those of the source."""
    same = (new == old).all(axis=1)
    return np.where(same[:, None], new + _TRACE, new) if same.any() else new
