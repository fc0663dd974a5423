"""A Live with a bridge, as far as the actions of AceBridge see one: a WebSocket server that keeps a Set.

Which calls there are is read from the package's own client; a call that it does not know, or whose arguments are others, is an
error, as it is in Live. What Live does is from its API's documentation: objects are handles that die with their object, each
change is an undo step, a transaction is one, a file is played from the project's folder only, a render is a 24-bit file of
what an audio track's clips play. No line of this says that the real Live does the same; docs/live.md lists what is untried.
"""

from __future__ import annotations

import contextlib
import copy
import json
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from tests.support.fake_live_calls import CALLS, CREATORS, KNOWN, CallError, handle, number_of

API_VERSION = "1.0.0"
#: Frames a second of the Set.
RATE_HZ = 44_100
Object = dict[str, Any]


class FakeLive:
    """A Set in ``folder``, and the bridge to it. ``tempos`` are (beat, BPM), the first at beat 0."""

    def __init__(self, folder: Path, *, tempo: float = 120.0, api_version: str = API_VERSION, port: int = 0) -> None:
        self.project, self.temporary = folder / "Project", folder / "Temp"
        for each in (self.project, self.temporary):
            each.mkdir(parents=True, exist_ok=True)
        self.api_version = api_version
        self.tempos: list[tuple[float, float]] = [(0.0, tempo)]
        self.scale: tuple[int, str, bool] = (0, "Major", False)
        self.objects: dict[int, Object] = {}
        self._next = 1
        self.root = self.add("Application")
        self.song = self.add("Song", tracks=[])
        self._steps: list[dict[int, Object]] = []
        #: Pages that were shown, and the answers to the next of them: texts to enter; any other page is closed.
        self.pages: list[str] = []
        self.answers: list[dict[str, str] | None] = []
        self.progress: dict[int, list[tuple[str, float | None]]] = {}
        self.open_progress: set[int] = set()
        #: Errors for calls by method, and calls that were made.
        self.refuse: dict[str, str] = {}
        self.calls: list[str] = []
        #: What happens just before a call, by method: once.
        self.before: dict[str, Callable[[], None]] = {}
        self.menu: dict[tuple[str, str], str] = {}
        self.lock = threading.RLock()
        self._clients: list[ServerConnection] = []
        self.port = port
        self.open()

    @property
    def steps(self) -> list[dict[int, Object]]:
        """The Sets before each undo step. As all that reads the Set, it waits for a step that is being made."""
        with self.lock:
            return list(self._steps)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def open(self) -> None:
        """Start it; with the same port and the saved Set, where it has run before."""
        self._server = serve(self._serve, "127.0.0.1", self.port)
        self.port = self._server.socket.getsockname()[1]
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self.disconnect()
        self._thread.join()

    def disconnect(self) -> None:
        """Cut every connection."""
        for client in list(self._clients):
            client.close()

    # The Set. ------------------------------------------------------------------------------------------------------------

    def add(self, kind: str, parent: int | None = None, **fields: Any) -> int:
        """Add an object; return its number."""
        number, self._next = self._next, self._next + 1
        self.objects[number] = {"kind": kind, "parent": parent, **fields}
        return number

    def add_track(self, name: str, kind: str = "AudioTrack", *, group: bool = False) -> int:
        number = self.add(kind, self.song, name=name, mute=False, clips=[], lanes=[], group=group)
        self.objects[self.song]["tracks"].append(number)
        return number

    def add_clip(self, place: int, beat: float, samples: np.ndarray | Path, *, warped: bool = False) -> int:
        """Put samples, shape [frames, channels], or a file onto a track or a take lane."""
        if isinstance(samples, Path):
            file = samples
        else:
            file = self.project / f"clip {len(self.objects)} ü.wav"
            soundfile.write(file, samples, RATE_HZ, subtype="PCM_24")
        number = self.add(
            "AudioClip",
            place,
            name=file.stem,
            file=str(file),
            start=beat,
            warped=warped,
            frames=soundfile.info(file).frames,
        )
        self.objects[place]["clips"].append(number)
        return number

    def remove(self, number: int) -> None:
        """Delete an object, and what is in it."""
        with self.lock:
            gone = self.objects.pop(number)
            for inner in (*gone.get("clips", ()), *gone.get("lanes", ())):
                self.remove(inner)
            for other in self.objects.values():
                for key in ("tracks", "clips", "lanes"):
                    if number in other.get(key, ()):
                        other[key].remove(number)

    def undo(self) -> None:
        """Take back the last step."""
        with self.lock:
            self.objects = self._steps.pop()

    def state(self) -> str:
        """All of the Set, to compare with."""
        with self.lock:
            return json.dumps(self.objects, sort_keys=True)

    def seconds_at(self, beat: float) -> float:
        """The time of a beat, with the changes of tempo before it."""
        seconds = 0.0
        ends = [*(start for start, _ in self.tempos[1:]), float("inf")]
        for (start, bpm), end in zip(self.tempos, ends, strict=True):
            seconds += max(0.0, min(beat, end) - start) * 60.0 / bpm
        return seconds

    def beat_at(self, seconds: float) -> float:
        """The beat at a time."""
        for start, bpm in reversed(self.tempos):
            if seconds >= self.seconds_at(start):
                return start + (seconds - self.seconds_at(start)) * bpm / 60.0
        raise AssertionError(seconds)

    def frame_at(self, beat: float) -> int:
        return round(self.seconds_at(beat) * RATE_HZ)

    def add_midi_clip(self, track: int, beat: float, beats: float, *notes: dict[str, Any], **fields: Any) -> int:
        """Put a clip of notes, as the bridge writes them, onto a track. ``fields``: start_marker, loop, muted."""
        number = self.add("MidiClip", track, name="MIDI", start=beat, beats=beats, notes=list(notes), **fields)
        self.objects[track]["clips"].append(number)
        return number

    def end_of(self, clip: Object) -> float:
        """The beat at which a clip ends; one of audio is not warped."""
        if "beats" in clip:
            return float(clip["start"] + clip["beats"])
        return self.beat_at(self.seconds_at(clip["start"]) + clip["frames"] / RATE_HZ)

    def playback(self, place: int, start: float, end: float) -> np.ndarray:
        """What the clips of a track or lane play between two beats, shape [frames, channels]."""
        with self.lock:
            clips = [self.objects[number] for number in self.objects[place]["clips"]]
        audio = [(clip, soundfile.read(clip["file"], dtype="float64", always_2d=True)[0]) for clip in clips]
        first, last = self.frame_at(start), self.frame_at(end)
        channels = max((samples.shape[1] for _, samples in audio), default=2)
        mix = np.zeros((last - first, channels))
        for clip, samples in audio:
            at = self.frame_at(clip["start"])
            begin, stop = max(first, at), min(last, at + len(samples))
            if begin < stop:
                mix[begin - first : stop - first] += samples[begin - at : stop - at]
        return mix

    def lanes(self, track: int) -> list[Object]:
        with self.lock:
            return [self.objects[number] for number in self.objects[track]["lanes"]]

    def tracks(self) -> dict[str, int]:
        """The tracks by name."""
        with self.lock:
            return {self.objects[number]["name"]: number for number in self.objects[self.song]["tracks"]}

    # What the musician does. -----------------------------------------------------------------------------------------------

    def click(self, title: str, scope: str, argument: Mapping[str, Any]) -> None:
        """Choose an action in the menu of a scope."""
        event = {"kind": "event", "commandId": self.menu[scope, f"AceBridge: {title}"], "args": [argument]}
        self._clients[-1].send(json.dumps(event))

    def select(self, title: str, start: float, end: float, *lanes: int, midi: bool = False) -> None:
        """Choose an action on a stretch of tracks."""
        selection = {
            "time_selection_start": start,
            "time_selection_end": end,
            "selected_lanes": [handle(number) for number in lanes],
        }
        self.click(title, f"{'Midi' if midi else 'Audio'}Track.ArrangementSelection", selection)

    def cancel(self) -> None:
        """Press Cancel in the progress that is open."""
        (dialog,) = self.open_progress
        self._clients[-1].send(json.dumps({"kind": "event", "commandId": "__progress_cancelled__", "args": [dialog]}))

    # The bridge. ---------------------------------------------------------------------------------------------------------

    def _serve(self, client: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            hello = json.loads(client.recv())
            assert set(hello) == {"kind", "pythonSdk", "apiVersion"}, hello
            client.send(json.dumps({"kind": "welcome", "bridge": "0.0.4", "hostApiVersion": self.api_version}))
            self._clients.append(client)
            try:
                for text in client:
                    call = json.loads(text)
                    assert call["kind"] == "call", call
                    # Live answers each call when it is done, so a dialog that is open holds nothing up.
                    threading.Thread(target=self._answer, args=(client, call), daemon=True).start()
            finally:
                self._clients.remove(client)
                self.open_progress.clear()

    def _answer(self, client: ServerConnection, call: dict[str, Any]) -> None:
        method, arguments = call["method"], call["args"]
        try:
            reply = {"kind": "result", "value": self._do(method, arguments)}
        except CallError as error:
            reply = {"kind": "error", "error": str(error)}
        with contextlib.suppress(ConnectionClosed):
            client.send(json.dumps({"id": call["id"], **reply}))

    def _do(self, method: str, arguments: list[Any]) -> Any:
        self.calls.append(method)
        if method in self.before:
            self.before.pop(method)()
        if method in self.refuse:
            raise CallError(self.refuse[method])
        if method.startswith("bridge."):
            return self._bridge(method.removeprefix("bridge."), arguments)
        if method == "ui.showModalDialog":
            return self._show(*arguments)
        with self.lock:
            if method in CREATORS:
                self._begin_step()
            return self._call(method, arguments)

    def _call(self, method: str, arguments: list[Any]) -> Any:
        if method not in KNOWN:
            raise CallError(f'unknown method "{method}"')
        call = CALLS.get(method)
        assert call is not None, f"the simulated Live has no {method}"
        return call(self, arguments)

    def _begin_step(self) -> None:
        self._steps.append(copy.deepcopy(self.objects))

    def _bridge(self, name: str, arguments: list[Any]) -> Any:
        if name == "registerContextMenuAction":
            scope, title, command = arguments
            self.menu[scope, title] = command
        elif name == "runTransaction":
            return self._run_transaction(*arguments)
        elif name == "openProgress":
            dialog = len(self.progress) + 1
            self.progress[dialog] = [tuple(arguments)]
            self.open_progress.add(dialog)
            return {"dialogId": dialog}
        elif name == "updateProgress":
            dialog, text, value = arguments
            assert 0 <= value <= 100, value
            self.progress[dialog].append((text, value))
        elif name == "closeProgress":
            self.open_progress.discard(*arguments)
        elif name not in ("ping", "registerCommand"):
            raise CallError(f'unknown method "bridge.{name}"')
        return "pong" if name == "ping" else None

    def _run_transaction(self, operations: list[dict[str, Any]]) -> list[Any]:
        """Do all operations as one step; one that fails fails the transaction, and the others stay done."""
        with self.lock:
            self._begin_step()
            results, errors = [], []
            new = set(self.objects)
            for operation in operations:
                assert operation["method"] in CREATORS, operation
                for argument in operation["args"]:
                    number = number_of(argument)
                    if number is not None and number not in new:
                        raise CallError("Invalid object reference")
                try:
                    if operation["method"] in self.refuse:
                        raise CallError(self.refuse[operation["method"]])
                    results.append(self._call(operation["method"], operation["args"]))
                except CallError as error:
                    errors.append(error)
            if errors:
                raise errors[0]
            return results

    def _show(self, url: str, width: int, height: int) -> str:
        from urllib.parse import unquote

        assert url.startswith("data:text/html,"), url[:40]
        assert 0 < width <= 800
        assert 0 < height <= 1000
        page = unquote(url)
        is_form = 'id="cancel"' in page
        self.pages.append(page)
        if not is_form or not self.answers:
            return ""
        values = self.answers.pop(0)
        return json.dumps({"ok": values is not None, "values": values or {}})

    # What calls do to the Set; `fake_live_calls` has the table. --------------------------------------------------------------

    def render(self, track: int, start: float, end: float) -> str:
        facts = self.objects[track]
        if facts["kind"] != "AudioTrack" or facts["group"]:
            raise CallError("operation failed")
        clips = [self.objects[number]["name"] for number in facts["clips"]]
        file = self.temporary / f"{(clips or ['empty'])[0]} [{time.strftime('%Y-%m-%d %H%M%S')}].wav"
        soundfile.write(file, self.playback(track, start, end), RATE_HZ, subtype="PCM_24")
        return str(file)

    def take_in(self, path: str) -> str:
        if not Path(path).is_file():
            raise CallError(f"file not found: {path}")
        copied = self.project / "Samples" / "Imported" / Path(path).name
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copied)
        return str(copied)

    def create_clip(self, place: int, arguments: Mapping[str, Any]) -> Any:
        file = Path(arguments["filePath"])
        if not file.is_relative_to(self.project):
            raise CallError("Failed to create clip")
        return handle(self.add_clip(place, arguments["startTime"], file, warped=arguments.get("isWarped", True)))
