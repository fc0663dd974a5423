"""A song from sections at the daemon: made section after section, its files written into the media folder."""

from __future__ import annotations

import dataclasses
import shutil
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acebridge.client.api_runner import run_order
from acebridge.client.follow import JobSink
from acebridge.errors import AceBridgeError, ConnectionLost, JobFailed, reason_of
from acebridge.hosts.jobfolder import VERSION
from acebridge.hosts.jobfolder.daemon import Daemon, daemon_ended
from acebridge.hosts.jobfolder.fields import origin_of
from acebridge.hosts.jobfolder.job_run import Work, check_media, no_room
from acebridge.hosts.jobfolder.outputs import describe_output, media_name, reserve_file
from acebridge.hosts.jobfolder.request import Entry, Part, Request
from acebridge.hosts.jobfolder.song_request import song_plan
from acebridge.v1 import tasks_pb2
from acestep_runtime.audio import decode, wav
from acestep_runtime.audio.dither import Dither
from acestep_runtime.audio.tags.riff import pack, read_chunks_of
from acestep_runtime.errors import AceStepError, Cancelled, InvalidValue
from acestep_runtime.guide.request import Order
from acestep_runtime.guide.runners import Batch, Report
from acestep_runtime.song.build import build_song, is_begun_from, write_song
from acestep_runtime.song.plan import SongPlan
from acestep_runtime.song.state import MadeSection, MadeTake, State, load_state
from acestep_runtime.tasks import Repaint, TextToMusic
from acestep_runtime.values import MIX, CancelToken, Json

if TYPE_CHECKING:
    from pydantic import JsonValue

    from acebridge.client.client import Client
    from acebridge.hosts.jobfolder.documents import OutputResult, PartResult, ResultFile, TakeResult

#: The folder in a job folder that keeps what is made of a song.
FOLDER = "song"
#: The task of the part of a result that holds the whole song.
SONG_TASK = "song"


def perform_song(work: Work, request: Request, address: str | None, autostart: bool) -> ResultFile:
    """Make the song of a request; return the content of ``result.json``.

    Where a section fails after others are made, the result holds those, and the reason. Raises what `perform_all` raises.
    """
    plan = song_plan(request)
    if request.media is None:
        raise InvalidValue("media.folder", "nothing", "the full path of a folder, for the audio that is made")
    check_media(request.media)
    folder = work.status.folder / FOLDER
    files = _Result(work, request, plan, folder, request.media)
    if folder.is_symlink():
        raise InvalidValue(FOLDER, "a link", "a folder of the job folder's own", remedy="Remove it.")
    if not is_begun_from(plan, folder):  # of another request
        shutil.rmtree(folder)
    work.status.tell(parts=len(plan.sections))
    work.status.log(f"{request.id}: a song of {len(plan.sections)} sections")
    began, warnings = time.monotonic(), list[str]()

    def warn(text: str) -> None:
        warnings.append(text)
        work.status.log(f"warning: {text}")

    with ExitStack() as stack:
        daemon = Daemon(stack, address or request.address, autostart, warn)
        state = _make(work, _SectionRunner(work, daemon, origin_of(request)), plan, folder, warnings)
    result = files.of(state)
    takes = (take for section in state.sections for take in section.takes)
    warnings += [warning for take in takes for warning in take.warnings]
    if len(state.sections) == len(plan.sections):
        shutil.rmtree(folder, ignore_errors=True)
    return {
        **result, "total_s": round(time.monotonic() - began, 3), "warnings": list(dict.fromkeys(warnings)),
    }  # fmt: skip


def _make(work: Work, runner: _SectionRunner, plan: SongPlan, folder: Path, warnings: list[str]) -> State:
    """Make the sections; return what is made of them. Add the reason to ``warnings`` where that is not all."""
    current = 0

    def report(number: int, stage: str, fraction: float) -> None:
        nonlocal current
        current = number
        work.check()
        work.status.tell(part=number, stage=f"{plan.sections[number].name}: {stage}", fraction=min(1.0, fraction))

    try:
        return build_song(plan, folder, runner, pick="score", report=report).state
    except Cancelled:
        raise
    except (AceStepError, AceBridgeError, OSError) as error:
        work.check()
        failed = _failure(error, plan.sections[current].name, folder)
        state = load_state(folder)
        if state is None or not state.sections or not state.sections[0].chosen:
            raise failed from error
        state = state.without_open()
        try:
            write_song(plan, folder, state)
        except OSError:
            raise failed from error
        warnings.append(f"{failed.message} The song ends before it. {failed.remedy}".rstrip())
        return state


def _failure(error: Exception, name: str, folder: Path) -> AceStepError | AceBridgeError:
    """Return the sentence about what failed, with the section that it failed in."""
    if isinstance(error, ConnectionLost):
        error = daemon_ended()
    if isinstance(error, OSError):
        error = no_room(folder, error, "job folder")
    assert isinstance(error, (AceStepError, AceBridgeError))
    return JobFailed(reason_of(error), f"{name}: {error.message}", remedy=error.remedy)


class _SectionRunner:
    """Runs the orders of sections at the daemon; ``origin`` says where they come from."""

    def __init__(self, work: Work, daemon: Daemon, origin: dict[str, JsonValue]) -> None:
        self._work, self._daemon, self._origin = work, daemon, origin

    def run(self, order: Order, folder: Path, cancel: CancelToken, report: Report) -> Batch:
        """See `acestep_runtime.song.build.SectionRunner`. By the key of an order its job goes on at a daemon that is back."""
        order = dataclasses.replace(order, submission={**order.submission, "origin": _json(self._origin)})

        def make(client: Client) -> Batch:
            try:
                return run_order(client, order, folder, cancel, report, _SectionStatus(self._work, client))
            finally:
                self._work.job_ended()

        return self._daemon.run(make, self._work.check, self._work.status)


class _SectionStatus(JobSink):
    """Keeps the state in the status up to date; stage and fraction are those of the song."""

    def __init__(self, work: Work, client: Client) -> None:
        self._work, self._client = work, client

    def on_event(self, event: tasks_pb2.TaskEvent) -> None:
        """Note the job. Raises `Cancelled`."""
        self._work.job_started(self._client, event.job_id)
        self._work.check()

    def on_queued(self, queued: tasks_pb2.Queued) -> None:
        """Tell its place in the queue."""
        self._work.status.tell(state="waiting", position=queued.position, eta_s=None)

    def on_started(self, _: tasks_pb2.Started) -> None:
        """Tell that it runs."""
        self._work.status.tell(state="running", position=None, eta_s=None)


class _Result:
    """The files of a song in the media folder, and what ``result.json`` says of them."""

    def __init__(self, work: Work, request: Request, plan: SongPlan, folder: Path, media: Path) -> None:
        self._work, self._request, self._plan, self._folder, self._media = work, request, plan, folder, media
        self._position_s = Entry(request.song or {}, "song").number("position_s", 0.0)

    def of(self, state: State) -> ResultFile:
        """Write the song and all takes; return the result without times and warnings."""
        made = state.sections
        parts = [self._section(number, section) for number, section in enumerate(made)]
        parts.append(self._whole(state))
        return {
            "version": VERSION,
            "id": self._request.id,
            "engine": made[-1].engine,
            "total_s": 0.0,
            "warnings": [],
            "parts": parts,
            "song": {
                "part": len(made),
                "sections": [
                    {
                        "name": section.name,
                        "start_frame": self._plan.sections[number].start,
                        "end_frame": self._plan.sections[number].stop,
                        "part": number,
                        "lines": [_plain(line) for line in section.choice.lines if isinstance(line, Mapping)],
                    }
                    for number, section in enumerate(made)
                ],
                "missing": [section.name for section in self._plan.sections[len(made) :]],
            },
        }

    def _section(self, number: int, section: MadeSection) -> PartResult:
        """Return the part of a section: its takes, the chosen one first."""
        part = self._part(Repaint.name if number else TextToMusic.name, section.name)
        chosen = section.chosen - 1
        order = [chosen, *(each for each in range(len(section.takes)) if each != chosen)]
        return {
            "task": part.task,
            "label": section.name,
            "takes": [self._take(part, section.takes[n], n + 1) for n in order],
        }

    def _take(self, part: Part, take: MadeTake, number: int) -> TakeResult:
        output = self._put(part, self._folder / take.file, take.at, take.seed)
        metadata = _plain(take.metadata)
        return {"take": number, "seed": take.seed, "metadata": metadata, "outputs": [output]}

    def _whole(self, state: State) -> PartResult:
        title = self._request.title or SONG_TASK
        output = self._put(self._part(TextToMusic.name, title), self._folder / "song.wav", 0, state.seed)
        take: TakeResult = {"take": 1, "seed": state.seed, "metadata": {}, "outputs": [output]}
        return {"task": SONG_TASK, "label": title, "takes": [take]}

    def _part(self, task: str, label: str) -> Part:
        return Part(task, label, self._position_s)

    def _put(self, part: Part, source: Path, at: int, seed: int) -> OutputResult:
        """Write a file into the media folder as the request wants it, under a name that is free; return what is said of it.

        ``at`` is the frame of the song that it begins at.
        """
        self._work.check()
        info, encoding = decode.probe(source), self._request.format
        try:
            self._media.mkdir(parents=True, exist_ok=True)
            name = media_name(self._request, part.label if part.label != self._request.title else MIX, seed)
            path = self._work.track_file(reserve_file(self._media, name))
            chunks = pack(read_chunks_of(source).chunks)
            blocks = _add_dither(source, Dither.for_encoding(encoding, at))
            wav.write_blocks(path, blocks, info.frames, info.channels, info.sample_rate, encoding, chunks)
        except OSError as error:
            raise no_room(self._media, error) from error
        output = tasks_pb2.StoredOutput(
            role=MIX, sample_rate=info.sample_rate, channels=info.channels, frames=info.frames, start_frame=at
        )
        return describe_output(output, path, self._request, part, {}, self._work.status.folder)


def _plain(content: Mapping[str, Json]) -> dict[str, JsonValue]:
    """Return a JSON object as the documents have it: the runtime has another type for the same."""
    plain: Any = {**content}
    values: dict[str, JsonValue] = plain
    return values


def _json(content: dict[str, JsonValue]) -> dict[str, Json]:
    """Return the same the other way."""
    plain: Any = content
    values: dict[str, Json] = plain
    return values


def _add_dither(source: Path, dither: Dither) -> Iterable[Any]:
    return (dither.add(block) for block in decode.blocks(source))
