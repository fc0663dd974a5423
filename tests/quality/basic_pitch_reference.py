"""The notes that Basic Pitch's own code finds, with its own network: what `transcribe` is held beside.

The code comes out of its wheel and is not installed. Of its dependencies only numpy and scipy are used for notes; the
others, which it imports for MIDI files and plots, are empty modules here.
"""

from __future__ import annotations

import importlib
import sys
import types
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from acestep_runtime.audio.convert import resample
from acestep_runtime.errors import AceStepError
from acestep_runtime.midi.transcribe import PitchModel
from acestep_runtime.weights.wheels import BASIC_PITCH, download_wheel

_FOLDER = Path(__file__).parents[2] / "build" / "quality" / "basic-pitch"
_ABSENT = ("mir_eval", "librosa", "librosa.core", "resampy", "pretty_midi")
Notes = list[tuple[float, float, int]]


@cache
def load() -> tuple[Any, Any] | None:
    """Return the module that makes notes and a session of the network, ``None`` where they cannot be fetched."""
    try:
        import onnxruntime

        package = _FOLDER / "basic_pitch"
        if not package.is_dir():
            _FOLDER.mkdir(parents=True, exist_ok=True)
            wheel = next(_FOLDER.glob("*.whl"), None) or download_wheel(BASIC_PITCH, _FOLDER)
            with zipfile.ZipFile(wheel) as packed:
                packed.extractall(_FOLDER)
    except (ImportError, AceStepError):
        return None
    session = onnxruntime.InferenceSession(str(_model_file()))
    return _import_code(package), session


def find_model() -> PitchModel:
    """Return the network of the wheel, or why it is not used."""
    if load() is None:
        return PitchModel(None, "onnxruntime or the wheel of basic-pitch is missing.")
    return PitchModel(_model_file())


def _model_file() -> Path:
    return _FOLDER / BASIC_PITCH.files[BASIC_PITCH.model][0]


def _import_code(package: Path) -> Any:
    """Import the part of the package that makes notes, without its first file, which looks for TensorFlow."""
    known = {name: sys.modules.get(name) for name in _ABSENT}
    for name in _ABSENT:
        sys.modules[name] = types.ModuleType(name)
    librosa, core = sys.modules["librosa"], sys.modules["librosa.core"]
    setattr(librosa, "core", core)  # noqa: B010 (a module has no such field by its type)
    for name, function in {
        "frames_to_time": lambda frames, sr, hop_length: np.asarray(frames) * hop_length / sr,
        "hz_to_midi": lambda hz: 69 + 12 * np.log2(np.asarray(hz) / 440),
    }.items():
        setattr(core, name, function)
        setattr(librosa, name, function)
    for name in ("PrettyMIDI", "Note", "Instrument"):
        setattr(sys.modules["pretty_midi"], name, type(name, (), {}))
    whole = types.ModuleType("basic_pitch")
    whole.__path__ = [str(package)]
    sys.modules["basic_pitch"] = whole
    try:
        return importlib.import_module("basic_pitch.note_creation")
    finally:
        for name, module in known.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def find_notes(samples: npt.NDArray[np.float32]) -> Notes:
    """Return the notes in ``[N, 2]`` at 48 kHz as (start_s, end_s, pitch), with the settings that are usual."""
    found = load()
    assert found is not None
    code, session = found
    mono = resample(samples, 48_000, 22_050).mean(axis=1)
    overlap, window = 30 * 256, 2 * 22_050 - 256
    padded = np.concatenate([np.zeros(overlap // 2, np.float32), mono])
    parts: list[tuple[Any, Any]] = []
    for start in range(0, len(padded), window - overlap):
        piece = padded[start : start + window]
        batch = np.pad(piece, (0, window - len(piece)))[None, :, None].astype(np.float32)
        names = ["StatefulPartitionedCall:1", "StatefulPartitionedCall:2"]
        sounds, begins = session.run(names, {session.get_inputs()[0].name: batch})
        parts.append((sounds[0, 15:-15], begins[0, 15:-15]))
    frames = len(mono) * 86 // 22_050
    sounds, begins = (np.concatenate([part[kind] for part in parts])[:frames] for kind in (0, 1))
    events = code.output_to_notes_polyphonic(sounds, begins, 0.5, 0.3, 11, True, None, None, True)
    times_s = code.model_frames_to_time(frames)
    return [(float(times_s[first]), float(times_s[stop]), int(pitch)) for first, stop, pitch, _ in events]
