"""A Pro Tools that is none: it speaks PTSL from the same descriptor, checks every request, and keeps a session with audio.

What it does beyond the descriptor follows what people who script Pro Tools report: a bounce takes its range from the time line
and refuses one in the request, a stereo file becomes two clips that are spotted together, tracks are known by ids in braces.
"""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Mapping
from concurrent import futures
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import numpy as np
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor

from acebridge.hosts.protools.schema import METHOD, SERVICE, message_type, names_of, new_message, number_of
from acestep_runtime.audio import decode, wav
from acestep_runtime.audio.samples import Samples

#: What may be asked without a session.
_FREE = {"HostReadyCheck", "RegisterConnection", "GetPTSLVersion", "GetColorPalette"}
PALETTE = ("#ffef4444", "#ff3b82f6", "#ff64748b", "#ff0ea5e9", "#fff43f5e")


class Refusal(Exception):
    """What a command answers instead."""

    def __init__(self, kind: str, message: str = "") -> None:
        super().__init__(kind, message)
        self.kind, self.message = kind, message


def _check_names(descriptor: Descriptor, body: Mapping[str, Any]) -> None:
    """Assert that values of enums are written as names: Pro Tools takes no numbers."""
    for name, value in body.items():
        field = descriptor.fields_by_name[name]
        for item in value if isinstance(value, list) else [value]:
            assert field.enum_type is None or isinstance(item, str), (name, item)
            if field.message_type is not None:
                _check_names(field.message_type, item)


@dataclass
class FakeClip:
    """A clip on a track: its ids, its first sample there, its audio, and the file that it was imported from, if it was."""

    ids: tuple[str, ...]
    sample: int
    audio: Samples
    file: Path | None = None


@dataclass
class FakeTrack:
    """A track: what it plays is that of its clips, later ones over earlier ones."""

    id: str
    name: str
    channels: int = 2
    kind: str = "TType_Audio"
    selected: bool = False
    muted: bool = False
    colour: str = ""
    clips: list[FakeClip] = field(default_factory=list)

    def audio(self, start: int, stop: int) -> Samples:
        """What plays from one sample to another."""
        out = np.zeros((stop - start, self.channels), np.float32)
        for clip in self.clips:
            first, last = max(start, clip.sample), min(stop, clip.sample + len(clip.audio))
            if first < last:
                out[first - start : last - start] = clip.audio[first - clip.sample : last - clip.sample]
        return out


class FakeProTools:
    """A session and the server that serves it.

    For commands by name: ``answers`` has a status and a body in place of what they would answer, ``faults`` refuse them,
    ``drops`` end the server, ``holds`` keep them waiting. ``log`` has all requests.
    """

    def __init__(self, folder: Path, rate_hz: int = 48_000) -> None:
        self.folder, self.rate_hz = folder, rate_hz
        self.name: str | None = "Lied"
        self.version = (2025, 10)
        self.ready = True
        self.span = (0, 0)
        self.tracks: list[FakeTrack] = []
        self.locations: list[dict[str, Any]] = []
        self.counter = "TLType_BarsBeats"
        self.bpm, self.meter = 120.0, 4
        self.faults: dict[str, Refusal] = {}
        self.drops: set[str] = set()
        self.holds: dict[str, threading.Event] = {}
        self.log: list[tuple[str, dict[str, Any]]] = []
        self.bounce_frames: int | None = None
        self.answers: dict[str, tuple[str, str]] = {}
        self._files: dict[str, tuple[tuple[str, ...], Samples, Path | None]] = {}
        self._ids = itertools.count(1)
        self._lock = threading.RLock()
        self.port = 0
        folder.mkdir(parents=True, exist_ok=True)
        self.start()

    # The server

    def start(self) -> None:
        """Listen; at the same port as before."""
        handler = grpc.unary_unary_rpc_method_handler(
            self._answer,
            request_deserializer=type(new_message("Request")).FromString,
            response_serializer=lambda message: message.SerializeToString(),
        )
        self.server = grpc.server(futures.ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
        self.server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {METHOD: handler}),))
        self.port = self.server.add_insecure_port(f"localhost:{self.port}")
        self.server.start()

    def stop(self) -> None:
        """End as if it had crashed."""
        for event in self.holds.values():
            event.set()
        self.server.stop(0).wait()

    def __enter__(self) -> FakeProTools:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _answer(self, request: Any, context: grpc.ServicerContext) -> Any:
        name = next(n for n in names_of("CommandId", request.header.command) if n.startswith("CId_")).removeprefix(
            "CId_"
        )
        body = json.loads(request.request_body_json or "{}")
        response = new_message("Response")
        response.header.command = request.header.command
        if name in self.answers:
            status, response.response_body_json = self.answers[name]
            response.header.status = number_of("TaskStatus", status)
            return response
        try:
            content = self._run(name, body, request.header.session_id, context)
        except Refusal as refusal:
            response.header.status = number_of("TaskStatus", "TStatus_Failed")
            error = {"command_error_type": refusal.kind, "command_error_message": refusal.message, "is_warning": False}
            response.response_error_json = json.dumps({"errors": [error]})
            return response
        response.header.status = number_of("TaskStatus", "TStatus_Completed")
        kind = message_type(f"{name}ResponseBody")
        assert (kind is None) == (content is None), name
        if kind is not None:
            message = json_format.ParseDict(content, kind())
            response.response_body_json = json_format.MessageToJson(
                message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
            )
        return response

    def _run(self, name: str, body: dict[str, Any], session_id: str, context: grpc.ServicerContext) -> Any:
        kind = message_type(f"{name}RequestBody")
        assert kind is not None or not body, (name, body)
        if kind is not None:
            json_format.ParseDict(body, kind())  # raises for what PTSL does not have
            _check_names(kind.DESCRIPTOR, body)
        self.log.append((name, body))
        if name in self.drops:
            threading.Thread(target=self.stop).start()
            context.abort(grpc.StatusCode.UNAVAILABLE, "Pro Tools has crashed")
        if name in self.holds:
            self.holds[name].wait()
        if name in self.faults:
            raise self.faults[name]
        if not session_id and name not in ("HostReadyCheck", "RegisterConnection"):
            raise Refusal("SDK_SessionIdParseError", "not registered")
        if self.name is None and name not in _FREE:
            raise Refusal("PT_NoOpenedSession", "No session is currently open.")
        command = getattr(self, f"_{name}", None)
        if command is None:
            raise Refusal("PT_UnsupportedCommand", name)
        with self._lock:
            return command(body)

    @property
    def commands(self) -> list[str]:
        """The names of all commands so far."""
        return [name for name, _ in self.log]

    # The session, as a user changes it

    @property
    def file(self) -> Path:
        """The session's file."""
        return self.folder / f"{self.name}.ptx"

    def add_track(
        self, name: str, *, channels: int = 2, kind: str = "TType_Audio", selected: bool = False
    ) -> FakeTrack:
        """Add a track."""
        track = FakeTrack(self._id(), name, channels, kind, selected)
        self.tracks.append(track)
        return track

    def put(self, track: FakeTrack, sample: int, audio: Samples) -> None:
        """Put audio on a track."""
        track.clips.append(FakeClip((self._id(),), sample, audio))

    def track(self, name: str) -> FakeTrack:
        """Return the one track of a name."""
        (found,) = (track for track in self.tracks if track.name == name)
        return found

    def _id(self) -> str:
        return f"{{00000000-{next(self._ids):08x}-00000000-00000000}}"

    def _by_id(self, track_id: str) -> FakeTrack:
        for track in self.tracks:
            if track.id == track_id:
                return track
        raise Refusal("PT_NoTrackFound", f"Could not parse Sys_TrackUID {track_id}")

    # Commands

    def _HostReadyCheck(self, _: Any) -> Any:  # noqa: N802
        return {"is_host_ready": self.ready}

    def _RegisterConnection(self, body: Any) -> Any:  # noqa: N802
        assert body["company_name"]
        assert body["application_name"]
        return {"session_id": "fake"}

    def _GetPTSLVersion(self, _: Any) -> Any:  # noqa: N802
        return {"version": self.version[0], "version_minor": self.version[1]}

    def _GetSessionName(self, _: Any) -> Any:  # noqa: N802
        return {"session_name": self.name}

    def _GetSessionPath(self, _: Any) -> Any:  # noqa: N802
        return {"session_path": {"path": str(self.file), "info": {"is_online": True}}}

    def _GetSessionSampleRate(self, _: Any) -> Any:  # noqa: N802
        return {"sample_rate": self.rate_hz}

    def _GetTimelineSelection(self, body: Any) -> Any:  # noqa: N802
        if body.get("location_type") != "TLType_Samples":
            return {"in_time": "1|1|000", "out_time": "1|1|000"}
        start, stop = map(str, self.span)
        return {"play_start_marker_time": start, "in_time": start, "out_time": stop}

    def _SetTimelineSelection(self, body: Any) -> None:  # noqa: N802
        assert body["location_type"] == "TLType_Samples"
        self.span = (int(body["in_time"]), int(body["out_time"]))

    def _GetTimeAsType(self, body: Any) -> Any:  # noqa: N802
        place, beat = body["location"]["location"], 60 * self.rate_hz / self.bpm
        if body["time_type"] == "TLType_Samples":
            bar, number, ticks = map(int, place.split("|"))
            found = str(round(beat * ((bar - 1) * self.meter + number - 1 + ticks / 960)))
        else:
            bar, rest = divmod(int(place) / beat, self.meter)
            found = f"{int(bar) + 1}|{int(rest) + 1}|{int(rest % 1 * 960):03d}"
        return {"converted_location": {"location": found, "time_type": body["time_type"]}}

    def _GetTrackList(self, body: Any) -> Any:  # noqa: N802
        return self._page("track_list", [self._describe(track) for track in self.tracks], body)

    def _page(self, key: str, items: list[Any], body: Mapping[str, Any]) -> dict[str, Any]:
        page = body.get("pagination_request") or {}
        offset, limit = page.get("offset", 0), page.get("limit") or len(items)
        return {key: items[offset : offset + limit], "pagination_response": {"total": len(items)}}

    def _describe(self, track: FakeTrack) -> dict[str, Any]:
        selected = "TAState_SetExplicitly" if track.selected else "TAState_None"
        return {
            "id": track.id, "name": track.name, "type": track.kind, "color": track.colour,
            "format": "TFormat_Mono" if track.channels == 1 else "TFormat_Stereo",
            "index": self.tracks.index(track) + 1,
            "track_attributes": {"is_selected": selected, "is_muted": track.muted, "contains_clips": bool(track.clips)},
        }  # fmt: skip

    def _SelectTracksByName(self, body: Any) -> Any:  # noqa: N802
        for track in self.tracks:
            track.selected = track.name in body["track_names"]
        return {"track_list": [self._describe(track) for track in self.tracks if track.selected]}

    def _BounceTrack(self, body: Any) -> Any:  # noqa: N802
        track = self._by_id(body["src_track_id"])
        start, stop = self.span
        if "in_location" in body or "out_location" in body or start == stop:
            raise Refusal("PT_CannotBeDone", "There is no content on the timeline")
        assert body["audio_info"]["sample_rate"] == f"SRate_{self.rate_hz}"
        folder = body["location_info"]["directory"]
        assert folder.endswith("/")
        file = Path(folder) / f"{body['file_name_prefix']}_{track.name.replace('/', '_')}.wav"
        frames = stop - start if self.bounce_frames is None else self.bounce_frames
        wav.write(file, track.audio(start, start + frames), self.rate_hz, "float32")
        return {"file_paths": [str(file)]}

    def _ImportAudioToClipList(self, body: Any) -> Any:  # noqa: N802
        entries = []
        for name in body["file_list"]:
            info = decode.probe(Path(name))
            if info.sample_rate != self.rate_hz:
                raise Refusal("PT_SampleRateMismatch", f"{name} has another sample rate")
            ids = tuple(self._id() for _ in range(info.channels))
            self._files[ids[0]] = ids, decode.read(Path(name)), Path(name)
            files = [{"file_id": self._id(), "file_path": name, "clip_id_list": list(ids)}]
            entries.append({"original_input_path": name, "destination_file_list": files})
        return {"file_list": entries}

    def _CreateNewTracks(self, body: Any) -> Any:  # noqa: N802
        assert body["number_of_tracks"] == 1
        name = body["track_name"]
        if any(track.name == name for track in self.tracks):
            raise Refusal("OS_DuplicateName", f"There is a track {name}")
        track = FakeTrack(self._id(), name, {"TFormat_Mono": 1, "TFormat_Stereo": 2}[body["track_format"]])
        at = len(self.tracks)
        if body.get("insertion_point_track_name"):
            at = self.tracks.index(self.track(body["insertion_point_track_name"])) + 1
        self.tracks.insert(at, track)
        return {"number_of_tracks": 1, "created_track_names": [name], "created_track_ids": [track.id]}

    def _SpotClipsByID(self, body: Any) -> None:  # noqa: N802
        track, data = self._by_id(body["dst_track_id"]), body["dst_location_data"]
        assert (data["location_type"], data["location"]["time_type"]) == ("SLType_Start", "TLType_Samples")
        ids, audio, file = self._files.get(body["src_clips"][0], ((), np.zeros((0, 0), np.float32), None))
        if tuple(body["src_clips"]) != ids:
            raise Refusal("PT_NoClipsFound", "There are no such clips")
        if len(ids) != track.channels:
            raise Refusal("PT_InvalidParameter", "The clips do not fit the track")
        track.clips.append(FakeClip(ids, int(data["location"]["location"]), audio, file))

    def _GetColorPalette(self, body: Any) -> Any:  # noqa: N802
        assert body["color_palette_target"] == "CPTarget_Tracks"
        return {"color_list": list(PALETTE)}

    def _SetTrackColor(self, body: Any) -> Any:  # noqa: N802
        for name in body["track_names"]:
            self.track(name).colour = PALETTE[body["color_index"]]
        return {"success_count": len(body["track_names"])}

    def _SetTrackMuteState(self, body: Any) -> None:  # noqa: N802
        for name in body["track_names"]:
            self.track(name).muted = body["enabled"]

    def _DeleteTracks(self, body: Any) -> Any:  # noqa: N802
        assert "track_names" not in body  # Pro Tools takes ids or names, not both
        for track_id in body["track_ids"]:
            self.tracks.remove(self._by_id(track_id))
        return {"success_count": len(body["track_ids"])}

    def _GetTrackPlaylists(self, body: Any) -> Any:  # noqa: N802
        track = self.track(body["track_name"])
        playlist = {
            "playlist_id": track.id,
            "playlist_name": track.name,
            "is_target": True,
            "playlist_type": "PType_Main",
        }
        return {"playlists": [playlist]}

    def _GetPlaylistElements(self, body: Any) -> Any:  # noqa: N802
        def location(sample: int) -> dict[str, Any]:
            return {"location": str(sample), "time_type": "TLType_Samples"}

        elements = [
            {
                "start_time": location(clip.sample),
                "end_time": location(clip.sample + len(clip.audio)),
                "channel_clips": [{"clip_id": each} for each in clip.ids],
            }
            for clip in self._by_id(body["playlist_id"]).clips
        ]
        return {"elements_list": elements}

    # Memory locations: their times are in the format of the main counter

    def add_location(self, name: str, span: tuple[int, int], *, marker: bool = False) -> None:
        """Add a memory location as a user does."""
        number = 1 + max((each["number"] for each in self.locations), default=0)
        kind = "TProperties_Marker" if marker else "TProperties_Selection"
        self.locations.append({"number": number, "name": name, "span": span, "time_properties": kind, "comments": ""})

    def _GetMemoryLocations(self, body: Any) -> Any:  # noqa: N802
        shown = [
            {
                **{key: value for key, value in each.items() if key != "span"},
                "start_time": "1|1|000",
                "end_time": "2|1|000",
            }
            for each in self.locations
        ]
        return self._page("memory_locations", shown, body)

    def _location(self, number: int) -> dict[str, Any]:
        (found,) = (each for each in self.locations if each["number"] == number)
        return found

    def _SelectMemoryLocation(self, body: Any) -> None:  # noqa: N802
        self.span = self._location(body["number"])["span"]

    def _ClearMemoryLocation(self, body: Any) -> Any:  # noqa: N802
        self.locations = [each for each in self.locations if each["number"] not in body["location_list"]]
        return {"success_count": len(body["location_list"])}

    def _EditMemoryLocation(self, body: Any) -> Any:  # noqa: N802
        self._location(body["number"]).update({key: body[key] for key in ("name", "comments")})
        return {}

    def _GetMainCounterFormat(self, _: Any) -> Any:  # noqa: N802
        return {"current_type": self.counter}

    def _SetMainCounterFormat(self, body: Any) -> None:  # noqa: N802
        self.counter = body["location_type"]

    def _CreateMemoryLocation(self, body: Any) -> Any:  # noqa: N802
        assert self.counter == "TLType_Samples"
        assert body["time_properties"] == "TProperties_Selection"
        self.add_location(body["name"], (int(body["start_time"]), int(body["end_time"])))
        self.locations[-1]["comments"] = body.get("comments", "")
        return {}
