"""The documents of an inbox as types: who watches, what is to be placed, and the answer. PROTOCOL.md explains them.

As `acebridge.hosts.jobfolder.documents`, imported for types only, but by `acebridge.hosts.jobfolder.schema`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, with_config
from typing_extensions import NotRequired, TypedDict

from acebridge.hosts.jobfolder.documents import HostEntry, Version

_documented = with_config(ConfigDict(use_attribute_docstrings=True))

Seconds = Annotated[float, Field(ge=0)]


@_documented
class SelectionEntry(TypedDict):
    """The time selection of a project."""

    start_s: float
    """Where it begins, in seconds."""
    end_s: float
    """Where it ends, in seconds."""


@_documented
class ProjectEntry(TypedDict):
    """A project that is open."""

    key: str
    """A name that tells it from the other projects of this watcher."""
    name: str
    """Its name for people."""
    file: str
    """Full path of its file; empty where it was never saved."""
    media: str
    """Full path of the folder that its media go to."""
    shown: bool
    """Whether it is the one that the user sees."""
    recording: bool
    """Whether it records: then nothing is placed."""
    sample_rate: int
    """Its sample rate in Hz."""
    bpm: float
    """Quarter notes a minute at the cursor."""
    beats: int
    """Beats of a bar at the cursor."""
    unit: int
    """What a beat is: 4 for quarters, 8 for eighths."""
    cursor_s: float
    """Where the edit cursor is, in seconds."""
    selection: SelectionEntry | None
    """Its time selection, or ``null``."""


@_documented
class PresenceFile(TypedDict):
    """Who watches an inbox, and which projects are open there."""

    version: Version
    """Version of the protocol."""
    instance: Annotated[str, Field(pattern="^[0-9a-z]{4,32}$")]
    """Which of several running programs it is."""
    pid: int | None
    """Process id of the program; ``null`` where its scripts do not know it."""
    host: HostEntry
    """The program."""
    projects: list[ProjectEntry]
    """The projects that are open, in the order of their tabs."""
    reads_names: NotRequired[bool]
    """Whether it knows what lies in the inbox from ``folders.txt`` alone, as scripts do that cannot list a folder."""
    update_time: float
    """When this was written, in seconds since 1970."""


@_documented
class AddressedProject(TypedDict):
    """The project that something is for."""

    key: str
    """Its ``key``, as the presence says it."""
    file: str
    """Its ``file``, as the presence says it. A saved project is also found by it in another instance."""


@_documented
class PositionEntry(TypedDict):
    """Where the first frame of the source goes."""

    kind: Literal["seconds", "bar", "cursor", "selection"]
    """A time, the start of a bar, the edit cursor, or the start of the time selection when it is placed."""
    position_s: NotRequired[Seconds]
    """With ``seconds``: the project time in seconds."""
    bar: NotRequired[Annotated[int, Field(ge=1)]]
    """With ``bar``: its number; the project begins with bar 1."""


#: In the other form, since ``as`` is a word of Python.
PlaceFile = TypedDict(
    "PlaceFile",
    {
        "version": Annotated[Version, Field(description="Version of the protocol.")],
        "id": Annotated[str, Field(description="The name of the folder.")],
        "title": Annotated[str, Field(description="For the undo step and for messages.")],
        "create_time": Annotated[float, Field(description="When it was sent, in seconds since 1970.")],
        "sender": Annotated[HostEntry, Field(description="The program that sends it.")],
        "instance": Annotated[str, Field(description="The ``instance`` of the presence that it is for.")],
        "project": Annotated[AddressedProject, Field(description="The project that it is for.")],
        "at": Annotated[PositionEntry, Field(description="Where the first frame of its source goes.")],
        "as": Annotated[
            Literal["tracks", "take"], Field(description="On new tracks, or on the selected item where it fits.")
        ],
        "folder": Annotated[str, Field(description="Name of a folder for the new tracks; empty for none.")],
    },
)
PlaceFile.__doc__ = """What is to be placed: ``result.json`` beside it says which files."""


@_documented
class AnswerFile(TypedDict):
    """What became of it."""

    version: Version
    """Version of the protocol."""
    id: str
    """Id of what was to be placed."""
    state: Literal["waiting", "placed", "refused"]
    """``waiting`` goes on; the others are final."""
    message: str
    """What happened, in a sentence or two for the user."""
    remedy: str
    """What to do about a refusal."""
    instance: str
    """Who answers."""
    position_s: NotRequired[float]
    """Where the first of it was placed, in seconds."""
    update_time: float
    """When this was written, in seconds since 1970."""
