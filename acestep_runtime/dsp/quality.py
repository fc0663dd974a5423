"""What is wrong with a take, as numbers: parts of 0 (ruined) to 1 (nothing wrong), and their product, the quality.

Signal parts come from statistics taken while the audio passes (`Listener`), musical ones from `analysis`. A part that
cannot be judged is left out. Nothing here knows of taste: a dull take without faults scores 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from acestep_runtime.audio.convert import StreamResampler
from acestep_runtime.audio.loudness import SILENT_LUFS, LoudnessMeter
from acestep_runtime.audio.samples import Samples
from acestep_runtime.dsp.musical import Analysis
from acestep_runtime.dsp.progressions import SCALES, tones
from acestep_runtime.units import ENGINE_RATE_HZ, frames_to_frames
from acestep_runtime.values import Key, Music

Floats = npt.NDArray[np.float64]

#: How much each part counts: the exponent of its factor. What ruins a take counts in full.
WEIGHTS = {"clipping": 1.0, "silence": 1.0, "length": 1.0, "spectrum": 1.0, "tempo": 1.0, "offset": 0.5, "loudness": 0.5,
           "key": 0.4, "beat": 0.15}  # fmt: skip
#: A part below this gets a note.
_WORTH_A_NOTE = 0.9
#: Rate of what is kept for listening to at the end, as 16 bits.
KEPT_RATE_HZ = 24_000

_FULL_SCALE = 0.999
#: Share of samples at full scale that halves the part.
_HALF_CLIPPED = 0.002
_FRAME = ENGINE_RATE_HZ // 20
_SILENT_POWER = 1e-6
_SHORTEST_SILENCE_S = 0.7
#: A song may end this long before its file does.
_TAIL_S = 3.0
#: Offset over RMS that halves the part.
_HALF_OFFSET = 0.1
#: Loudness of records, and how far from it the part is 0, in LU.
_USUAL_LUFS, _TOO_FAR_LU = -15.0, 30.0
#: Median spectral flatness from 100 Hz to 10 kHz: of music, of noise (for white noise it is e^-γ, 0.561).
_FLAT = (0.12, 0.45)
#: Third-octave bands within 50 dB of the strongest: a tone has one or two.
_BANDS = (1, 9)
#: Relative distance from the tempo asked for: none, another tempo.
_OFF_TEMPO = (0.005, 0.08)
#: Tempi that are one and the same pulse, counted otherwise.
_LEVELS = (0.5, 1.0, 2.0)
#: What the beat scores when none is heard: nobody has to have one.
_NO_BEAT = 0.3
_SURE = 0.2


@dataclass(frozen=True)
class Statistics:
    """What the signal parts are made from. ``silent_s`` counts silences of `_SHORTEST_SILENCE_S` and more;
    ``sound_s`` is when the first sound begins and the last ends."""

    duration_s: float
    clipped: float
    offset: float
    loudness_lufs: float
    silent_s: float
    sound_s: tuple[float, float]
    flatness: float
    bands: int


class Listener:
    """Hears a take of ``frames`` frames at 48 kHz block by block, keeping statistics and half the rate in 16 bits."""

    def __init__(self, frames: int) -> None:
        self._frames = frames
        self._heard = 0
        self._kept: list[npt.NDArray[np.int16]] = []
        self._resampler = StreamResampler(
            ENGINE_RATE_HZ, KEPT_RATE_HZ, 2, frames_to_frames(frames, ENGINE_RATE_HZ, KEPT_RATE_HZ)
        )
        self._clipped = 0
        self._sum, self._power = np.zeros(2), np.zeros(2)
        self._loudness = LoudnessMeter()
        self._levels: list[Floats] = []
        self._left = np.zeros(0)

    def hear(self, samples: Samples) -> None:
        """Take the next ``[n, 2]`` samples."""
        self._heard += len(samples)
        self._clipped += int((np.abs(samples) >= _FULL_SCALE).any(axis=1).sum())
        self._sum += samples.sum(axis=0, dtype=np.float64)
        self._power += np.square(samples, dtype=np.float64).sum(axis=0)
        self._loudness.hear(samples)
        power = np.concatenate([self._left, np.square(samples, dtype=np.float64).mean(axis=1)])
        whole = len(power) // _FRAME * _FRAME
        self._levels.append(power[:whole].reshape(-1, _FRAME).mean(axis=1))
        self._left = power[whole:]
        low = self._resampler.push(samples, last=self._heard >= self._frames)
        self._kept.append(np.clip(np.rint(low * 32768), -32768, 32767).astype(np.int16))

    def kept(self) -> Samples:
        """Return what was heard at `KEPT_RATE_HZ`, ``[n, 2]``."""
        whole = np.concatenate([*self._kept, np.zeros((0, 2), np.int16)])
        return whole.astype(np.float32) / np.float32(32768)

    def statistics(self, kept: Samples) -> Statistics:
        """Return the statistics of all that was heard; ``kept`` is from `kept`."""
        levels = np.concatenate([*self._levels, [self._left.mean()] if len(self._left) else np.zeros(0)])
        frame_s, duration_s = _FRAME / ENGINE_RATE_HZ, self._heard / ENGINE_RATE_HZ
        silent = levels < _SILENT_POWER
        loud = np.flatnonzero(~silent)
        rms = np.sqrt(self._power / max(1, self._heard))
        flatness, bands = _spectrum(kept)
        return Statistics(
            duration_s=duration_s,
            clipped=self._clipped / max(1, self._heard),
            offset=float(np.max(np.abs(self._sum / max(1, self._heard)) / np.maximum(rms, 1e-6))),
            loudness_lufs=self._loudness.integrated_lufs(),
            silent_s=frame_s * sum(run for run in _runs(silent) if run * frame_s >= _SHORTEST_SILENCE_S),
            sound_s=(float(loud[0] * frame_s), min(float((loud[-1] + 1) * frame_s), duration_s))
            if len(loud)
            else (0.0, 0.0),
            flatness=flatness,
            bands=bands,
        )


def _runs(flags: npt.NDArray[np.bool_]) -> list[int]:
    """Return the lengths of the runs of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [int(stop - start) for start, stop in zip(edges[::2], edges[1::2], strict=True)]


def _spectrum(kept: Samples, size: int = 1024) -> tuple[float, int]:
    """Return the median flatness (Wiener entropy) of sounding frames, and in how many third-octave bands there is sound."""
    mono = kept.mean(axis=1, dtype=np.float32) if len(kept) else np.zeros(0, np.float32)
    frames = mono[: len(mono) // size * size].reshape(-1, size)
    frames = frames[np.square(frames).mean(axis=1) > _SILENT_POWER] if len(frames) else frames
    if not len(frames):
        return 1.0, 0
    hz = np.fft.rfftfreq(size, 1 / KEPT_RATE_HZ)
    body = (hz >= 100) & (hz <= 10_000)
    window = np.hanning(size).astype(np.float32)
    flat, total = [], np.zeros(len(hz))
    for at in range(0, len(frames), 1024):
        power = np.abs(np.fft.rfft(frames[at : at + 1024] * window)) ** 2
        total += power.sum(axis=0)
        inside = power[:, body] + 1e-12
        flat.append(np.exp(np.log(inside).mean(axis=1)) / inside.mean(axis=1))
    edges = 100 * 2 ** (np.arange(21) / 3)
    bands = np.array([total[(hz >= a) & (hz < b)].sum() for a, b in pairwise(edges)])
    return float(np.median(np.concatenate(flat))), int((bands > 1e-5 * max(1e-12, bands.max())).sum())


def signal_parts(found: Statistics) -> dict[str, float]:
    """Return the parts that need no music: clipping, silence, length, offset, loudness and spectrum."""
    long_s = max(found.duration_s, 1e-9)
    if found.loudness_lufs <= SILENT_LUFS:
        return {"clipping": 1.0, "silence": 0.0, "length": 0.0, "offset": 1.0, "loudness": 0.0, "spectrum": 0.0}
    noise = 1 - _ramp(found.flatness, *_FLAT)
    tone = _ramp(found.bands, *_BANDS)
    return {
        "clipping": 1 / (1 + found.clipped / _HALF_CLIPPED),
        "silence": max(0.0, 1 - found.silent_s / long_s),
        "length": min(1.0, (found.sound_s[1] + _TAIL_S) / long_s),
        "offset": 1 / (1 + (found.offset / _HALF_OFFSET) ** 2),
        "loudness": max(0.0, 1 - ((found.loudness_lufs - _USUAL_LUFS) / _TOO_FAR_LU) ** 2),
        "spectrum": noise * tone,
    }


def musical_parts(heard: Analysis, wanted: Music) -> dict[str, float]:
    """Return how steady the beat is, and how near tempo and key are to those asked for.

    A tempo counts as right at half and double speed too. A key is right when the chords heard keep to its scale as well
    as to that of the key heard, and wrong when half of their notes do not; doubt brings it towards 1.
    """
    parts = {"beat": _NO_BEAT + (1 - _NO_BEAT) * heard.confidence["tempo"]}
    if wanted.bpm is not None and heard.confidence["tempo"] >= _SURE:
        off = min(abs(heard.grid.bpm * level / wanted.bpm - 1) for level in _LEVELS)
        parts["tempo"] = 1 - _ramp(off, *_OFF_TEMPO)
    if wanted.keyscale is not None and heard.chords:
        asked, best = (_share_in(heard, key) for key in (Key.parse(wanted.keyscale), heard.key))
        like = _ramp(asked, 0.5, max(0.6, best))
        parts["key"] = 1 - min(1.0, 2 * heard.confidence["key"]) * (1 - like)
    return parts


def _share_in(heard: Analysis, key: Key) -> float:
    """Return the share of the notes of the chords heard, by time, that belong to the scale of a key."""
    scale = {(key.tonic + step) % 12 for step in SCALES[key.mode]}
    weights = [chord.end_s - chord.start_s for chord in heard.chords]
    shares = [np.mean([note in scale for note in tones((chord.root, chord.quality))]) for chord in heard.chords]
    return float(np.dot(weights, shares) / max(1e-9, sum(weights)))


def quality(parts: Mapping[str, float]) -> float:
    """Return the product of the parts, each to the power of its weight (`WEIGHTS`), 0 to 1."""
    return float(np.prod([max(0.0, value) ** WEIGHTS[name] for name, value in parts.items()]))


def notes(parts: Mapping[str, float], found: Statistics, heard: Analysis, wanted: Music) -> list[str]:
    """Return a sentence for each part that is clearly below 1, worst first."""
    says = {
        "clipping": f"{100 * found.clipped:.2g} % of the samples are at full scale: the loudest moments are clipped.",
        "silence": f"{found.silent_s:.1f} of {found.duration_s:.1f} s are silent.",
        "length": f"It ends after {found.sound_s[1]:.1f} of {found.duration_s:.1f} s.",
        "offset": f"The waveform is off centre by {100 * found.offset:.0f} % of its level.",
        "loudness": f"It is {'loud' if found.loudness_lufs > _USUAL_LUFS else 'quiet'}: {found.loudness_lufs:.1f} LUFS, "
        f"where records have about {_USUAL_LUFS:.0f}.",
        "spectrum": "Nearly all of it is noise." if _ramp(found.flatness, *_FLAT) > 0.5
        else "There is a lot of noise in it." if _ramp(found.flatness, *_FLAT) > 0.0
        else f"It sounds in only {found.bands} of 20 bands, like a single tone.",
        "tempo": f"The tempo heard is {heard.grid.bpm:.0f} bpm instead of {wanted.bpm or 0:.0f}.",
        "key": f"The key heard is {heard.key} instead of {wanted.keyscale}.",
        "beat": "The beat is hard to follow.",
    }  # fmt: skip
    low = sorted((value, name) for name, value in parts.items() if value ** WEIGHTS[name] < _WORTH_A_NOTE)
    return [says[name] for _, name in low]


def _ramp(value: float, low: float, high: float) -> float:
    return float(np.clip((value - low) / (high - low), 0.0, 1.0))
