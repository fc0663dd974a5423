"""Project files for DAWs: what AceBridge has made as tracks, each item on its exact frame.

write_project(arrange_files(["song.wav", "stems"]), Path("song.dawproject"))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from acebridge.atomic_files import check_writable, replace, unwritable
from acebridge.project_files.arrangement import Arrangement, list_files
from acebridge.project_files.from_files import arrange_files
from acebridge.project_files.from_job import arrange_job, arrange_jobs
from acebridge.project_files.from_song import arrange_song, find_song
from acebridge.project_files.names import with_plain_names
from acestep_runtime.audio.decode import MediaInfo, measure
from acestep_runtime.errors import InvalidValue, printable
from acestep_runtime.temporary_files import remove_stale, temporary_file

_Writer = Callable[[Arrangement, Path, Path, Mapping[str, Path], Mapping[str, MediaInfo]], list[str]]


def write_project(arrangement: Arrangement, path: Path, sources: Mapping[str, Path] | None = None) -> list[str]:
    """Write a project file in the format of its ending, one of `SUFFIXES`; return sentences on what it cannot hold.

    ``sources`` are the audio files behind the names in the arrangement; by default a name is a path. A DAWproject and an AAF
    hold the audio, a REAPER project names the files where they are. Raises `InvalidValue` for another ending and a folder
    that cannot be written, or a file that a REAPER project cannot name, and `UnreadableAudio`.
    """
    write = writer_for(path)
    arrangement = with_plain_names(arrangement)
    found = {name: Path(name) for name in list_files(arrangement)} | dict(sources or {})
    media = {name: measure(found[name], name=found[name].name) for name in list_files(arrangement)}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _refuse_folder(path)
        remove_stale(path.parent)
        with temporary_file(path) as unfinished:
            notes = write(arrangement, unfinished, path.parent, found, media)
            replace(unfinished, path)
    except OSError as error:
        raise unwritable(path.parent, error) from error
    return notes


def check_target(path: Path) -> None:
    """Raise `InvalidValue` unless a project can be written to ``path``; for use before audio is fetched for it."""
    writer_for(path)
    _refuse_folder(path)
    check_writable(path.parent)


def _refuse_folder(path: Path) -> None:
    if path.is_dir():
        shown = printable(str(path))
        raise InvalidValue(
            "--out", shown, "the name of a file", message=f"{shown} is a folder.", remedy="Choose another name with -o."
        )


def writer_for(path: Path) -> _Writer:
    """Return what writes a format by the ending of a file's name. Raises `InvalidValue` for one that is none."""
    write = _WRITERS.get(path.suffix.lower())
    if write is None:
        raise InvalidValue("--out", printable(str(path)), f"a name that ends in {', '.join(_WRITERS)}")
    return write


def _write_reaper(
    arrangement: Arrangement, path: Path, folder: Path, sources: Mapping[str, Path], _: Mapping[str, MediaInfo]
) -> list[str]:
    from acebridge.project_files.reaper import can_name, project_text

    names = {name: _reference(source, folder) for name, source in sources.items()}
    for name in filter(lambda name: not can_name(name), names.values()):
        shown = printable(name, 200)
        raise InvalidValue("file", shown, "a name in one line of UTF-8, without one of each of \" ' `",
                           message=f"A REAPER project cannot name the file {shown}.",
                           remedy="Rename it or its folder, or write another kind of project.")  # fmt: skip
    path.write_text(project_text(arrangement, names), "utf-8")
    return []


def _reference(source: Path, folder: Path) -> str:
    """Return a path as a project in ``folder`` names it: from there on for what lies below it, so that both can be moved."""
    whole, home = source.absolute(), folder.absolute()
    return (whole.relative_to(home) if whole.is_relative_to(home) else whole).as_posix()


def _write_dawproject(
    arrangement: Arrangement, path: Path, _: Path, sources: Mapping[str, Path], media: Mapping[str, MediaInfo]
) -> list[str]:
    from acebridge.project_files.dawproject import write_dawproject

    write_dawproject(arrangement, path, sources, media)
    return []


def _write_aaf(
    arrangement: Arrangement, path: Path, _: Path, sources: Mapping[str, Path], media: Mapping[str, MediaInfo]
) -> list[str]:
    from acebridge.project_files.aaf import write_aaf

    return write_aaf(arrangement, path, sources, media)


_WRITERS: dict[str, _Writer] = {".rpp": _write_reaper, ".dawproject": _write_dawproject, ".aaf": _write_aaf}
#: Endings of project files.
SUFFIXES = tuple(_WRITERS)

__all__ = [
    "SUFFIXES",
    "arrange_files",
    "arrange_job",
    "arrange_jobs",
    "arrange_song",
    "check_target",
    "find_song",
    "write_project",
]
