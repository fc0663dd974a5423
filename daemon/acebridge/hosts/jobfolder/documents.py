"""The documents of a job folder as types: what stands in ``request.json``, ``status.json`` and ``result.json``.

PROTOCOL.md explains them, `acebridge.hosts.jobfolder.schema` makes JSON Schemas of them. Everything else imports this module
for types only: it loads pydantic, and a job does not wait for that. In a request, ``null`` counts as missing.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, JsonValue, with_config
from typing_extensions import NotRequired, TypedDict

from acebridge.hosts.jobfolder import VERSION
from acebridge.hosts.jobfolder.request import FORMATS, MAX_MIX_FRAMES

_documented = with_config(ConfigDict(use_attribute_docstrings=True))

Version = Annotated[int, Field(json_schema_extra={"const": VERSION})]
State = Literal["starting", "waiting", "running", "done", "failed", "cancelled"]


@_documented
class HostEntry(TypedDict):
    """The program that the script runs in."""

    name: NotRequired[str | None]
    """Its name."""
    version: NotRequired[str | None]
    """Its version, in its own words."""
    instance: NotRequired[str | None]
    """Which of several scripts or plug-ins there it is, in its own words."""
    project: NotRequired[str | None]
    """Folder or file of the project that is open."""
    scripts: NotRequired[str | None]
    """Version of AceBridge that its scripts are of. A command that cannot work with that refuses the request."""


@_documented
class MediaEntry(TypedDict):
    """Where audio goes, and how it is encoded."""

    folder: NotRequired[str | None]
    """Full path of a folder outside the job folder, for media files; made if it is not there. Tasks that make audio need it."""
    format: NotRequired[Annotated[str, Field(json_schema_extra={"enum": list(FORMATS)})] | None]
    """Encoding of the samples. Default: ``float32``."""


@_documented
class FileSource(TypedDict):
    """A file, or a region of one."""

    file: Annotated[str, Field(min_length=1)]
    """Name of a file in the job folder, or a full path."""
    start_s: NotRequired[float | None]
    """Start of the region in seconds. Default: the start of the file."""
    end_s: NotRequired[float | None]
    """End of the region in seconds. Default: the end of the file."""


@_documented
class MixEntry(TypedDict):
    """A file of a mix. All have one sample rate, which is that of the mix."""

    file: Annotated[str, Field(min_length=1)]
    """Name of a file in the job folder, or a full path. It has one or two channels; a mono file sounds on both."""
    at: NotRequired[Annotated[int, Field(ge=0)] | None]
    """Frame of the mix at which it begins. Default: 0."""
    first: NotRequired[Annotated[int, Field(ge=0)] | None]
    """Frame of the file at which it begins. Default: 0."""
    frames: NotRequired[Annotated[int, Field(ge=1)] | None]
    """How many frames of the file play; it is an error if the file holds less. Default: all that follow."""
    left: NotRequired[float | None]
    """Linear gain of the left channel, or of a mono mix. Default: 1."""
    right: NotRequired[float | None]
    """Linear gain of the right channel. Default: 1."""


@_documented
class MixSource(TypedDict):
    """Files that are added up to one source."""

    mix: Annotated[list[MixEntry], Field(min_length=1)]
    """The files."""
    frames: Annotated[int, Field(ge=1, le=MAX_MIX_FRAMES)]
    """Length of the mix; what reaches over it is cut off."""
    channels: NotRequired[Literal[1, 2] | None]
    """Channels of the mix. Default: those of its widest file."""


@_documented
class MadeFile(TypedDict):
    """A file with a recipe."""

    file: Annotated[str, Field(min_length=1)]
    """Name of a file in the job folder, or a full path."""


@_documented
class MidiFile(TypedDict):
    """A file of notes."""

    file: Annotated[str, Field(min_length=1)]
    """Name of a Standard MIDI File in the job folder, or a full path."""


@_documented
class PartEntry(TypedDict):
    """One task."""

    task: Annotated[str, Field(min_length=1)]
    """Name of a task of the wire contract, such as ``repaint``, ``extract`` or ``text2music``."""
    label: NotRequired[str | None]
    """Name of the part in stages and messages."""
    position_s: NotRequired[float | None]
    """Project time in seconds of the source's first frame, or of the start of new music. Default: 0."""
    source: NotRequired[FileSource | MixSource | None]
    """The audio that the task works on; none for tasks without."""
    midi: NotRequired[MidiFile | None]
    """Notes that new music follows; for ``text2music``."""
    fields: NotRequired[dict[str, JsonValue] | None]
    """Fields of the task, as in the wire contract."""
    fill_from: NotRequired[Annotated[int, Field(ge=0)] | None]
    """Number of an earlier part (from 0) whose caption, lyrics, language, tempo, key, meter and duration fill the gaps here."""


@_documented
class AgainEntry(TypedDict):
    """A task that is done again as the recipe in a file says."""

    again: MadeFile
    """A file that AceBridge has made."""
    variation: NotRequired[Annotated[float, Field(ge=0, le=1)] | None]
    """How far the new takes lie from the one in the file: at 1 they are others. Default: new takes that have nothing of it."""
    label: NotRequired[str | None]
    """Name of the part in stages and messages."""
    position_s: NotRequired[float | None]
    """Project time in seconds of the source's first frame, or of the start of new music. Default: 0."""
    fields: NotRequired[dict[str, JsonValue] | None]
    """Fields of the task that replace those of the recipe. Seeds that are not given are new ones."""


@_documented
class SectionEntry(TypedDict):
    """A section of a song. It ends ``bars`` after the one before it, or at ``end_s``."""

    name: Annotated[str, Field(min_length=1)]
    """Its name, which no other section has."""
    bars: NotRequired[Annotated[int, Field(ge=1)] | None]
    """How many bars it has, in its tempo and meter."""
    start_s: NotRequired[float | None]
    """Where it begins, in seconds from the start of the song: where the section before it ends."""
    end_s: NotRequired[float | None]
    """Where it ends, in seconds from the start of the song."""
    caption: NotRequired[str | None]
    """What it should be, added to the caption of the song."""
    lyrics: NotRequired[str | None]
    """The words to sing."""
    bpm: NotRequired[float | None]
    """Its tempo. Default: that of the song."""
    timesignature: NotRequired[int | None]
    """Its beats per bar. Default: those of the song."""
    takes: NotRequired[int | None]
    """How many takes are made, of which the best is chosen. Default: those of the song."""
    like: NotRequired[str | None]
    """Name of an earlier section that it repeats, with the same seed."""
    like_strength: NotRequired[Annotated[float, Field(ge=0, le=1)] | None]
    """How much of that comes back: 0 only its sound, 1 nearly all. Default: what is usual for the engine."""
    chords: NotRequired[str | None]
    """Chord symbols, with ``|`` between bars. Default: those of the song."""


@_documented
class SongEntry(TypedDict):
    """A song that is made section after section."""

    sections: Annotated[list[SectionEntry], Field(min_length=1)]
    """Its sections, without gaps, in their order."""
    position_s: NotRequired[float | None]
    """Project time in seconds of its first frame. Default: 0."""
    sample_rate: NotRequired[int | None]
    """In Hz; default 48000."""
    caption: NotRequired[str | None]
    """Style, instruments and mood of all sections."""
    bpm: NotRequired[float | None]
    """Tempo of sections that have none of their own."""
    timesignature: NotRequired[int | None]
    """Beats per bar of sections that say none."""
    keyscale: NotRequired[str | None]
    """Key, such as ``A minor``."""
    chords: NotRequired[str | None]
    """Chords of sections that say none."""
    language: NotRequired[str | None]
    """Code of the language of the lyrics."""
    seed: NotRequired[int | None]
    """Seed that those of all takes follow from. Default: a random one."""
    takes: NotRequired[int | None]
    """Takes of each section, 1 to 8. Default: 1."""
    score_by: NotRequired[str | None]
    """What takes are chosen by, as in the wire contract. Default: lyrics, else quality."""


@with_config(
    ConfigDict(
        use_attribute_docstrings=True,
        json_schema_extra={
            "anyOf": [
                {"properties": {"parts": {"type": "array"}}, "required": ["parts"]},
                {"properties": {"song": {"type": "object"}}, "required": ["song"]},
            ]
        },
    )
)
class RequestFile(TypedDict):
    """What the script asks for."""

    version: Version
    """Version of the protocol."""
    id: NotRequired[str | None]
    """Name of the job. Default: the name of its folder."""
    host: NotRequired[HostEntry | None]
    """The program that the script runs in, for the log and the status."""
    action: NotRequired[str | None]
    """Name of the action; it names media files when there is no title."""
    title: NotRequired[str | None]
    """Name of the job for messages; it names media files, and music without a caption."""
    create_time: NotRequired[float | None]
    """When the request was made, in seconds since 1970."""
    engine: NotRequired[str | None]
    """Name of an engine of the daemon, or ``auto`` (default): ``neural`` when it is installed, else ``draft``."""
    address: NotRequired[str | None]
    """``host:port`` of the user's own daemon, or what ``ACEBRIDGE_ADDRESS`` says. Default: the own one, started if need be."""
    media: NotRequired[MediaEntry | None]
    """Where audio goes."""
    parts: NotRequired[Annotated[list[PartEntry | AgainEntry], Field(min_length=1)] | None]
    """What to do, one after the other; needed, unless there is ``song``."""
    song: NotRequired[SongEntry | None]
    """A song from sections, instead of parts."""
    place: NotRequired[JsonValue]
    """The script's own notes on where the result belongs. The command does not read them."""


@_documented
class StatusFile(TypedDict, total=False):
    """How the job goes. Every key is there in every status."""

    version: Version
    """Version of the protocol."""
    state: State
    """``starting``, ``waiting`` and ``running`` go on; ``done``, ``failed`` and ``cancelled`` are final."""
    stage: str
    """What happens now, in words for the user."""
    fraction: Annotated[float, Field(ge=0, le=1)]
    """How much is done, over all parts."""
    eta_s: float | None
    """Seconds that are left, if known."""
    position: int | None
    """How many jobs go first at the daemon, the running one included, while it waits."""
    message: str
    """What went wrong, in one sentence."""
    remedy: str
    """What to do about it."""
    reason: str
    """Why it failed, for programs: as the wire contract names it, such as ``INVALID_VALUE``."""
    job_id: str
    """Id of the job at the daemon; empty while there is none."""
    part: int
    """Number of the part that is worked on, from 0."""
    parts: int
    """How many parts there are."""
    pid: int
    """Process id of the command."""
    host: str
    """Name and version of the host, as the request has them."""
    command_version: str
    """Version of AceBridge that the command is of."""
    update_time: float
    """When this was written, in seconds since 1970."""


@_documented
class OutputResult(TypedDict):
    """An audio file that the task made, and where it belongs."""

    file: str
    """Full path of a WAV file in the media folder."""
    role: str
    """``mix``, the name of a track such as ``drums``, or ``other``."""
    name: str
    """Name for the track or take, in one line."""
    colour: Annotated[str, Field(pattern="^(#[0-9a-f]{6})?$")]
    """Colour for the track as ``#rrggbb``; empty for none."""
    sample_rate: int
    """In Hz."""
    channels: Annotated[int, Field(ge=1, le=2)]
    """How many channels the file has."""
    frames: Annotated[int, Field(ge=1)]
    """Length of the file."""
    start_frame: int
    """Frame of the source at which the file begins; negative where it begins before it."""
    position_s: float
    """Project time of the file's first frame: the part's ``position_s`` + ``start_frame`` / ``sample_rate``."""
    length_s: float
    """``frames`` / ``sample_rate``."""
    fade_in_s: float
    """Fade that the item should get at its start."""
    fade_out_s: float
    """Fade that the item should get at its end."""
    written: Annotated[list[int], Field(min_length=2, max_length=2)]
    """Size in bytes and time of change in ns of the file as it was written. A file that differs was edited since."""
    seal: str
    """For the command: proof that it made the file, without which `acebridge host clean` leaves it. Else of no use."""
    asset_id: str
    """The SHA-256 of the file, where the daemon stores the same bytes under this name; else empty."""


@_documented
class TakeResult(TypedDict):
    """One take of a part."""

    take: Annotated[int, Field(ge=1)]
    """Its number."""
    seed: int
    """The seed that makes it again."""
    metadata: dict[str, JsonValue]
    """What is known of the music, as in the wire contract: ``bpm``, ``keyscale``, ``caption``, ``score`` and more."""
    outputs: list[OutputResult]
    """Its audio files; none for tasks that only listen or write."""


@_documented
class RankedTake(TypedDict):
    """A take that was made to choose from, kept or not."""

    take: Annotated[int, Field(ge=1)]
    """Its number."""
    seed: int
    """The seed that makes it again."""
    score: NotRequired[float]
    """What it is ranked by, 0 to 1; absent where it could not be scored."""
    chosen: bool
    """Whether it is one of the best, which are kept."""
    note: NotRequired[str]
    """The first sentence that its score says, such as "It is 120 ms late."; absent where there is none."""


@_documented
class PartResult(TypedDict):
    """What one part made."""

    task: str
    """Its task."""
    label: str
    """Its label."""
    takes: Annotated[list[TakeResult], Field(min_length=1)]
    """Its takes. Where the best were chosen, those that are kept, the best first."""
    ranking: NotRequired[list[RankedTake]]
    """Where the best were chosen: every take that was made, the best first."""


@_documented
class SongSectionResult(TypedDict):
    """A section of a song that was made."""

    name: str
    """Its name."""
    start_frame: int
    """Frame of the song at which it begins."""
    end_frame: int
    """Frame of the song at which it ends."""
    part: int
    """Number of the part that holds its takes, from 0. The first of them is in the song."""
    lines: list[dict[str, JsonValue]]
    """Lines of its lyrics with their times in the song, where the engine gives them."""


@_documented
class SongResult(TypedDict):
    """A song from sections."""

    part: int
    """Number of the part that holds the song as one file, from 0."""
    sections: list[SongSectionResult]
    """The sections that were made, in their order."""
    missing: list[str]
    """Names of the sections that were not made, for the reason in ``warnings``; the song ends before them."""


@_documented
class ResultFile(TypedDict):
    """What the job made."""

    version: Version
    """Version of the protocol."""
    id: str
    """Name of the job."""
    engine: str
    """The engine that did the last part."""
    total_s: float
    """How long it took, in seconds."""
    warnings: list[str]
    """Sentences for the user, each once."""
    parts: Annotated[list[PartResult], Field(min_length=1)]
    """One for each part of the request, in the same order; for a song one for each section that was made, and one for all."""
    song: NotRequired[SongResult]
    """Where the sections of a song are."""


@_documented
class FindingEntry(TypedDict):
    """One thing that the doctor checked."""

    about: str
    """What was checked."""
    ok: bool
    """Whether it is well."""
    says: str
    """What was found."""
    remedy: str
    """What to do if it is not well."""


@_documented
class DoctorFile(TypedDict):
    """The result of ``acebridge host doctor FOLDER``."""

    version: Version
    """Version of the protocol."""
    command_version: str
    """Version of AceBridge that the command is of."""
    findings: list[FindingEntry]
    """What was checked."""
