"""Answers to REAPER's requests for a song from regions, without a daemon: every section has a level of its own."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from tests.support import schemas

#: Of a take, in frames: it begins before its section, and ends after it.
FADE, BEYOND = 100, 500


def level(section: int, take: int = 0) -> float:
    """Return the value of all samples of a take of a section, both from 0; the chosen take is 0."""
    return (section + 1) / 16 + take / 256


def answer_song(folder: Path, made: int | None = None, *, warnings: Sequence[str] = ()) -> None:
    """Write the result of the request in a job folder; only the first ``made`` sections are there, where that is given."""
    request = json.loads((folder / "request.json").read_text("utf-8"))
    song = request["song"]
    rate, entries = song["sample_rate"], song["sections"][:made]
    borders = [(round(entry["start_s"] * rate), round(entry["end_s"] * rate)) for entry in entries]
    media = Path(request["media"]["folder"])

    def output(name: str, samples: Any, at: int) -> dict[str, Any]:
        file = media / f"{folder.name} {name}.wav"
        soundfile.write(file, np.repeat(np.asarray(samples, np.float32)[:, None], 2, 1), rate, subtype="FLOAT")
        return {
            "file": str(file), "role": "mix", "name": name, "colour": "", "sample_rate": rate, "channels": 2,
            "frames": len(samples), "start_frame": at, "position_s": song["position_s"] + at / rate,
            "length_s": len(samples) / rate, "fade_in_s": 0, "fade_out_s": 0, "written": [1, 1], "seal": "", "asset_id": "",
        }  # fmt: skip

    parts: list[dict[str, Any]] = []
    for number, ((start, stop), entry) in enumerate(zip(borders, entries, strict=True)):
        at = start - FADE if number else 0
        takes = [
            {"take": take + 1, "seed": 10 * number + take, "metadata": {}, "outputs": [
                output(f"{number} {take}", np.full(stop + BEYOND - at, level(number, take)), at)
            ]}
            for take in range(song["takes"])
        ]  # fmt: skip
        parts.append({"task": "repaint" if number else "text2music", "label": entry["name"], "takes": takes})
    whole = np.concatenate([np.full(stop - start, level(n)) for n, (start, stop) in enumerate(borders)])
    take = {"take": 1, "seed": 1, "metadata": {}, "outputs": [output("whole", whole, 0)]}
    parts.append({"task": "song", "label": request["title"], "takes": [take]})
    sections = [
        {"name": entry["name"], "start_frame": start, "end_frame": stop, "part": number, "lines": []}
        for number, ((start, stop), entry) in enumerate(zip(borders, entries, strict=True))
    ]
    missing = [entry["name"] for entry in song["sections"][len(entries) :]]
    result = {
        "version": 1, "id": folder.name, "engine": "draft", "total_s": 1.0, "warnings": list(warnings), "parts": parts,
        "song": {"part": len(sections), "sections": sections, "missing": missing},
    }  # fmt: skip
    schemas.check("result", result)
    (folder / "result.json").write_text(json.dumps(result), "utf-8")
    status = {"version": 1, "state": "done", "stage": "done", "fraction": 1, "update_time": time.time()}
    (folder / "status.json").write_text(json.dumps(status), "utf-8")
