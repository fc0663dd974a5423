"""What the demo asks the daemon for, step by step, and how each request is performed, written and timed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from acebridge.client.client import Client
from acebridge.contract.fields import values_of
from acebridge.errors import JobFailed
from acebridge.v1 import tasks_pb2
from acestep_runtime.audio import wav
from acestep_runtime.tasks import Extract, Lego, Repaint, TextToMusic, Understand
from acestep_runtime.units import ENGINE_RATE_HZ, seconds_to_frames

ENGINE = "draft"
BPM, BEATS_PER_BAR, KEY = 112.0, 4, "D major"
BAR_S = 60.0 / BPM * BEATS_PER_BAR
BARS = 15
#: The bars made anew, the first and the last, counted from 1 as a DAW does.
FIRST_BAR, LAST_BAR = 9, 12
START_S, END_S = (FIRST_BAR - 1) * BAR_S, LAST_BAR * BAR_S
CROSSFADE_MS = 20.0
RATE_HZ = ENGINE_RATE_HZ
#: 24 bits hold every result exactly enough, and every browser plays them.
ENCODING = "pcm24"
STEMS = ("drums", "bass", "vocals", "other")
LAYERS = ("drums", "bass")


@dataclass(frozen=True)
class Step:
    """A request: its fields, the file it works on, and which role goes to which file (relative to the demo's folder).

    ``audio_s`` is how much audio it makes or hears.
    """

    title: str
    task: str
    says: str
    audio_s: float
    fields: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def caption(self) -> str:
        """The caption asked for, if any."""
        return str(self.fields.get("music", {}).get("caption", ""))

    @property
    def seed(self) -> int | None:
        """The seed asked for, if any."""
        seeds = self.fields.get("output", {}).get("seeds", [])
        return seeds[0] if seeds else None


def _output(seed: int | None = None) -> dict[str, Any]:
    return {"encoding": ENCODING, **({} if seed is None else {"seeds": [seed]})}


KNOWN = {"bpm": BPM, "keyscale": KEY, "timesignature": BEATS_PER_BAR}
SONG = Step(
    "Write a song",
    TextToMusic.name,
    "writing a song",
    BARS * BAR_S,
    {
        "duration_s": BARS * BAR_S,
        "music": {
            "caption": "upbeat pop with drums, bass, acoustic guitar and strings",
            "lyrics": "[Intro]\n[Verse]\n[Chorus]\n[Outro]",
            **KNOWN,
        },
        "output": _output(9),
    },
    files={"mix": "song.wav"},
)
REPAINT = Step(
    f"Repaint bars {FIRST_BAR}–{LAST_BAR}",
    Repaint.name,
    f"repainting bars {FIRST_BAR} to {LAST_BAR}",
    END_S - START_S,
    {
        "start_s": START_S,
        "end_s": END_S,
        "crossfade_ms": CROSSFADE_MS,
        "music": {"caption": "brighter piano", **KNOWN},
        "output": _output(21),
    },
    source="song.wav",
    files={"mix": "repainted.wav"},
)
EXTRACT = Step(
    "Take it apart",
    Extract.name,
    "taking the song apart",
    BARS * BAR_S,
    {"tracks": [stem for stem in STEMS if stem != "other"], "output": _output(0)},
    source="song.wav",
    files={stem: f"stems/{stem}.wav" for stem in STEMS},
)
LAYER = Step(
    "Play new layers",
    Lego.name,
    "playing new drums and bass",
    BARS * BAR_S,
    {"tracks": list(LAYERS), "music": {"caption": "funky drums and bass", **KNOWN}, "output": _output(4)},
    source="backing.wav",
    files={layer: f"layers/{layer}.wav" for layer in LAYERS},
)
UNDERSTAND = Step("Listen to it", Understand.name, "listening to the song", BARS * BAR_S, source="song.wav")
STEPS = (SONG, REPAINT, EXTRACT, LAYER, UNDERSTAND)


def region_frames() -> tuple[int, int, int]:
    """Return the first and last-plus-one frame of the repainted bars, and the length of a crossfade."""
    crossfade = seconds_to_frames(CROSSFADE_MS / 1000, RATE_HZ)
    return seconds_to_frames(START_S, RATE_HZ), seconds_to_frames(END_S, RATE_HZ), crossfade


def patch_frames() -> tuple[int, int]:
    """Return the first and last-plus-one frame that the repaint may change: the bars and their crossfades."""
    start, stop, crossfade = region_frames()
    return start - crossfade, stop + crossfade


@dataclass(frozen=True)
class Outcome:
    """How a step went. Times are seconds from the moment it was asked for, sending its source included."""

    step: Step
    engine: str
    first_event_s: float
    first_audio_s: float | None
    total_s: float
    facts: Mapping[str, Any]

    @property
    def times_real_time(self) -> float:
        """Seconds of audio per second of work."""
        return self.step.audio_s / self.total_s


def perform(client: Client, step: Step, out: Path, show: Callable[[tasks_pb2.TaskEvent], None]) -> Outcome:
    """Perform a step, write its files below ``out`` and show its events. Raises `JobFailed`."""
    began = time.monotonic()
    first_event_s = first_audio_s = None
    finished = False
    done: tasks_pb2.Completed | None = None
    job_id = ""
    files: dict[int, _File] = {}
    try:
        source = client.upload(out / step.source) if step.source else None
        for event in client.perform(step.task, step.fields, source=source, submission={"engine": ENGINE}):
            now_s = time.monotonic() - began
            first_event_s = now_s if first_event_s is None else first_event_s
            job_id = event.job_id
            show(event)
            match event.WhichOneof("event"):
                case "started" if not finished:  # the second time, after a crash: what has come before is void
                    _discard(files)
                case "take_finished":
                    finished = True
                case "audio_header":
                    header = event.audio_header
                    files[header.output] = _File.create(out / step.files[header.role], header)
                case "audio_chunk":
                    first_audio_s = now_s if first_audio_s is None else first_audio_s
                    files[event.audio_chunk.output].add(event.audio_chunk)
                case "completed":
                    done = event.completed
    except KeyboardInterrupt:
        if job_id:
            client.cancel(job_id)
        raise
    finally:
        if done is None:
            _discard(files)
    if done is None or first_event_s is None:
        raise JobFailed("EngineFailure", f"The daemon ended {step.task} before it was complete.", remedy="Try again.")
    for file in files.values():
        file.finish()
    if missing := set(step.files) - {file.role for file in files.values()}:
        problem = f"The {ENGINE} engine returned no {' and no '.join(sorted(missing))}."
        raise JobFailed("EngineFailure", problem, remedy="This is a fault in AceBridge: please report it.")
    facts = values_of(done.takes[0].metadata)
    return Outcome(step, done.engine, first_event_s, first_audio_s, time.monotonic() - began, facts)


@dataclass
class _File:
    """A WAV file that is written while its samples arrive, byte by byte as the daemon sent them.

    It has another name until it is whole.
    """

    role: str
    path: Path
    unfinished: Path
    handle: BinaryIO
    data_at: int
    frame_bytes: int
    trailer: bytes

    @classmethod
    def create(cls, path: Path, header: Any) -> _File:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part")
        handle = unfinished.open("wb")
        start = wav.header(header.frames, header.channels, header.sample_rate, ENCODING)
        handle.write(start)
        frame_bytes = wav.encoding_of(ENCODING).sample_bytes * header.channels
        end = wav.trailer(header.frames, header.channels, ENCODING)
        return cls(header.role, path, unfinished, handle, len(start), frame_bytes, end)

    def add(self, chunk: Any) -> None:
        self.handle.seek(self.data_at + chunk.offset_frames * self.frame_bytes)
        self.handle.write(chunk.data)

    def finish(self) -> None:
        self.handle.seek(0, 2)
        self.handle.write(self.trailer)
        self.handle.close()
        self.unfinished.replace(self.path)


def _discard(files: dict[int, _File]) -> None:
    for file in files.values():
        file.handle.close()
        file.unfinished.unlink(missing_ok=True)
    files.clear()
