"""The functions on songs, in this process or on a daemon."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from acestep_runtime.errors import InvalidValue
from acestep_runtime.guide.runners import runner_for
from acestep_runtime.guide.sound import Audio
from acestep_runtime.json_values import JsonObject
from acestep_runtime.song.build import Song, build_song, read_song
from acestep_runtime.song.plan import SongPlan
from acestep_runtime.song.plan_edit import set_like
from acestep_runtime.song.plan_file import plan_of, read_plan
from acestep_runtime.song.state import lock_song
from acestep_runtime.song.table import section_rows
from acestep_runtime.values import Json

Plan = str | os.PathLike[str] | Mapping[str, Json]
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class SongResult:
    """A song as far as it is made.

    ``sections`` are the rows of sections.json for what is made: name, start_frame, end_frame, take, takes and more.
    ``waiting`` is the name of the section of which a take is to be chosen by ear, "" without one. ``file`` and ``audio`` are
    those of the finished song, else ``None``.
    """

    folder: Path
    sections: tuple[JsonObject, ...]
    waiting: str
    file: Path | None

    @property
    def audio(self) -> Audio | None:
        """The finished song, for `acestep_runtime.generate` and `acestep_runtime.save`."""
        return None if self.file is None else Audio(self.file)


def make_song(
    plan: Plan,
    folder: str | os.PathLike[str] | None = None,
    *,
    pick: str | None = None,
    begin_again: str | None = None,
    daemon: str | None = None,
    on_progress: Progress | None = None,
) -> SongResult:
    """Make a song from a plan: a TOML file, or a mapping with the same keys. Called again it goes on where it was.

    Everything goes into ``folder``; for a file it is by default beside it, ``plan.song`` for ``plan.toml``. ``pick`` says how
    takes are chosen: "score" (default), or "ear": then it returns after each section, and `choose_take` goes on.
    ``begin_again`` names a section that is made again with new seeds, with all after it. ``daemon`` and ``on_progress`` are
    those of `acestep_runtime.generate`.

    Raises `InvalidValue` for a plan that no song can be made from, and what `acestep_runtime.generate` raises; what was made
    stays.
    """
    return _build(plan, folder, daemon, on_progress, pick=pick, begin_again=begin_again)


def choose_take(
    plan: Plan,
    section: str,
    take: int | None = None,
    folder: str | os.PathLike[str] | None = None,
    *,
    daemon: str | None = None,
    on_progress: Progress | None = None,
) -> SongResult:
    """Choose a take, by its number from 1, of a section that is made, and go on; ``None`` is the one with the best score.
    Another one than before has the sections after it made again.
    """
    return _build(plan, folder, daemon, on_progress, choice=(section, take))


def make_like(
    plan: str | os.PathLike[str],
    section: str,
    model: str,
    folder: str | os.PathLike[str] | None = None,
    *,
    strength: float | None = None,
    daemon: str | None = None,
    on_progress: Progress | None = None,
) -> SongResult:
    """Write into the file of a plan that a section is like the earlier section ``model``; make it and those after it.

    ``strength`` says how much of that comes back: 0 only its sound, 1 nearly all; ``None`` leaves what the plan says.
    """
    write_like(Path(plan), section, model, folder, strength)
    return _build(plan, folder, daemon, on_progress, renew=section)


def write_like(
    plan: Path, section: str, model: str, folder: str | os.PathLike[str] | None, strength: float | None
) -> None:
    """Write into the file of a plan that a section is like another one, while no other program works on its song.

    Raises `InvalidValue` as `set_like` and `lock_song` do; the file is then as it was.
    """
    _, place = read_any(plan, folder)
    with lock_song(place) if place.exists() else nullcontext():
        set_like(plan, section, model, strength)


def show_song(plan: Plan, folder: str | os.PathLike[str] | None = None) -> SongResult:
    """Return a song as far as it is made; nothing is made."""
    return result_of(read_song(*read_any(plan, folder)))


def folder_beside(plan: Path) -> Path:
    """Return the folder of the song of a plan."""
    return plan.with_suffix(".song")


def read_any(plan: Plan, folder: str | os.PathLike[str] | None) -> tuple[SongPlan, Path]:
    """Return a plan, and the folder of its song. Raises `InvalidValue`."""
    if isinstance(plan, Mapping):
        if folder is None:
            raise InvalidValue(
                "folder", "None", "a folder for the song", remedy="Only a plan in a file has one beside it."
            )
        return plan_of(plan), Path(folder)
    path = Path(plan)
    return read_plan(path), folder_beside(path) if folder is None else Path(folder)


def _build(
    plan: Plan,
    folder: str | os.PathLike[str] | None,
    daemon: str | None,
    on_progress: Progress | None,
    *,
    pick: str | None = None,
    begin_again: str | None = None,
    choice: tuple[str, int | None] | None = None,
    renew: str | None = None,
) -> SongResult:
    parsed, place = read_any(plan, folder)

    def report(number: int, stage: str, fraction: float) -> None:
        if on_progress is not None:
            on_progress(f"{parsed.sections[number].name}: {stage}", fraction)

    song = build_song(
        parsed, place, runner_for(daemon), pick=pick, begin_again=begin_again, choice=choice, renew=renew, report=report
    )
    return result_of(song)


def result_of(song: Song) -> SongResult:
    """Return what is told of a song."""
    rows = tuple(section_rows(song.plan, song.state))
    waiting = "" if song.waiting is None else song.plan.sections[song.waiting].name
    return SongResult(song.folder, rows, waiting, song.file if song.is_finished else None)
