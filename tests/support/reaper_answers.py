"""Answers to the requests of REAPER's scripts without a daemon: results whose every sample is known.

What is new is the source turned over (``-x``) inside of the region, and ``NEW`` where there was no source; so a test sees
to the sample where a result has come to lie.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

Samples = npt.NDArray[np.float32]
#: What stands where there was nothing before.
NEW = 0.0625
#: Facts of music that tasks which listen return.
FACTS = {
    "understand": {"bpm": 100, "timesignature": 4, "keyscale": "A minor", "chords": [{"start_s": 1.0, "name": "Am"}]},
    "align_lyrics": {
        "lines": [{"start_s": 1.0, "end_s": 2.0, "text": "la"}],
        "sections": [{"start_s": 1.0, "end_s": 2.0, "name": "Verse"}],
    },
    "score": {"score": {"quality": 0.5}},
    "transcribe": {
        "duration_s": 4.0,
        "notes": ["The source is taken for a mix, and was separated first."],
        "midi_parts": [
            {
                "name": "bass",
                "program": 33,
                "is_drums": False,
                "notes": [
                    {"start_s": 0.25, "end_s": 1.0, "pitch": 40, "velocity": 100},
                    {"start_s": 1.0, "end_s": 1.5, "pitch": 40, "velocity": 64},
                    {"start_s": 2.123, "end_s": 3.999, "pitch": 43, "velocity": 1},
                ],
            },
            {
                "name": "drums",
                "program": 0,
                "is_drums": True,
                "notes": [{"start_s": 0.5, "end_s": 0.6, "pitch": 36, "velocity": 127}],
            },
            {"name": "vocals", "program": 53, "is_drums": False},
        ],
    },
}


def read_source(folder: Path, source: dict[str, Any]) -> tuple[Samples, int]:
    """Return the audio ``[N, C]`` that a request's ``source`` means, and its rate."""
    if "mix" not in source:
        samples, rate = soundfile.read(folder / source["file"], dtype="float32", always_2d=True)
        return samples[round(source.get("start_s", 0) * rate) : _frame(source.get("end_s"), rate, len(samples))], rate
    files = [soundfile.read(folder / piece["file"], dtype="float32", always_2d=True) for piece in source["mix"]]
    channels = source.get("channels") or max(samples.shape[1] for samples, _ in files)
    total, rate = np.zeros((source["frames"], channels), np.float32), files[0][1]
    for piece, (whole, _) in zip(source["mix"], files, strict=True):
        first, at = piece.get("first", 0), piece.get("at", 0)
        samples = whole[first : first + piece.get("frames", len(whole))]
        if channels == 2:
            samples = samples * [piece.get("left", 1), piece.get("right", 1)]
        total[at : at + len(samples)] += samples.astype(np.float32)
    return total, rate


def _frame(seconds: float | None, rate: int, default: int) -> int:
    return default if seconds is None else round(seconds * rate)


def _make(task: str, fields: dict[str, Any], source: Samples, rate: int) -> tuple[Samples, int]:
    """Return a result and the frame of its source at which it begins."""
    start, stop = _frame(fields.get("start_s"), rate, 0), _frame(fields.get("end_s"), rate, len(source))
    if task == "lego":
        return np.full((stop - start, 2), NEW, np.float32), start
    if task != "repaint":
        return np.full((len(source), 2), NEW, np.float32), 0
    before, after = max(0, -start), max(0, stop - len(source))
    made = np.pad(source.copy(), ((before, after), (0, 0)), constant_values=NEW)
    if not before and not after:
        made[start:stop] *= -1
    return made, -before


def write_recipe(file: Path, start: int, stop: int) -> None:
    """Have a file say that AceBridge made it, and which of its frames another take of it changes."""
    samples, rate = soundfile.read(file, dtype="float32", always_2d=True)
    with soundfile.SoundFile(file, "w", rate, samples.shape[1], "FLOAT") as written:
        written.comment = f"ACEBRIDGE {start} {stop}"
        written.write(samples)


def _make_again(file: Path) -> tuple[Samples, int]:
    """Return what the recipe in a file makes, and its rate."""
    with soundfile.SoundFile(file) as opened:
        made, (start, stop) = opened.read(dtype="float32", always_2d=True), map(int, opened.comment.split()[1:])
        made[start:stop] *= -1
        return made, opened.samplerate


def answer(folder: Path) -> None:
    """Write the result of the request in a job folder, as the command would have."""
    request = json.loads((folder / "request.json").read_text("utf-8"))
    parts = []
    for number, part in enumerate(request["parts"], start=1):
        fields, task = part["fields"], part.get("task", "repaint")
        takes: list[dict[str, Any]] = []
        if task in FACTS:
            takes.append({"take": 1, "seed": 1, "metadata": FACTS[task], "outputs": []})
        elif task != "create_sample":
            rate = (fields.get("output") or {}).get("sample_rate", 44_100)
            source = np.zeros((round(fields.get("duration_s", 2.0) * rate), 2), np.float32)
            if "source" in part:
                source, rate = read_source(folder, part["source"])
            if "again" in part:
                (made, rate), start = _make_again(Path(part["again"]["file"])), 0
            else:
                made, start = _make(task, fields, source, rate)
            file = Path(request["media"]["folder"]) / f"{folder.name} {number}.wav"
            soundfile.write(file, made, rate, subtype="FLOAT")
            output = {
                "file": str(file), "role": "mix", "name": f"made by {task}", "colour": "", "frames": len(made),
                "sample_rate": rate, "channels": made.shape[1], "start_frame": start, "length_s": len(made) / rate,
                "position_s": part["position_s"] + start / rate, "fade_in_s": 0, "fade_out_s": 0,
            }  # fmt: skip
            takes.append({"take": 1, "seed": 7, "metadata": {}, "outputs": [output]})
        parts.append({"task": task, "label": part.get("label", ""), "takes": takes})
    result = {"version": 1, "id": folder.name, "engine": "draft", "total_s": 1.0, "warnings": [], "parts": parts}
    (folder / "result.json").write_text(json.dumps(result), "utf-8")
    status = {"version": 1, "state": "done", "stage": "done", "fraction": 1, "update_time": time.time()}
    (folder / "status.json").write_text(json.dumps(status), "utf-8")
