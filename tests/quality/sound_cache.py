"""Sound that takes long to make, kept under build/: made once, and read from there afterwards."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from .sounds import RATE_HZ

Samples = npt.NDArray[np.float32]
FOLDER = Path(__file__).parents[2] / "build" / "quality"


def keep(folder: str, key: str, make: Callable[[], npt.NDArray[np.floating]], name: str = "") -> Samples:
    """Return the sound ``[N, 2]`` of a key, in 16 bits: what ``make`` returned first. ``name`` ends the name of its file."""
    stem = hashlib.sha256(key.encode()).hexdigest()[:24]
    path = FOLDER / folder / f"{stem}{'-' if name else ''}{name}.flac"
    if not path.exists():
        sound = make()
        # Neither too quiet for 16 bits nor over full scale; the factor is the file's comment.
        scale = 0.9 / max(1e-9, float(np.abs(sound).max()))
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as place:
            part = Path(place, path.name)
            with soundfile.SoundFile(part, "w", RATE_HZ, 2, "PCM_16") as file:
                file.comment = repr(scale)
                file.write(sound * scale)
            part.replace(path)
    with soundfile.SoundFile(path) as file:
        return np.asarray(file.read(dtype="float64", always_2d=True) / float(file.comment), np.float32)
