"""Lego: play each track along with the source, inside the span only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from acestep_runtime.audio.samples import split_blocks
from acestep_runtime.dsp.arrangement import VOICES
from acestep_runtime.dsp.context import analyse_whole_source, bar_energies
from acestep_runtime.dsp.players import Note
from acestep_runtime.dsp.render import Stereo, limit_peak, rms_db
from acestep_runtime.dsp.singing import sing_harmony
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
from acestep_runtime.engines.draft.swing import find_source_swing
from acestep_runtime.engines.signal.blocks import BLOCK_FRAMES, require_source
from acestep_runtime.text.style import keep_track, style_from_caption
from acestep_runtime.values import CancelToken

#: Level of a layer against its source.
_LAYER_DB = {"vocals": -3.0, "backing_vocals": -10.0, "drums": -5.0, "bass": -6.0, "percussion": -12.0, "fx": -12.0}


_DEFAULT_LAYER_DB = -9.0


def lego(request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
    """Play each track along with the source, inside the span only; vocal tracks sing the lyrics."""
    source, music = require_source(request), request.music
    span = (max(0, request.span[0]), min(request.frames, request.span[1]))
    style = style_from_caption(music.caption)
    yield Progress("analysing the source", 0.0)
    cancel.check()
    start, stop = request.known if request.known[1] > request.known[0] else (0, request.frames)
    context = analyse_whole_source(_silence_outside(source, start, stop), span, music, style)
    context = with_given_chords(context, music, span)
    swing = find_source_swing(source, context.grid)  # a layer swings as its source does, whatever its caption says
    style = style if swing is None else replace(style, swing=swing)
    sings = any(track in VOICES for track in request.tracks)
    lead, lines = sing_words(context, style, music.lyrics if sings else "", span, request.take_seed)
    yield Metadata({**part_metadata(context, span, music.caption), **lines_metadata(lines, request)})
    bar_levels = {bar: float(np.clip(level + 0.6 * style.energy, 0.2, 1.0))
              for bar, level in bar_energies(source, context.grid, span).items()}  # fmt: skip
    source_db = rms_db(source[span[0] : span[1]])
    target_db = source_db if source_db > -50 else SOLO_LEVEL_DB
    for number, track in enumerate(request.tracks):
        layer = np.zeros((request.frames, 2), np.float32)
        track_style = keep_track(style, track)
        players, notes = track_style.instruments, list[Note]()
        if lead and track in VOICES:
            notes = lead if track == "vocals" else sing_harmony(lead, context.harmony, context.grid, players[0].voice)
            players = ()
        for fraction, part in play_span(context, track_style, players, span, bar_levels, request.take_seed, notes):
            cancel.check()
            yield Progress(f"playing {track}", 0.3 + 0.7 * (number + fraction) / len(request.tracks))
            if fraction == 1.0 and span[1] > span[0]:
                level_db = target_db + _LAYER_DB.get(track, _DEFAULT_LAYER_DB)
                pauses = track in (*VOICES, "fx")
                layer[span[0] : span[1]] = fade_release(limit_peak(set_level(part, level_db, pauses=pauses)))
        yield from (Block(track, piece) for piece in split_blocks(layer, BLOCK_FRAMES))


def _silence_outside(source: Stereo, start: int, stop: int) -> Stereo:
    if (start, stop) == (0, len(source)):
        return source
    out = np.zeros_like(source)
    out[start:stop] = source[start:stop]
    return out
