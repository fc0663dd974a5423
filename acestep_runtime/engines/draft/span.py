"""Playing and singing a span that joins the music around it: shared by lego and repaint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from acestep_runtime.chords.read import chart_of
from acestep_runtime.dsp.arrangement import span_bars
from acestep_runtime.dsp.charts import place_from
from acestep_runtime.dsp.context import Context
from acestep_runtime.dsp.draws import Seed
from acestep_runtime.dsp.players import Note
from acestep_runtime.dsp.progressions import chord_rows
from acestep_runtime.dsp.render import Mixer, Stereo, render, rms_db
from acestep_runtime.dsp.singing import Melody, sing_lines, singing_range
from acestep_runtime.engines.base import EngineRequest
from acestep_runtime.engines.metadata import TakeMetadata
from acestep_runtime.engines.signal.blocks import grid_metadata, guess_notes
from acestep_runtime.lyrics.formats.lrc import to_lrc
from acestep_runtime.lyrics.timed import TimedLine
from acestep_runtime.text.form import sections_with_lyrics
from acestep_runtime.text.style import Instrument, Style
from acestep_runtime.units import ENGINE_RATE_HZ, db_to_gain, ms_to_frames
from acestep_runtime.values import Music

#: Level of music without context.
SOLO_LEVEL_DB = -16.0
#: Parts with pauses are measured while they sound: window length, and range below the loudest window.
_WINDOW, _PAUSE_DB = ms_to_frames(100, ENGINE_RATE_HZ), 20.0
_RELEASE = ms_to_frames(60, ENGINE_RATE_HZ)


def lines_metadata(lines: Sequence[TimedLine], request: EngineRequest) -> TakeMetadata:
    """Return the metadata of sung lines, in seconds of the window: "lines" if there are any, "lrc" if requested."""
    metadata: TakeMetadata = {}
    if lines:
        metadata["lines"] = [
            {"start_s": round(x.start_s, 3), "end_s": round(x.end_s, 3), "text": x.text} for x in lines
        ]
    if request.auto_lrc:
        metadata["lrc"] = to_lrc(lines)
    return metadata


def with_given_chords(context: Context, music: Music, span: tuple[int, int]) -> Context:
    """Return a context with the chords that were given, if any, in place of those heard: from the span's first bar on."""
    chart = chart_of(music)
    if chart is None:
        return context
    start_s, end_s = span[0] / ENGINE_RATE_HZ, span[1] / ENGINE_RATE_HZ
    return replace(context, harmony=place_from(chart, context.harmony, context.grid, start_s, end_s))


def part_metadata(context: Context, span: tuple[int, int], caption: str) -> TakeMetadata:
    """Return the metadata of a part that joins music, with its caption and chords, and what it had to guess."""
    start_s, end_s = span[0] / ENGINE_RATE_HZ, span[1] / ENGINE_RATE_HZ
    return {**grid_metadata(context.grid, context.key), "caption": caption,
            "notes": guess_notes(context.grid, context.key, context.confidence),
            "chords": chord_rows(context.harmony, context.grid, start_s, end_s)}  # fmt: skip


def sing_words(
    context: Context, style: Style, lyrics: str, span: tuple[int, int], seed: Seed, melody: Melody = ()
) -> tuple[list[Note], list[TimedLine]]:
    """Sing the words of ``lyrics`` inside a span, section after section: notes and lines in seconds of the window."""
    if span[1] <= span[0]:
        return [], []
    sections = sections_with_lyrics(lyrics)
    grid, harmony, bars = singing_range(
        context.grid, context.harmony, span[0] / ENGINE_RATE_HZ, span[1] / ENGINE_RATE_HZ
    )
    lines = [line for section in sections for line in section.lines]
    mood = float(np.clip(max((s.energy for s in sections), default=0.6) - 0.6 + 0.5 * style.energy, -0.6, 0.6))
    return sing_lines(lines, bars=bars, grid=grid, harmony=harmony, key=context.key, seed=seed,
                style=replace(style, energy=mood), melody=melody)  # fmt: skip


def fade_release(samples: Stereo, frames: int = _RELEASE) -> Stereo:
    """Fade out the last frames (60 ms), so that the end of a span does not click."""
    n = min(frames, len(samples))
    out = samples.copy()
    out[len(out) - n :] *= np.cos(0.5 * np.pi * (np.arange(n) + 1) / max(1, n)).astype(np.float32)[:, None]
    return out


def set_level(samples: Stereo, level_db: float, *, pauses: bool = False) -> Stereo:
    """Set the RMS level of samples; silence stays. With ``pauses`` the level is that of the sounding parts."""
    current_db = _sounding_db(samples) if pauses else rms_db(samples)
    return samples * np.float32(db_to_gain(level_db - current_db)) if current_db > -90 else samples


def _sounding_db(samples: Stereo) -> float:
    """Return the level of the 100 ms windows within 20 dB of the loudest."""
    if len(samples) < 2 * _WINDOW:
        return rms_db(samples)
    whole = samples[: len(samples) // _WINDOW * _WINDOW].astype(np.float64)
    power = np.mean(whole.reshape(-1, _WINDOW * samples.shape[1]) ** 2, axis=1)
    loud = power[power >= power.max() / 10 ** (_PAUSE_DB / 10)]
    return max(-120.0, float(10 * np.log10(loud.mean() + 1e-13)))


def play_span(
    context: Context, style: Style, instruments: tuple[Instrument, ...], span: tuple[int, int],
    energies: dict[int, float], seed: Seed, singing: Sequence[Note] = (),
) -> Iterator[tuple[float, Stereo]]:  # fmt: skip
    """Play a span; yield the fraction done and the samples so far, ``[n, 2]`` from the span's start, bar by bar.

    ``singing`` are notes at their times in the window.
    """
    start_s, end_s = span[0] / ENGINE_RATE_HZ, span[1] / ENGINE_RATE_HZ
    mixer = Mixer(seed=seed, brightness=style.brightness, room_s=style.room_s, gain_db=-6.0)
    bars = span_bars(grid=context.grid, harmony=context.harmony, key=context.key, style=style,
                       instruments=instruments, start_s=start_s, end_s=end_s, energies=energies, seed=seed)  # fmt: skip
    span_rows = (([_shift_note(note, -start_s) for note in notes], bar_end_s - start_s)
               for notes, bar_end_s in _add_singing(bars, singing))  # fmt: skip
    out = np.zeros((span[1] - span[0], 2), np.float32)
    done = 0
    for block in render(span_rows, len(out), mixer):
        out[done : done + len(block)] = block
        done += len(block)
        yield done / len(out), out
    if not len(out):
        yield 1.0, out


def _add_singing(
    bars: Iterator[tuple[list[Note], float]], singing: Sequence[Note]
) -> Iterator[tuple[list[Note], float]]:
    """Add notes to the bars in which they begin."""
    left = sorted(singing, key=lambda note: note.start_s)
    for notes, end_s in bars:
        count = sum(note.start_s < end_s - 1e-6 for note in left)
        yield [*notes, *left[:count]], end_s
        left = left[count:]


def _shift_note(note: Note, by_s: float) -> Note:
    return replace(note, start_s=note.start_s + by_s)
