"""The table of a finished song: where its sections lie, to the frame, and what they were made of."""

from __future__ import annotations

import json
from pathlib import Path

from acestep_runtime.song.plan import SongPlan
from acestep_runtime.song.state import SONG, TABLE, MadeSection, MadeTake, State
from acestep_runtime.values import Json

VERSION = 1


def sections_table(plan: SongPlan, state: State) -> dict[str, Json]:
    """Return the content of sections.json. Frames count from the start of the song, seconds too."""
    return {
        "version": VERSION,
        "title": plan.title,
        "file": SONG,
        "sample_rate": plan.rate_hz,
        "frames": plan.sections[len(state.sections) - 1].stop,
        "seed": state.seed,
        "sections": section_rows(plan, state),
    }


def has_table(plan: SongPlan, folder: Path, state: State) -> bool:
    """Return whether the table in a folder says what it would say now: a plan may have another name and title since."""
    try:
        return bool(json.loads((folder / TABLE).read_text("utf-8")) == sections_table(plan, state))
    except (OSError, ValueError, RecursionError):
        return False


def section_rows(plan: SongPlan, state: State) -> list[dict[str, Json]]:
    """Return a row for each section that is made; ``take`` is 0, and ``seed`` ``None``, where none is chosen yet."""
    return [_row(plan, number, made) for number, made in enumerate(state.sections)]


def _row(plan: SongPlan, number: int, made: MadeSection) -> dict[str, Json]:
    section, chosen = plan.sections[number], made.choice if made.chosen else None
    start_s, end_s = section.start / plan.rate_hz, section.stop / plan.rate_hz
    return {
        "name": section.name,
        "start_frame": section.start,
        "end_frame": section.stop,
        "start_s": start_s,
        "end_s": end_s,
        "bpm": section.bpm,
        "timesignature": section.timesignature,
        "engine": made.engine,
        "take": made.chosen,
        "seed": chosen.seed if chosen else None,
        "lines": list(chosen.lines) if chosen else [],
        "takes": [_take_row(section.start, take) for take in made.takes],
    }


def _take_row(section_start: int, take: MadeTake) -> dict[str, Json]:
    """Return a take: its file, which frame of it is the first of the section, its seed and score."""
    return {
        "file": take.file,
        "first_frame": section_start - take.at,
        "frames": take.frames,
        "seed": take.seed,
        "score": take.score,
    }
