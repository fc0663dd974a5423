"""Quality of a take: parts from 0 (ruined) to 1 (no fault), and their weighted product.

Signal parts come from statistics collected while the audio passes (`SignalMeter`), musical parts from `analysis`. A part
that cannot be measured is left out. Taste is not measured: a dull take without faults scores 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from acestep_runtime.audio.convert import StreamResampler
from acestep_runtime.audio.loudness import SILENT_LUFS, LoudnessMeter
from acestep_runtime.audio.mono import mix_for_analysis
from acestep_runtime.audio.samples import Samples
from acestep_runtime.certainty import is_sure
from acestep_runtime.dsp.musical import Analysis
from acestep_runtime.dsp.progressions import SCALES, chord_tones
from acestep_runtime.units import ENGINE_RATE_HZ, frames_to_frames
from acestep_runtime.values import Key, Music

Floats = npt.NDArray[np.float64]

#: Weight of each part: the exponent of its factor. Faults that ruin a take count in full.
WEIGHTS = {"clipping": 1.0, "silence": 1.0, "length": 1.0, "spectrum": 1.0, "tempo": 1.0, "offset": 0.5, "loudness": 0.5,
           "key": 0.4, "beat": 0.15}  # fmt: skip
#: A part below this gets a note.
_WORTH_A_NOTE = 0.9
#: Rate of the 16-bit copy that is analysed at the end.
ANALYSIS_RATE_HZ = 24_000

_FULL_SCALE = 0.999
#: Share of samples at full scale that halves the part.
_HALF_CLIPPED = 0.002
_FRAME = ENGINE_RATE_HZ // 20
_SILENT_POWER = 1e-6
_SHORTEST_SILENCE_S = 0.7
#: Silence allowed at the end.
_TAIL_S = 3.0
#: Offset over RMS that halves the part.
_HALF_OFFSET = 0.1
#: Usual loudness of records, and the distance in LU at which the part is 0.
_USUAL_LUFS, _TOO_FAR_LU = -15.0, 30.0
#: Median spectral flatness from 100 Hz to 10 kHz: of music, of noise (for white noise it is e^-γ, 0.561).
_FLAT = (0.12, 0.45)
#: Third-octave bands within 50 dB of the strongest: a tone has one or two.
_BANDS = (1, 9)
#: Relative tempo error: none, another tempo.
_OFF_TEMPO = (0.005, 0.08)
#: Tempo ratios of the same pulse at other metrical levels.
_LEVELS = (0.5, 1.0, 2.0)
#: Score of the beat part without a beat: music may have none.
_NO_BEAT = 0.3


@dataclass(frozen=True)
class Statistics:
    """Input of the signal parts. ``silent_s`` counts silences of `_SHORTEST_SILENCE_S` and more;
    ``sound_s`` is the start of the first sound and the end of the last."""

    duration_s: float
    clipped_share: float
    offset: float
    loudness_lufs: float
    silent_s: float
    sound_s: tuple[float, float]
    flatness: float
    bands: int


class SignalMeter:
    """Measures a take of ``frames`` frames at 48 kHz block by block; keeps statistics and a 24 kHz copy in 16 bits."""

    def __init__(self, frames: int) -> None:
        self._frames = frames
        self._frames_in = 0
        self._audio_blocks: list[npt.NDArray[np.int16]] = []
        self._resampler = StreamResampler(
            ENGINE_RATE_HZ, ANALYSIS_RATE_HZ, 2, frames_to_frames(frames, ENGINE_RATE_HZ, ANALYSIS_RATE_HZ)
        )
        self._clipped_frames = 0
        self._sum, self._power = np.zeros(2), np.zeros(2)
        self._loudness = LoudnessMeter()
        self._levels: list[Floats] = []
        self._left = np.zeros(0)

    def push(self, samples: Samples) -> None:
        """Take the next ``[n, 2]`` samples."""
        self._frames_in += len(samples)
        self._clipped_frames += int((np.abs(samples) >= _FULL_SCALE).any(axis=1).sum())
        self._sum += samples.sum(axis=0, dtype=np.float64)
        self._power += np.square(samples, dtype=np.float64).sum(axis=0)
        self._loudness.push(samples)
        power = np.concatenate([self._left, np.square(samples, dtype=np.float64).mean(axis=1)])
        whole = len(power) // _FRAME * _FRAME
        self._levels.append(power[:whole].reshape(-1, _FRAME).mean(axis=1))
        self._left = power[whole:]
        low = self._resampler.push(samples, last=self._frames_in >= self._frames)
        self._audio_blocks.append(np.clip(np.rint(low * 32768), -32768, 32767).astype(np.int16))

    def analysis_audio(self) -> Samples:
        """Return the audio so far at `ANALYSIS_RATE_HZ`, ``[n, 2]``."""
        whole = np.concatenate([*self._audio_blocks, np.zeros((0, 2), np.int16)])
        return whole.astype(np.float32) / np.float32(32768)

    def statistics(self, audio: Samples) -> Statistics:
        """Return the statistics of the audio so far; ``audio`` is from `analysis_audio`."""
        levels = np.concatenate([*self._levels, [self._left.mean()] if len(self._left) else np.zeros(0)])
        frame_s, duration_s = _FRAME / ENGINE_RATE_HZ, self._frames_in / ENGINE_RATE_HZ
        silent = levels < _SILENT_POWER
        loud = np.flatnonzero(~silent)
        rms = np.sqrt(self._power / max(1, self._frames_in))
        flatness, bands = _spectrum(audio)
        return Statistics(
            duration_s=duration_s,
            clipped_share=self._clipped_frames / max(1, self._frames_in),
            offset=float(np.max(np.abs(self._sum / max(1, self._frames_in)) / np.maximum(rms, 1e-6))),
            loudness_lufs=self._loudness.integrated_lufs(),
            silent_s=frame_s * sum(run for run in _run_lengths(silent) if run * frame_s >= _SHORTEST_SILENCE_S),
            sound_s=(float(loud[0] * frame_s), min(float((loud[-1] + 1) * frame_s), duration_s))
            if len(loud)
            else (0.0, 0.0),
            flatness=flatness,
            bands=bands,
        )


def _run_lengths(flags: npt.NDArray[np.bool_]) -> list[int]:
    """Return the lengths of the runs of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [int(stop - start) for start, stop in zip(edges[::2], edges[1::2], strict=True)]


def _spectrum(audio: Samples, size: int = 1024) -> tuple[float, int]:
    """Return the median flatness (Wiener entropy) of sounding frames, and the number of third-octave bands with sound."""
    mono = mix_for_analysis(audio, ANALYSIS_RATE_HZ)[:, 0]
    frames = mono[: len(mono) // size * size].reshape(-1, size)
    frames = frames[np.square(frames).mean(axis=1) > _SILENT_POWER] if len(frames) else frames
    if not len(frames):
        return 1.0, 0
    hz = np.fft.rfftfreq(size, 1 / ANALYSIS_RATE_HZ)
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


def signal_parts(statistics: Statistics) -> dict[str, float]:
    """Return the signal parts: clipping, silence, length, offset, loudness and spectrum."""
    long_s = max(statistics.duration_s, 1e-9)
    if statistics.loudness_lufs <= SILENT_LUFS:
        return {"clipping": 1.0, "silence": 0.0, "length": 0.0, "offset": 1.0, "loudness": 0.0, "spectrum": 0.0}
    noise = 1 - _ramp(statistics.flatness, *_FLAT)
    tone = _ramp(statistics.bands, *_BANDS)
    return {
        "clipping": 1 / (1 + statistics.clipped_share / _HALF_CLIPPED),
        "silence": max(0.0, 1 - statistics.silent_s / long_s),
        "length": min(1.0, (statistics.sound_s[1] + _TAIL_S) / long_s),
        "offset": 1 / (1 + (statistics.offset / _HALF_OFFSET) ** 2),
        "loudness": max(0.0, 1 - ((statistics.loudness_lufs - _USUAL_LUFS) / _TOO_FAR_LU) ** 2),
        "spectrum": noise * tone,
    }


def musical_parts(analysis: Analysis, music: Music) -> dict[str, float]:
    """Return how steady the beat is, and how near tempo and key are to those requested.

    A tempo is also right at half and double speed. A key is right when the measured chords fit its scale as well
    as that of the measured key, and wrong when half of their notes do not; low confidence moves the part towards 1.
    """
    parts = {"beat": _NO_BEAT + (1 - _NO_BEAT) * analysis.steadiness}
    if music.bpm is not None and is_sure("tempo", {"tempo": analysis.steadiness}):
        off = min(abs(analysis.grid.bpm * level / music.bpm - 1) for level in _LEVELS)
        parts["tempo"] = 1 - _ramp(off, *_OFF_TEMPO)
    if music.keyscale is not None and analysis.chords:
        share, best_share = (_notes_in_key_share(analysis, key) for key in (Key.parse(music.keyscale), analysis.key))
        like = _ramp(share, 0.5, max(0.6, best_share))
        parts["key"] = 1 - min(1.0, 2 * analysis.confidence["key"]) * (1 - like)
    return parts


def _notes_in_key_share(analysis: Analysis, key: Key) -> float:
    """Return the share of chord notes, by time, that belong to the scale of a key."""
    scale = {(key.tonic + step) % 12 for step in SCALES[key.mode]}
    weights = [chord.end_s - chord.start_s for chord in analysis.chords]
    shares = [
        np.mean([note in scale for note in chord_tones((chord.root, chord.quality))]) for chord in analysis.chords
    ]
    return float(np.dot(weights, shares) / max(1e-9, sum(weights)))


def quality(parts: Mapping[str, float]) -> float:
    """Return the product of the parts, each to the power of its weight (`WEIGHTS`), 0 to 1."""
    return float(np.prod([max(0.0, value) ** WEIGHTS[name] for name, value in parts.items()]))


def fault_notes(parts: Mapping[str, float], statistics: Statistics, analysis: Analysis, music: Music) -> list[str]:
    """Return a sentence for each part that is clearly below 1, worst first."""
    sentences = {
        "clipping": f"{100 * statistics.clipped_share:.2g} % of the samples are at full scale: "
        "the loudest moments are clipped.",
        "silence": f"{statistics.silent_s:.1f} of {statistics.duration_s:.1f} s are silent.",
        "length": f"It ends after {statistics.sound_s[1]:.1f} of {statistics.duration_s:.1f} s.",
        "offset": f"The waveform is off centre by {100 * statistics.offset:.0f} % of its level.",
        "loudness": f"It is {'loud' if statistics.loudness_lufs > _USUAL_LUFS else 'quiet'}: "
        f"{statistics.loudness_lufs:.1f} LUFS, "
        f"where records have about {_USUAL_LUFS:.0f}.",
        "spectrum": "Nearly all of it is noise." if _ramp(statistics.flatness, *_FLAT) > 0.5
        else "There is a lot of noise in it." if _ramp(statistics.flatness, *_FLAT) > 0.0
        else f"It sounds in only {statistics.bands} of 20 bands, like a single tone.",
        "tempo": f"The measured tempo is {analysis.grid.bpm:.0f} bpm instead of {music.bpm or 0:.0f}.",
        "key": f"The measured key is {analysis.key} instead of {music.keyscale}.",
        "beat": "The beat is hard to follow.",
    }  # fmt: skip
    low = sorted((value, name) for name, value in parts.items() if value ** WEIGHTS[name] < _WORTH_A_NOTE)
    return [sentences[name] for _, name in low]


def _ramp(value: float, low: float, high: float) -> float:
    return float(np.clip((value - low) / (high - low), 0.0, 1.0))
