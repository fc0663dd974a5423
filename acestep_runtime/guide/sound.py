"""Audio in a file, and the conversion of paths, results and arrays to it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn, Protocol, TypeAlias, TypeGuard

import numpy as np
import numpy.typing as npt

from acestep_runtime.audio import decode, wav
from acestep_runtime.audio.samples import Samples
from acestep_runtime.errors import InvalidValue, UnreadableAudio
from acestep_runtime.temporary_folder import Folder
from acestep_runtime.units import ENGINE_RATE_HZ

#: Floats beyond this (60 dB over full scale) are not samples.
_MAX_SAMPLE = 1000.0
_SOURCES = "a path, a result, a take, an Audio, an array [frames, channels], or (array, sample rate)"


class Audio:
    """Audio in a file: ``frames`` frames of ``channels`` channels at ``sample_rate``, read on demand.

    ``len(sound)`` is its length in whole seconds, rounded down; ``sound.seconds`` is exact. ``numpy.asarray(sound)`` and
    ``sound.samples()`` give float32 ``[frames, channels]`` with full scale ±1.
    """

    def __init__(self, path: str | os.PathLike[str], folder: Folder | None = None) -> None:
        """Open a file. Raises `UnreadableAudio` for other files; ``folder`` lives at least as long as this."""
        try:
            info = decode.measure(path, field="src_audio")
        except UnreadableAudio as error:
            if error.remedy == decode.STEREO_REMEDY:
                error.remedy += " downmix() mixes it down."
            raise
        self.path = Path(path)
        self.sample_rate, self.channels, self.frames = info.sample_rate, info.channels, info.frames
        self._folder = folder

    @property
    def seconds(self) -> float:
        """The exact length."""
        return self.frames / self.sample_rate

    def samples(self) -> Samples:
        """Return all samples, ``[frames, channels]``."""
        return decode.read(self.path, field="src_audio")

    def __deepcopy__(self, _memo: dict[int, Audio]) -> Audio:
        return self  # it never changes

    def __reduce__(self) -> NoReturn:
        raise TypeError("Audio lives in a temporary file of this process: save() it, and pass the path.")

    def __len__(self) -> int:
        return int(self.seconds)

    def __bool__(self) -> bool:
        return True

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[np.generic]:
        del copy  # there is always a new array
        return self.samples() if dtype is None else self.samples().astype(dtype)

    def __repr__(self) -> str:
        return f"Audio({str(self.path)!r}, {self.seconds:.2f} s, {self.sample_rate} Hz, {self.channels} ch)"


class HasAudio(Protocol):
    """A result or a take."""

    @property
    def audio(self) -> Audio:
        """Its music."""
        ...


#: Anything that can be converted to audio.
AudioLike: TypeAlias = "str | os.PathLike[str] | HasAudio | Audio | npt.ArrayLike | tuple[npt.ArrayLike, int]"


def to_audio(source: AudioLike) -> Audio:
    """Convert ``source`` to audio. Arrays without a rate count as 48 kHz.

    Raises `InvalidValue` for other values, and `UnreadableAudio` for a file without audio.
    """
    if isinstance(source, Audio):
        return source
    audio = getattr(source, "audio", None)
    if isinstance(audio, Audio):  # of a result or a take
        return audio
    if isinstance(source, (str, os.PathLike)):
        return Audio(source)
    if isinstance(source, tuple) and len(source) == 2:
        return _store(*source)
    if _is_array(source):
        return _store(source, ENGINE_RATE_HZ)
    kind = type(source).__name__
    raise InvalidValue("src_audio", kind, _SOURCES, message=f"src_audio is of type {kind}; allowed: {_SOURCES}.")


def _is_array(source: AudioLike) -> TypeGuard[npt.ArrayLike]:
    return hasattr(source, "__array__") or isinstance(source, list)


def _store(array: npt.ArrayLike, rate_hz: int) -> Audio:
    """Write an array to a temporary file."""
    try:
        samples = np.asarray(array)
    except ValueError as error:
        raise InvalidValue("src_audio", "a list of uneven length", "[frames, 1 or 2] of numbers") from error
    if samples.ndim == 1:
        samples = samples[:, None]
    elif samples.ndim == 2 and samples.shape[0] <= 2 < samples.shape[1]:
        samples = samples.T  # [channels, frames], as torch has it
    if samples.ndim != 2 or samples.shape[1] not in (1, 2) or not len(samples) or samples.dtype.kind not in "fiu":
        raise InvalidValue(
            "src_audio", f"an array {list(samples.shape)} of {samples.dtype}", "[frames, 1 or 2] of numbers"
        )
    if samples.dtype.kind == "u":
        raise InvalidValue("src_audio", f"an array of {samples.dtype}", "signed integers, or floats within ±1")
    if samples.dtype.kind == "i":
        samples = samples / (1 + np.iinfo(samples.dtype).max)
    if not np.isfinite(samples).all():
        raise InvalidValue("src_audio", "an array with NaN or infinity", "finite numbers")
    if (peak := float(np.abs(samples).max())) > _MAX_SAMPLE:
        raise InvalidValue("src_audio", f"an array with values up to {peak:g}", f"full scale is 1, at most {_MAX_SAMPLE:g}",
                           remedy="Divide it by its full scale.")  # fmt: skip
    low, high = decode.MIN_RATE_HZ, decode.MAX_RATE_HZ
    if isinstance(rate_hz, bool) or not isinstance(rate_hz, (int, np.integer)) or not low <= rate_hz <= high:
        raise InvalidValue("src_audio", f"a sample rate of {rate_hz}", f"{low} to {high} Hz, as a whole number")
    folder = Folder()
    path = folder.path / "array.wav"
    wav.write(path, samples.astype(np.float32), int(rate_hz))
    return Audio(path, folder)
