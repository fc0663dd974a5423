"""Running one song through the draft engine's tasks, and comparing the results with the truth. Functions return figures."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from acestep_runtime.audio import wav
from acestep_runtime.engines.base import Block, Engine, EngineRequest, Metadata, TaskTraits
from acestep_runtime.engines.draft.engine import DraftEngine
from acestep_runtime.engines.registry import ENGINES
from acestep_runtime.tasks import TASKS
from acestep_runtime.tasks.base import Output, OutputBlock, Source
from acestep_runtime.tasks.repaint import Repaint
from acestep_runtime.values import TRACKS, CancelToken, Key, Music

from . import metrics
from .corpus import Excerpt
from .songs import Samples, Song
from .sounds import RATE_HZ

Figures = dict[str, Any]
Floats = npt.NDArray[np.float64]
STRENGTHS = (0.0, 0.3, 0.5, 0.8, 1.0)
_SEED = 7
_REPAINT_S = 8.0


def can(task: str) -> bool:
    """Whether the draft engine does a task."""
    return ENGINES["draft"].supports(TASKS[task])


def engine_request(task: str, song: Song | Excerpt, caption: str = "", **more: Any) -> EngineRequest:
    """Return a request on the whole of a song's mix."""
    whole = (0, len(song.mix))
    return EngineRequest(
        TASKS[task], len(song.mix), _SEED, Music(caption=caption), source=song.mix, span=whole, known=whole, **more
    )


def run_request(request: EngineRequest) -> tuple[dict[str, Samples], Figures]:
    """Let the draft engine serve a request; return the samples by role, and the facts."""
    blocks: dict[str, list[Samples]] = {}
    facts: Figures = {}
    for event in DraftEngine().run(request, CancelToken()):
        if isinstance(event, Block):
            blocks.setdefault(event.role, []).append(event.samples)
        elif isinstance(event, Metadata):
            facts.update(event.values)
    return {role: np.concatenate(parts) for role, parts in blocks.items()}, facts


def understand(song: Song) -> Figures:
    """Tempo ratio, key, meter, how many of the true beats and chords were found, and what odd stereo changes."""
    _, facts = run_request(engine_request("understand", song))
    true, estimate = Key.parse(song.plan.key), Key.parse(facts["keyscale"] or "C major")
    relative = true.mode != estimate.mode and (true.tonic - estimate.tonic) % 12 == (9 if true.mode == "minor" else 3)
    middle = (song.beats_s[:-1] + song.beats_s[1:]) / 2
    names = [next((c["name"] for c in facts["chords"] if c["start_s"] <= t < c["end_s"]), "") for t in middle]
    right = [Key(root, "minor" if quality == "m" else "major") == read_triad(name)
             for (root, quality), name in zip(song.chords, names, strict=False)]  # fmt: skip
    return {
        "bpm": facts["bpm"] or 0.0,
        "ratio": (facts["bpm"] or 0.0) / song.plan.bpm,
        "beats": metrics.onset_f_measure(np.array(facts["beats"]), song.beats_s, 0.07),
        "downbeats": metrics.onset_f_measure(np.array(facts["downbeats"]), song.beats_s[:: song.plan.meter], 0.07),
        "key": facts["keyscale"],
        "key_right": facts["keyscale"] is not None and estimate == true,
        "key_relative": relative,
        "meter": facts["timesignature"],
        "meter_right": facts["timesignature"] == song.plan.meter,
        "chords": float(np.mean(right)),
        "as_centred": _odd_stereo(song),
    }


#: Odd stereo: a centred recording and an echo of it without any correlation, as left and right channel.
ODD_STEREO: dict[str, Callable[[Floats, Floats], tuple[Floats, Floats]]] = {
    "opposite polarity": lambda mono, _: (mono, -mono),
    "one side only": lambda mono, _: (mono, np.zeros_like(mono)),
    "wide, sides without correlation": lambda mono, echo: (mono + echo, mono - echo),
    "wider than the centre": lambda mono, echo: (0.4 * mono + echo, 0.4 * mono - echo),
}


def _odd_stereo(song: Song) -> dict[str, bool]:
    """Return for each of `ODD_STEREO` whether tempo, key and meter are those of the same recording at the centre."""
    mono = song.mix.mean(axis=1, dtype=np.float64)
    centred = _findings(song, mono, mono)
    echo = _all_pass(mono)
    return {name: _agree(_findings(song, *place(mono, echo)), centred) for name, place in ODD_STEREO.items()}


def _all_pass(mono: Floats) -> Floats:
    """Return a recording with the phases of a reverberator by Schroeder (1962): as loud, in time, and without correlation."""
    for delay_ms, gain in ((3.1, 0.7), (5.3, 0.7), (8.9, 0.7)):
        b = np.zeros(round(delay_ms * RATE_HZ / 1000) + 1)
        b[0], b[-1] = -gain, 1.0
        mono = np.asarray(lfilter(b, [1.0, *([0.0] * (len(b) - 2)), -gain], mono))
    return mono


def _findings(song: Song, left: Floats, right: Floats) -> Figures:
    request = engine_request("understand", song)
    return run_request(replace(request, source=np.stack([left, right], axis=1).astype(np.float32)))[1]


def _agree(one: Figures, other: Figures) -> bool:
    return (
        one["keyscale"] == other["keyscale"]
        and one["timesignature"] == other["timesignature"]
        and (one["bpm"] == other["bpm"] or abs((one["bpm"] or 0.0) / (other["bpm"] or np.inf) - 1) <= 0.02)
    )


def read_triad(name: str) -> Key | None:
    """Return a chord as the key it is the tonic of; sus4 and diminished ones have none."""
    plain = name.replace("sus4", "?").replace("dim", "?")
    return None if not plain or "?" in plain else Key.parse(plain.removesuffix("7"))


def extract(song: Song) -> Figures:
    """How much better than the mix each stem is, and what the stems of one call lack of the mix."""
    stems, _ = run_request(engine_request("extract", song, tracks=TRACKS))
    gains = {name: metrics.si_sdr_db(stems[name], song.stems[name]) - metrics.si_sdr_db(song.mix, song.stems[name])
             for name in ("drums", "bass", "vocals")}  # fmt: skip
    return {**gains, "sum_db": metrics.error_db(list(stems.values()), song.mix)}


def lego(song: Song) -> Figures:
    """How near the drums are to the true grid, and how often the bass has the true root."""
    drums = run_request(engine_request("lego", song, "pop drums", tracks=("drums",)))[0]["drums"]
    low = run_request(engine_request("lego", song, "bass", tracks=("bass",)))[0]["bass"]
    errors_s = metrics.grid_errors_s(metrics.onsets_s(drums), song.beats_s, song.grid)
    bass_notes = []
    for beat_s, (root, quality) in zip(song.beats_s, song.chords, strict=True):
        hz = metrics.fundamental_hz(low, beat_s + 0.04, min(0.3, 0.9 * song.beat_s))
        if hz:
            bass_notes.append((metrics.pitch_class(hz) - root, quality))
    return {
        "drums_ms": 1e3 * float(np.median(np.abs(errors_s))) if len(errors_s) else float("nan"),
        "drums_late_ms": 1e3 * float(np.median(errors_s)) if len(errors_s) else float("nan"),
        "drum_onsets": len(errors_s),
        "roots": float(np.mean([above % 12 == 0 for above, _ in bass_notes])) if bass_notes else 0.0,
        "chord_tones": float(np.mean([above % 12 in _tones(quality) for above, quality in bass_notes]))
        if bass_notes
        else 0.0,
        "bass_beats": len(bass_notes) / len(song.beats_s),
    }


def _tones(quality: str) -> tuple[int, ...]:
    return (0, 3, 7) if quality == "m" else (0, 4, 7)


def repaint(song: Song) -> Figures:
    """Steps at the seams, and the loudness of the new part, of a repaint through the task layer."""
    start = round((len(song.mix) / RATE_HZ - _REPAINT_S) / 2) * RATE_HZ
    stop = start + round(_REPAINT_S) * RATE_HZ
    repainted = _repaint(song.mix, start, stop, DraftEngine())
    usual = float(np.quantile(metrics.jumps(song.mix), 0.999))
    width = round(0.05 * RATE_HZ)
    new, old = metrics.jumps(repainted), metrics.jumps(song.mix)
    around = [slice(seam - width, seam + width) for seam in (start, stop)]
    return {
        "jump": max(float(new[at].max()) for at in around) / usual,
        "own_jump": max(float(old[at].max()) for at in around) / usual,
        "seam_step": max(float(new[seam - 1]) for seam in (start, stop)) / usual,
        "loudness_lu": _louder_lu(repainted, song.mix, start, stop),
        "kept": bool(np.array_equal(repainted[: start - width], song.mix[: start - width])),
        **_levels(song.mix, start, stop),
    }


def _repaint(samples: Samples, start: int, stop: int, engine: Engine) -> Samples:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "song.wav")
        wav.write(path, samples, RATE_HZ)
        task = Repaint(Source(str(path)), Music(caption="brighter piano"), start_s=start / RATE_HZ,
                       end_s=stop / RATE_HZ, output=Output(seeds=(_SEED,)))  # fmt: skip
        events = task.run(engine, CancelToken())
        return np.concatenate([event.samples for event in events if isinstance(event, OutputBlock)])


def _louder_lu(new: Samples, old: Samples, start: int, stop: int) -> float:
    return metrics.loudness_lufs(new[start:stop]) - metrics.loudness_lufs(old[start:stop])


#: How a song may be loud around a region and in it: gains in dB at the song's start, the region's start (before and after a
#: step), its end (before and after a step) and the song's end.
SHAPES = {
    "fade-out": (0, -10, -10, -40, -40, -50),
    "quiet song": (-40, -40, -40, -40, -40, -40),
    "break": (0, 0, -15, -15, 0, 0),
    "chorus after a verse": (-12, -12, 0, 0, 0, 0),
}


@dataclass(frozen=True)
class _PerfectEngine:
    """Returns what it got: an engine that changes nothing."""

    name = "perfect"
    context_limit_s = 30.0
    supports_reference = False
    supports_sampling = False
    supports_planning = False
    reads_context = False
    has_latents = False

    def model_kind(self, _task: type[TaskTraits], _model: str) -> str:
        return ""

    def run(self, request: EngineRequest, cancel: CancelToken) -> Iterator[Block]:
        cancel.check()
        assert request.source is not None
        yield Block("mix", request.source)


def _levels(samples: Samples, start: int, stop: int) -> Figures:
    """Return by how much repaints of songs in all `SHAPES` are off: in any half second of what a perfect engine made (dB), and
    in the region of a draft (LU)."""
    perfect, draft = [0.0], {}
    for name, levels_db in SHAPES.items():
        at = (0, start - 1, start, stop - 1, stop, len(samples))
        gain = 10 ** (np.interp(np.arange(len(samples)), at, levels_db) / 20)
        song = (samples * gain[:, None]).astype(np.float32)
        same = _repaint(song, start, stop, _PerfectEngine())
        halves = range(start, stop - RATE_HZ // 2 + 1, RATE_HZ // 2)
        perfect += [abs(_level_db(same[i : i + RATE_HZ // 2]) - _level_db(song[i : i + RATE_HZ // 2])) for i in halves]
        draft[name] = _louder_lu(_repaint(song, start, stop, DraftEngine()), song, start, stop)
    return {"perfect_db": max(perfect), "levels_lu": draft}


def _level_db(samples: Samples) -> float:
    return float(10 * np.log10(np.mean(np.square(samples, dtype=np.float64)) + 1e-12))


def cover(song: Song) -> Figures:
    """Chroma similarity and onset agreement with the source for each strength, by strength."""
    chroma, onsets = [], []
    source_s = metrics.onsets_s(song.mix)
    for strength in STRENGTHS:
        cover_audio = run_request(engine_request("cover", song, "jazz piano trio", strength=strength))[0]["mix"]
        chroma.append(metrics.chroma_similarity(cover_audio, song.mix, song.beats_s))
        onsets.append(metrics.onset_f_measure(metrics.onsets_s(cover_audio), source_s))
    return {"chroma": chroma, "onsets": onsets}


def complete(song: Song) -> Figures:
    """Whether the source is in the mix as it was, and how near what was added is to the true grid.

    The source is the song without its bass and chords; what is asked for are four tracks that it lacks.
    """
    bare = np.asarray(song.stems["vocals"] + song.stems["drums"], np.float32)
    roles, _ = run_request(
        replace(engine_request("complete", song, "pop", tracks=("bass", "keyboard", "guitar", "strings")), source=bare)
    )
    mix = roles["mix"].astype(np.float64)
    added = sum((part.astype(np.float64) for role, part in roles.items() if role != "mix"), np.zeros(mix.shape))
    errors_s = metrics.grid_errors_s(metrics.onsets_s(added), song.beats_s, song.grid)
    return {
        "roles": sorted(roles),
        "kept": metrics.change_under_db(bare, added, mix) < -60,
        "grid_ms": 1e3 * float(np.median(np.abs(errors_s))) if len(errors_s) else float("nan"),
    }


#: Everything that is measured song by song; the last two as soon as the engine can do them.
MEASURES = {"understand": understand, "extract": extract, "lego": lego, "repaint": repaint, "cover": cover,
            "complete": complete}  # fmt: skip
