"""Audio files as tracks of an arrangement: one for each, a folder for each folder, and takes where their recipes agree."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from acebridge.audio_files import list_audio
from acebridge.colours import SONG, colour_of
from acebridge.project_files.arrangement import Arrangement, Item, Marker, Take, Track
from acebridge.project_files.facts import read_grid
from acebridge.role_names import ROLE_NAMES
from acestep_runtime.audio.tags.describe import describe_file
from acestep_runtime.errors import InvalidValue
from acestep_runtime.recipes import Recipe, parse_recipe
from acestep_runtime.units import frames_to_frames
from acestep_runtime.values import Json


@dataclass(frozen=True)
class _File:
    path: Path
    rate_hz: int
    frames: int
    reference: int | None
    markers: tuple[tuple[int, str], ...]
    recipe: Recipe | None

    @property
    def kinship(self) -> str:
        """What takes of one place have in common: their recipe but for its seed; a file without one stands alone."""
        return str(self.path) if self.recipe is None else dataclasses.replace(self.recipe, seed=0).to_json()


def arrange_files(
    paths: Sequence[Path], *, title: str = "", bpm: float | None = None, meter: str | None = None
) -> tuple[Arrangement, list[str]]:
    """Return files as an arrangement, whose names are their paths, and sentences on what was not known.

    Its rate is that of the first file. Files that say when they were recorded (the time reference of Broadcast WAV) keep their
    distance, the first one at 0; all others begin at 0. Files whose recipes differ by their seeds only are takes of one item,
    of which the first plays. Raises `InvalidValue`, and `UnreadableAudio` for what is not audio.
    """
    if not paths:
        raise InvalidValue("files", "none", "at least one audio file")
    groups = [(path, [_read(each) for each in (list_audio(path) if path.is_dir() else [path])]) for path in paths]
    files = [file for _, held in groups for file in held]
    rate_hz = files[0].rate_hz
    first = min((_at(file, rate_hz) for file in files if file.reference is not None), default=0)
    grid, notes = read_grid((_facts(file) for file in files), bpm, meter)
    tracks: list[Track] = []
    loose: list[_File] = []
    for path, held in groups:
        if path.is_dir():
            tracks += _tracks(loose, rate_hz, first)
            loose = []
            tracks.append(Track(path.resolve().name, children=tuple(_tracks(held, rate_hz, first))))
        else:
            loose += held
    tracks += _tracks(loose, rate_hz, first)
    arrangement = Arrangement(
        title or _title(paths),
        rate_hz,
        tuple(tracks),
        tuple(_markers(files, rate_hz, first)),
        grid.bpm,
        grid.beats_per_bar,
        grid.beat_unit,
    )
    return arrangement, notes


def _title(paths: Sequence[Path]) -> str:
    return paths[0].resolve().stem if len(paths) == 1 else f"{paths[0].resolve().stem} and {len(paths) - 1} more"


def _read(path: Path) -> _File:
    facts, text = describe_file(path)
    rate_hz = int(str(facts["sample_rate"]))
    broadcast, found = facts.get("broadcast"), facts.get("markers")
    reference = broadcast.get("time_reference") if isinstance(broadcast, Mapping) else None
    markers = tuple(
        (int(str(mark["frame"])), str(mark.get("label") or "Marker"))
        for mark in (found if isinstance(found, list) else ())
        if isinstance(mark, Mapping)
    )
    frames = int(str(facts["frames"]))
    return _File(
        path, rate_hz, frames, reference if isinstance(reference, int) else None, markers, _recipe(text, path.name)
    )


def _recipe(text: str, name: str) -> Recipe | None:
    """Return a recipe; ``None`` for none, and for one of another version: the file is music all the same."""
    try:
        return parse_recipe(text, name) if text else None
    except InvalidValue:
        return None


def _facts(file: _File) -> Mapping[str, Json]:
    music = file.recipe.fields.get("music") if file.recipe is not None else None
    return music if isinstance(music, Mapping) else {}


def _at(file: _File, rate_hz: int) -> int:
    return frames_to_frames(file.reference or 0, file.rate_hz, rate_hz)


def _start(file: _File, rate_hz: int, first: int) -> int:
    return 0 if file.reference is None else _at(file, rate_hz) - first


def _tracks(files: Iterable[_File], rate_hz: int, first: int) -> list[Track]:
    kin: dict[str, list[_File]] = {}
    for file in files:
        kin.setdefault(file.kinship, []).append(file)
    return [_track(held, rate_hz, first) for held in kin.values()]


def _track(files: Sequence[_File], rate_hz: int, first: int) -> Track:
    played = files[0]
    role = played.recipe.role if played.recipe is not None else played.path.stem.lower()
    name = ROLE_NAMES.get(role, played.path.stem)
    start = _start(played, rate_hz, first)
    takes = [
        Take(file.path.stem, str(file.path), frames_to_frames(file.frames, file.rate_hz, rate_hz)) for file in files
    ]
    item = Item(takes[0].name, takes[0].file, start, takes[0].frames, others=tuple(takes[1:]))
    return Track(name, colour_of(role) if role in ROLE_NAMES else SONG, (item,))


def _markers(files: Iterable[_File], rate_hz: int, first: int) -> list[Marker]:
    """Return the markers in all files, of equal ones one: stems have those of their song."""
    found = {
        Marker(name, _start(file, rate_hz, first) + frames_to_frames(frame, file.rate_hz, rate_hz))
        for file in files
        for frame, name in file.markers
    }
    return sorted(found, key=lambda marker: (marker.start, marker.name))
