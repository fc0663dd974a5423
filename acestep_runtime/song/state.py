"""What is made of a song so far: a file in its folder, written whole, so that work goes on after any interruption.

song.json       this state          01 Verse/take-1.wav …   the takes of a section
song.wav        the finished song   sections.json           where its sections lie
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path, PurePosixPath

from filelock import FileLock, Timeout

from acestep_runtime.errors import InvalidValue, printable
from acestep_runtime.json_values import JsonObject, to_list, to_number, to_object
from acestep_runtime.song.plan import SongPlan
from acestep_runtime.temporary_files import remove_stale, replace_file
from acestep_runtime.values import Json

STATE, SONG, TABLE, LOCK = "song.json", "song.wav", "sections.json", ".lock"
#: The folder of a section that is being made.
MAKING = ".making"
VERSION = 1
#: How takes are chosen: by their scores, or by ear, one section at a time.
PICKS = ("score", "ear")
_UNSAFE = re.compile(r"[^\w \-]+")


@dataclass(frozen=True)
class MadeTake:
    """A take: its file, the frame of the song at which that begins, and what an engine says of it.

    ``lines`` are those of the lyrics with times in the song; times in ``metadata`` count from the start of the file.
    """

    file: str
    at: int
    frames: int
    seed: int
    score: float | None = None
    lines: tuple[Json, ...] = ()
    metadata: Mapping[str, Json] = field(default_factory=dict)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user should know of it, in sentences."""
        return tuple(str(text) for text in to_list(self.metadata.get("warnings", ())))


@dataclass(frozen=True)
class MadeSection:
    """A section that is made: takes in the order of their seeds; ``chosen`` is the number of one, from 1, or 0 for none yet."""

    name: str
    fingerprint: str
    engine: str
    takes: tuple[MadeTake, ...]
    best: int
    chosen: int = 0

    @property
    def choice(self) -> MadeTake:
        """The take that was chosen."""
        assert self.chosen
        return self.takes[self.chosen - 1]


@dataclass(frozen=True)
class State:
    """A song under way. ``attempts`` counts by name how often a section was made again, for each time has seeds of its own."""

    id: str
    seed: int
    pick: str = PICKS[0]
    attempts: dict[str, int] = field(default_factory=dict)
    sections: tuple[MadeSection, ...] = ()
    finished: bool = False

    def attempt(self, name: str) -> int:
        """Return how often a section was made again."""
        return self.attempts.get(name.casefold(), 0)

    def add(self, section: MadeSection) -> State:
        """Return the state with one more section that is made."""
        return replace(self, sections=(*self.sections, section), finished=False)

    def cut(self, number: int) -> State:
        """Return the state without section ``number`` and those after it."""
        return replace(self, sections=self.sections[:number], finished=False)

    def without_open(self) -> State:
        """Return the state without sections of which no take is chosen."""
        return replace(self, sections=tuple(section for section in self.sections if section.chosen))

    def choose(self, number: int, take: int) -> State:
        """Return the state with a take chosen for section ``number``, without the sections after it."""
        section = replace(self.sections[number], chosen=take)
        return replace(self, sections=(*self.sections[:number], section), finished=False)


def new_state(plan: SongPlan, pick: str) -> State:
    """Return the state of a song of which nothing is made; its seed is fixed now."""
    seed = secrets.randbits(31) if plan.seed is None else plan.seed
    return State(secrets.token_hex(8), seed, pick)


def section_folder(number: int, name: str) -> str:
    """Return the name of the folder that holds the takes of a section."""
    return f"{number + 1:02} {' '.join(_UNSAFE.sub(' ', name).split())}".strip()


@contextmanager
def lock_song(folder: Path) -> Iterator[None]:
    """Keep other programs from working on the song in a folder, which is made if it is not there.

    Raises `InvalidValue` when one does already, and for a folder that holds something else.
    """
    shown = printable(str(folder))
    if folder.exists() and not folder.is_dir():
        raise InvalidValue("folder", shown, "a folder", message=f"{shown} is a file, not the folder of a song.",
                           remedy="Choose another folder.")  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    ours = {LOCK, MAKING}
    if not (folder / STATE).exists() and any(
        entry.name not in ours and entry.suffix != ".part" for entry in folder.iterdir()
    ):
        raise InvalidValue("folder", shown, "a new folder, or that of a song",
                           message=f"The folder {shown} holds something else than a song.",
                           remedy="Move it away, or choose another folder.")  # fmt: skip
    try:
        with FileLock(folder / LOCK, timeout=0):
            remove_stale(folder)
            yield
    except Timeout:
        raise InvalidValue("folder", shown, "a song that no other program works on",
                           message=f"Another program works on the song in {shown}.",
                           remedy="Wait until it is done.") from None  # fmt: skip


def write_whole(path: Path, content: Json) -> None:
    """Write JSON to a file that is there whole or as it was before, and on the disk when this returns."""
    with replace_file(path) as file:
        file.write((json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode())


def save_state(folder: Path, state: State) -> State:
    """Write a state, and return it."""
    write_whole(folder / STATE, {"version": VERSION, **asdict(state)})
    return state


def load_state(folder: Path) -> State | None:
    """Return the state in a folder, ``None`` without one. Raises `InvalidValue` for one that cannot be read."""
    try:
        text = (folder / STATE).read_text("utf-8")
    except FileNotFoundError:
        return None
    try:
        content = to_object(json.loads(text))
        if content["version"] != VERSION:
            raise ValueError(content["version"])
        return State(
            str(content["id"]),
            int(to_number(content["seed"])),
            str(content["pick"]),
            {name: int(to_number(value)) for name, value in to_object(content["attempts"]).items()},
            tuple(_section(to_object(row)) for row in to_list(content["sections"])),
            bool(content["finished"]),
        )
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        shown = printable(str(folder / STATE))
        raise InvalidValue("folder", shown, "the state of a song", message=f"{shown} is no state of a song.",
                           remedy="Move that folder away to begin the song again.") from error  # fmt: skip


def _section(content: JsonObject) -> MadeSection:
    takes = tuple(_take(to_object(take)) for take in to_list(content["takes"]))
    best, chosen = (int(to_number(content[name])) for name in ("best", "chosen"))
    if not (0 <= chosen <= len(takes) and 1 <= best <= len(takes)):
        raise ValueError(f"takes {best} and {chosen} of {len(takes)}")
    return MadeSection(str(content["name"]), str(content["fingerprint"]), str(content["engine"]), takes, best, chosen)


def _take(row: JsonObject) -> MadeTake:
    at, frames, seed = (int(to_number(row[name])) for name in ("at", "frames", "seed"))
    score = None if row["score"] is None else to_number(row["score"])
    lines, metadata = tuple(to_list(row["lines"])), to_object(row["metadata"])
    file = PurePosixPath(str(row["file"]))
    if file.is_absolute() or ".." in file.parts:
        raise ValueError(f"{file} is not in the folder of the song")
    to_list(metadata.get("warnings", ()))
    return MadeTake(str(file), at, frames, seed, score, lines, metadata)
