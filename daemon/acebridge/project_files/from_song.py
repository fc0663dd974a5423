"""A song from sections as an arrangement: the song, a region for each section, and the takes of the sections beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from acebridge.colours import SONG
from acebridge.project_files.arrangement import Arrangement, Item, Marker, Take, Track
from acebridge.project_files.facts import read_grid
from acestep_runtime.errors import InvalidValue, printable
from acestep_runtime.json_values import JsonObject, to_list, to_number, to_object
from acestep_runtime.song.api import folder_beside
from acestep_runtime.song.state import STATE, TABLE
from acestep_runtime.values import Json

_PLAN = ".toml"


def find_song(path: Path) -> Path | None:
    """Return the folder of the song that a path names: the folder itself, or the plan beside it; ``None`` for another path."""
    if path.suffix.lower() == _PLAN:
        return folder_beside(path)
    return path if path.is_dir() and any((path / name).is_file() for name in (STATE, TABLE)) else None


def arrange_song(
    folder: Path, *, title: str = "", bpm: float | None = None, meter: str | None = None
) -> tuple[Arrangement, list[str]]:
    """Return the finished song in a folder as an arrangement whose names are paths, and sentences on what was not known.

    Tempo and meter are those of its plan, and each section is a region. Where a section has several takes, a muted track below
    the song holds the chosen take of each where the section plays, with the others as takes of the item. Raises `InvalidValue`
    for a folder without a finished song.
    """
    table = _read_table(folder)
    try:
        rows = [to_object(row) for row in to_list(table["sections"])]
        rate_hz = int(to_number(table["sample_rate"]))
        song = str(folder / _own_file(table["file"]))
        frames = int(to_number(table["frames"]))
        items = tuple(_item(folder, row) for row in rows)
        regions = tuple(_region(row) for row in rows)
    except (LookupError, ValueError, TypeError, OverflowError) as error:
        raise _no_song(folder, f"{TABLE} is not as AceBridge writes it ({error})") from error
    grid, notes = read_grid(rows, bpm, meter)
    if bpm is None and len({row.get("bpm") for row in rows}) > 1:
        notes.append("The tempo changes from section to section: the project has that of the first. Check it there.")
    name = str(table.get("title") or folder.stem)
    tracks = [Track(name, SONG, (Item(name, song, 0, frames),))]
    if any(item.others for item in items):
        tracks.append(Track("Takes", SONG, items, muted=True))
    return (
        Arrangement(title or name, rate_hz, tuple(tracks), regions, grid.bpm, grid.beats_per_bar, grid.beat_unit),
        notes,
    )


def _read_table(folder: Path) -> JsonObject:
    try:
        return to_object(json.loads((folder / TABLE).read_text("utf-8")))
    except FileNotFoundError:
        raise _no_song(folder, "it is not finished, or was never begun") from None
    except (OSError, ValueError, RecursionError) as error:
        raise _no_song(folder, f"{TABLE} cannot be read: {error}") from error


def _no_song(folder: Path, reason: str) -> InvalidValue:
    shown = printable(str(folder), 200)
    return InvalidValue(
        "song", shown, "the folder of a finished song",
        message=f"There is no finished song in {shown}: {reason}.", remedy="Finish it with `acebridge song` and its plan.",
    )  # fmt: skip


def _own_file(value: Json) -> PurePosixPath:
    """Return a path in the folder of a song. Raises ``ValueError`` for one that leads out of it."""
    file = PurePosixPath(str(value))
    if file.is_absolute() or ".." in file.parts or not file.parts:
        raise ValueError(f"{printable(str(file))} is not in the folder")
    return file


def _region(row: JsonObject) -> Marker:
    return Marker(str(row["name"]), int(to_number(row["start_frame"])), int(to_number(row["end_frame"])), SONG)


def _item(folder: Path, row: JsonObject) -> Item:
    """Return the chosen take of a section where the section plays; what the take holds before and after is not shown."""
    region, takes, number = _region(row), list(_takes(folder, row)), int(to_number(row["take"]))
    assert region.stop is not None
    if number < 1:
        raise ValueError(f"no take of {region.name} is chosen")
    chosen = takes.pop(number - 1)
    return Item(
        chosen.name, chosen.file, region.start, region.stop - region.start, offset=chosen.offset, others=tuple(takes)
    )


def _takes(folder: Path, row: JsonObject) -> Iterator[Take]:
    start, stop = (int(to_number(row[name])) for name in ("start_frame", "end_frame"))
    for number, take in enumerate(map(to_object, to_list(row["takes"])), 1):
        file, offset = folder / _own_file(take["file"]), int(to_number(take["first_frame"]))
        frames = min(stop - start, int(to_number(take["frames"])) - offset)
        yield Take(f"{row['name']} take {number}", str(file), frames, offset=offset)
