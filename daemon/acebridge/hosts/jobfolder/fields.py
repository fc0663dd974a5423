"""The fields of a part as the wire contract wants them: checked, filled from the metadata of earlier parts, formats added."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from acebridge.contract.fields import coerce, fill, merge_fields
from acebridge.contract.tasks import request_type
from acebridge.hosts.jobfolder.request import AudioFile, Mix, Part, Request
from acestep_runtime.certainty import sure_metadata
from acestep_runtime.errors import InvalidValue, UnreadableAudio
from acestep_runtime.limits import describe_limits, field_limits
from acestep_runtime.midi.files import read_file_text
from acestep_runtime.tasks import TASKS
from acestep_runtime.values import TIME_SIGNATURES

if TYPE_CHECKING:
    from pydantic import JsonValue

#: Tasks whose metadata has the length of their source, with one engine or another.
_LENGTH_TASKS = ("understand", "align_lyrics", "score", "cover", "complete")
#: Metadata that says what music should be, each the field of ``music`` with its name.
_MUSIC_METADATA = ("caption", "lyrics", "language", "bpm", "keyscale", "timesignature")


def check_parts(request: Request) -> None:
    """Raise `InvalidValue` for the first thing that the contract does not know, or cannot hold."""
    for number, part in enumerate(request.parts):
        place = f"parts[{number}]"
        if part.task not in TASKS:
            raise InvalidValue(f"{place}.task", part.task, ", ".join(TASKS))
        if part.source is not None and not _has(part.task, "source"):
            raise InvalidValue(f"{place}.source", "given", f"none: {part.task} works on no file")
        if part.source is None and not part.parents and _has(part.task, "source"):
            raise InvalidValue(f"{place}.source", "nothing", f"a file: {part.task} works on one")
        if makes_audio(part) and request.media is None:
            raise InvalidValue("media.folder", "nothing", "the full path of a folder, for the audio that is made")
        if part.midi is not None and not _has(part.task, "midi"):
            raise InvalidValue(f"{place}.midi", str(part.midi), f"none: {part.task} follows no notes")
        if "source" in part.fields:
            raise InvalidValue(f"{place}.fields.source", part.fields["source"], f"no such field; write {place}.source")
        message_of(request, number, {})
        _check_filled_length(request, number)


def _check_filled_length(request: Request, number: int) -> None:
    """Raise `InvalidValue` for a part that would be as long as the source of the part that fills it, and cannot be."""
    part = request.parts[number]
    if part.fill_from is None or not _has(part.task, "duration_s") or part.fields.get("duration_s") not in (None, ""):
        return
    filling, limits = request.parts[part.fill_from], field_limits(TASKS[part.task], "duration_s")
    length_s = _length_s(filling.source) if filling.task in _LENGTH_TASKS else None
    if length_s is not None and limits is not None and not limits.allow(length_s):
        place, allowed = f"parts[{number}].fields.duration_s", describe_limits(limits)
        raise InvalidValue(
            place,
            length_s,
            allowed,
            message=f"{place} would be {length_s:g}, the length of parts[{part.fill_from}].source; allowed: {allowed}.",
            remedy="Give duration_s, or another region of that source.",
        )


def _length_s(source: AudioFile | Mix | None) -> float | None:
    """Return the length of a source to the millisecond; ``None`` where it cannot be read, which sending it says better."""
    from acestep_runtime.audio.decode import probe
    from acestep_runtime.tasks.base import Source

    with suppress(InvalidValue, UnreadableAudio):
        if isinstance(source, Mix):
            return round(source.frames / probe(source.tracks[0].file).sample_rate, 3)
        if source is not None:
            info, start, stop = Source(str(source.file), source.start_s or 0.0, source.end_s).part()
            return round((stop - start) / info.sample_rate, 3)
    return None


def makes_audio(part: Part) -> bool:
    """Return whether audio comes back, and not only metadata."""
    return _has(part.task, "output")


def message_of(request: Request, number: int, metadata: Mapping[str, JsonValue]) -> Any:
    """Return the request message of a part, without its source.

    What is not given is taken from ``metadata``, and the format from that of the media. Raises `InvalidValue`.
    """
    part, place = request.parts[number], f"parts[{number}].fields"
    message = request_type(part.task)()
    given = coerce(message.DESCRIPTOR, part.fields, place)
    if part.midi is not None:
        given["midi"] = read_file_text(part.midi, f"parts[{number}].midi.file")
    fields = _complete(part, given, metadata)
    if makes_audio(part):
        fields["output"] = merge_fields({"encoding": request.format}, fields.get("output"))
    submission = coerce(message.submission.DESCRIPTOR, {"engine": request.engine, "origin": origin_of(request)})
    fields["submission"] = merge_fields(submission, fields.get("submission"))
    fill(message, fields, TASKS[part.task], prefix=f"{place}.")
    return message


def origin_of(request: Request) -> dict[str, JsonValue]:
    """Return where a request comes from, cut to what the contract allows."""
    return {"host": request.host[:255], "instance": request.instance[:255], "project": request.project[:4096]}


def _complete(part: Part, fields: Mapping[str, JsonValue], metadata: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return the fields with what is not given among them taken from ``metadata``."""
    filled = dict(fields)
    if _has(part.task, "music"):
        sure = sure_metadata(metadata)
        found = {name: sure[name] for name in _MUSIC_METADATA if sure.get(name) not in (None, "")}
        if found.get("timesignature", 4) not in TIME_SIGNATURES:
            del found["timesignature"]  # music in 5 or 7 can be heard, but not asked for
        filled["music"] = merge_fields(found, fields.get("music"))
    if _has(part.task, "duration_s") and "duration_s" not in fields and metadata.get("duration_s"):
        filled["duration_s"] = metadata["duration_s"]
    return filled


def _has(task: str, name: str) -> bool:
    return name in request_type(task).DESCRIPTOR.fields_by_name
