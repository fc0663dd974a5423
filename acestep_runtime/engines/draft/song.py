"""Text to music: write, play and sing a song from its caption and lyrics."""

from __future__ import annotations

from collections.abc import Iterator

from acestep_runtime.dsp.arrangement import Song, fullest_bar, plan_song, sing_song, song_bars
from acestep_runtime.dsp.progressions import chord_rows
from acestep_runtime.dsp.render import Mixer, apply_fade_out, render, rms_db
from acestep_runtime.engines.base import Block, EngineEvent, EngineRequest, Metadata, Progress
from acestep_runtime.engines.draft.notes_song import follow_notes
from acestep_runtime.engines.draft.span import lines_metadata
from acestep_runtime.engines.metadata import TakeMetadata
from acestep_runtime.engines.signal.blocks import grid_metadata
from acestep_runtime.lyrics.formats.tables import SectionMetadata
from acestep_runtime.text.style import style_from_caption
from acestep_runtime.units import ENGINE_RATE_HZ
from acestep_runtime.values import CancelToken

#: RMS level of the fullest bar of a song.
SONG_DB = -15.0


def text2music(request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
    """Write, play and sing a song of ``frames`` frames, bar by bar: the first bar is returned before the second is played.

    Where the request has notes to follow, these are the song.
    """
    if request.guide_song is not None:
        yield from follow_notes(request, cancel)
        return
    yield Progress("planning the song", 0.0)
    music, frames = request.music, request.frames
    length_s = frames / ENGINE_RATE_HZ
    style = style_from_caption(music.caption)
    song = plan_song(music, style, length_s, request.take_seed)
    singing = sing_song(song, style, length_s)
    yield Metadata({**_song_metadata(song, music.caption, length_s), **lines_metadata(singing.lines, request)})

    cancel.check()
    trial = Mixer(seed=request.take_seed, brightness=style.brightness, room_s=style.room_s)
    for note in fullest_bar(song, style, singing):
        trial.play(note)
    level_db = rms_db(trial.read(round(song.grid.bar_s * ENGINE_RATE_HZ)))
    gain_db = SONG_DB - level_db if level_db > -60 else 0.0
    mixer = Mixer(seed=request.take_seed, brightness=style.brightness, room_s=style.room_s, gain_db=gain_db, like=trial)

    names = [section.name for section, _, _ in song_bars(song, style, singing)]
    bars = ((notes, end_s) for _, notes, end_s in song_bars(song, style, singing))
    fade = _fade_frames(song, frames)
    done = 0
    for number, block in enumerate(render(bars, frames, mixer)):
        name = names[min(number, len(names) - 1)]
        yield Progress(f"playing {name.lower()}, bar {number + 1} of {song.bars}", done / max(1, frames))
        cancel.check()
        yield Block("mix", apply_fade_out(block, done, frames, fade))
        done += len(block)


def _fade_frames(song: Song, frames: int) -> int:
    """Return the frames of a song's final fade: an outro that fades, a last chord, or just enough to avoid a click."""
    last = song.sections[-1]
    if last.fades:
        start = round(song.grid.beat_to_s(last.first_bar * song.grid.beats_per_bar) * ENGINE_RATE_HZ)
        return max(1, frames - start)
    if song.ending < song.bars:
        chord = round(song.grid.beat_to_s(song.ending * song.grid.beats_per_bar) * ENGINE_RATE_HZ)
        return max(1, (frames - chord) * 2 // 3)
    return max(1, min(frames // 4, ENGINE_RATE_HZ // 20))


def _song_metadata(song: Song, caption: str, length_s: float) -> TakeMetadata:
    meter = song.grid.beats_per_bar
    sections: list[SectionMetadata] = []
    for number, section in enumerate(song.sections):
        stop = section.first_bar + section.bars if number + 1 < len(song.sections) else song.bars
        end_s = min(length_s, song.grid.beat_to_s(stop * meter))
        sections.append({"name": section.name, "start_s": round(song.grid.beat_to_s(section.first_bar * meter), 3),
                         "end_s": round(end_s, 3)})  # fmt: skip
    return {**grid_metadata(song.grid, song.key), "caption": caption, "duration_s": round(length_s, 3), "sections": sections,
            "chords": chord_rows(song.harmony, song.grid, 0.0, length_s)}  # fmt: skip
