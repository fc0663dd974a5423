"""The demo's steps: their requests, and running, writing and timing them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from acebridge.client.client import Client
from acebridge.client.follow import JobSink, follow
from acebridge.client.wav_writer import WavWriter
from acebridge.contract.fields import Fields, FieldValue
from acebridge.contract.metadata import metadata_values
from acebridge.errors import ErrorReason, JobFailed
from acebridge.v1 import audio_pb2, tasks_pb2
from acestep_runtime.engines.metadata import TakeMetadata, metadata_from_json
from acestep_runtime.tasks import Extract, Lego, Repaint, TextToMusic, Understand
from acestep_runtime.units import ENGINE_RATE_HZ, seconds_to_frames

ENGINE = "draft"
BPM, BEATS_PER_BAR, KEY = 112.0, 4, "D major"
BAR_S = 60.0 / BPM * BEATS_PER_BAR
BARS = 15
#: The repainted bars, the first and the last, counted from 1 as a DAW does.
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
    """A request: its fields, its source file, and the file of each role (relative to the demo's folder).

    ``audio_s`` is the audio that it generates or analyses.
    """

    title: str
    task: str
    says: str
    audio_s: float
    fields: Fields = field(default_factory=dict)
    source: str = ""
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def caption(self) -> str:
        """The requested caption, if any."""
        music = self.fields.get("music")
        return str(music.get("caption", "")) if isinstance(music, Mapping) else ""

    @property
    def seed(self) -> int | None:
        """The requested seed, if any."""
        output = self.fields.get("output")
        seeds = output.get("seeds") if isinstance(output, Mapping) else None
        return next((seed for seed in seeds if isinstance(seed, int)), None) if isinstance(seeds, list) else None


def _output(seed: int) -> dict[str, FieldValue]:
    return {"encoding": ENCODING, "seeds": [seed]}


_MUSIC: dict[str, FieldValue] = {"bpm": BPM, "keyscale": KEY, "timesignature": BEATS_PER_BAR}
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
            **_MUSIC,
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
        "music": {"caption": "brighter piano", **_MUSIC},
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
    {"tracks": list(LAYERS), "music": {"caption": "funky drums and bass", **_MUSIC}, "output": _output(4)},
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
    """The outcome of a step. Times are seconds from its start, including the upload of its source."""

    step: Step
    engine: str
    first_event_s: float
    first_audio_s: float | None
    total_s: float
    metadata: TakeMetadata

    @property
    def times_real_time(self) -> float:
        """Seconds of audio per second of work."""
        return self.step.audio_s / self.total_s


class _StepTimes(JobSink):
    """Notes the job of a step, and the seconds from its start to its first event and to its first audio."""

    def __init__(self, began: float) -> None:
        self.job_id = ""
        self.first_event_s: float | None = None
        self.first_audio_s: float | None = None
        self._began = began

    def on_event(self, event: tasks_pb2.TaskEvent) -> None:
        """Note the job and the time."""
        self.job_id = event.job_id
        if self.first_event_s is None:
            self.first_event_s = time.monotonic() - self._began

    def on_audio(self, _: audio_pb2.AudioChunk) -> None:
        """Note the time."""
        if self.first_audio_s is None:
            self.first_audio_s = time.monotonic() - self._began


def run_step(client: Client, step: Step, out: Path, progress: JobSink) -> Outcome:
    """Run a step, write its files below ``out``, and hand its events to ``progress``. Raises `JobFailed`."""
    began = time.monotonic()
    times, roles = _StepTimes(began), set[str]()

    def place(role: str, _take: int) -> Path:
        roles.add(role)
        return out / step.files[role]

    with WavWriter(out, place) as files:
        try:
            source = client.upload(out / step.source) if step.source else None
            events = client.submit(step.task, step.fields, source=source, submission={"engine": ENGINE})
            completed = follow(events, times, progress, files)
        except KeyboardInterrupt:
            if times.job_id:
                client.cancel(times.job_id)
            raise
    if missing := set(step.files) - roles:
        problem = f"The {ENGINE} engine returned no {' and no '.join(sorted(missing))}."
        raise JobFailed(ErrorReason.ENGINE_FAILURE, problem, remedy="This is a fault in AceBridge: please report it.")
    total_s = time.monotonic() - began
    metadata = metadata_from_json(metadata_values(completed.takes[0].metadata))
    return Outcome(step, completed.engine, times.first_event_s or total_s, times.first_audio_s, total_s, metadata)
