"""Every Python block of the guide, in order and word for word, run for real on audio that is made here.

The import is changed, and in chapters with long songs all times are scaled by one factor, but in a campaign
(``make soak PART=guide``). What the guide leaves out is given: the files it names, and three helpers
of the reader's own (``record_vocal``, ``create_lyrics_video``, and the songs that "infinite length" and "joining" begin with).
Blocks that only set values are the arguments of the call above them, and are called so.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf

import acestep_runtime
from acestep_runtime import Audio, Result, Take, generate
from acestep_runtime.lyrics.formats import FORMATS
from acestep_runtime.text import form
from acestep_runtime.values import Key
from tests.support.signals import Samples, song

_GUIDE = Path(__file__).with_name("guide.md").read_text("utf-8")
_FILE = re.compile(r'"([\w ]+\.(?:mp3|wav))"')
_VOICES = {"vocal_track.wav", "acapella.wav", "acapella_vocals.wav", "vocal_only.wav", "opera_vocal.wav"}
#: Files that the guide writes.
_RESULTS = {"best_version.mp3", "final.mp3"}
#: How long the files of a chapter must be, in seconds, for its regions to lie in them; 16 else.
_LENGTHS_S = {"2. Repaint": 184, "워크플로우 1": 84}
#: By what the times of these chapters are multiplied.
_SCALE = 0.125
#: What a song lasts that is given no length; 30 s outside of tests.
_SHORT_S = 5.0
#: Arguments that are times in seconds.
_TIMES = {"repainting_start", "repainting_end", "duration"}


@dataclass(frozen=True)
class Block:
    """A block of code and the headings that it stands under."""

    headings: tuple[str, ...]
    code: str


def _blocks() -> list[Block]:
    found, headings, code = [], dict[int, str](), list[str]()
    inside = False
    for row in _GUIDE.splitlines():
        if row.startswith("```"):
            if inside:
                found.append(Block(tuple(headings.values()), "\n".join(code)))
            inside, code = not inside, []
        elif inside:
            code.append(row)
        elif match := re.match(r"(#{2,5}) (.*)", row):
            level = len(match[1])
            headings = {k: v for k, v in headings.items() if k < level} | {level: match[2]}
    return found


def _chapters() -> dict[str, list[Block]]:
    """The blocks by what shares its variables: a chapter, or one of the workflows and tips at the end."""
    chapters: dict[str, list[Block]] = {}
    for block in _blocks():
        numbered = block.headings[0][0].isdigit()
        chapters.setdefault(block.headings[0] if numbered else block.headings[1], []).append(block)
    return chapters


def _sing_names(seconds: float) -> Samples:
    """A voice that sings a tune in C at 100 bpm: harmonics under an open vowel's formants, vibrato, breaths."""
    rate_hz, beat_s = 48_000, 0.6
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    beat = (t / beat_s).astype(int)
    tune = np.array([60, 62, 64, 64, 65, 64, 62, 0, 67, 65, 64, 62, 60, 62, 60, 0])
    pitch = tune[beat % len(tune)]
    hz = 440 * 2 ** ((pitch - 69) / 12) * (1 + 0.008 * np.sin(2 * np.pi * 5.5 * t))
    phase = 2 * np.pi * np.cumsum(hz) / rate_hz
    gains = [1 / (1 + ((k * 300 - 730) / 200) ** 2) + 0.4 / (1 + ((k * 300 - 1090) / 250) ** 2) for k in range(1, 16)]
    voice = sum(gain * np.sin(k * phase) for k, gain in enumerate(gains, 1))
    inside = t / beat_s - beat
    voice *= (pitch > 0) * np.minimum(1, inside / 0.06) * np.minimum(1, (1 - inside) / 0.1)
    return np.repeat(0.3 * voice / np.abs(voice).max(), 2).reshape(-1, 2).astype(np.float32)


def _make_files(blocks: list[Block], seconds: float, folder: Path) -> None:
    names = {name for block in blocks for name in _FILE.findall(block.code)} - _RESULTS
    for number, name in enumerate(sorted(names)):
        bars = int(np.ceil(seconds / 2.4))
        samples = (
            _sing_names(seconds)
            if name in _VOICES
            else song(bpm=100, bars=bars, seed=number)[: round(seconds * 48_000)]
        )
        sf.write(folder / name, samples, 48_000)


def _video(*, audio: Audio, lrc: str, background: str) -> list[tuple[float, str, bytes]]:
    """What a reader's `create_lyrics_video` would need: for each line its time, its text, and the sound under it."""
    assert background == "visualizer.mp4"
    samples, lines = audio.samples(), FORMATS["lrc"].read(lrc).lines
    return [
        (line.start_s, line.text, samples[round(line.start_s * audio.sample_rate) :][:480].tobytes()) for line in lines
    ]


class _TimeScaler(ast.NodeTransformer):
    """Multiplies the numbers in arguments that are times; -1 stands for the end and stays."""

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def visit_keyword(self, node: ast.keyword) -> ast.AST:
        if node.arg in _TIMES and ast.unparse(node.value) != "-1":
            for each in ast.walk(node.value):
                if isinstance(each, ast.Constant):
                    each.value *= self.factor
        return self.generic_visit(node)


def _arguments(scale: float) -> dict[str, Callable[[], Any]]:
    """What the guide's reader has and the guide does not show."""
    return {
        "initial_generation": lambda: generate(caption="lo-fi, 초기 2분 곡", duration=120 * scale, seed=1),
        "audio1": lambda: generate(caption="pop", duration=14, bpm=100, keyscale="C major", seed=1),
        "audio2": lambda: generate(caption="rock", duration=12, bpm=126, keyscale="A minor", seed=2),
        "record_vocal": lambda: lambda: (_sing_names(16), 48_000),
        "create_lyrics_video": lambda: _video,
    }


def _run(blocks: list[Block], scale: float) -> dict[str, Any]:
    """Run the blocks of a chapter one after the other, with their times scaled, and return all variables."""
    names: dict[str, Any] = {name: getattr(acestep_runtime, name) for name in acestep_runtime.__all__}
    names["results"] = []
    for block in blocks:
        code = block.code.replace("from acestep import", "from acestep_runtime import")
        names |= {
            name: make()
            for name, make in _arguments(scale).items()
            if re.search(rf"\b{name}\b", code) and name not in names
        }
        before = dict(names)
        tree = ast.parse(code)
        exec(compile(_TimeScaler(scale).visit(tree), block.headings[-1], "exec"), names)
        if not any(isinstance(node, (ast.Call, ast.Subscript)) for node in ast.walk(tree)):
            new = {
                name: value for name, value in names.items() if before.get(name) is not value and name != "__builtins__"
            }
            if new:
                names["results"].append(_call_names(new))
    return names


def _call_names(values: dict[str, Any]) -> Result:
    """Call with the values that a block sets: a cover's where they name a source, else a short song's."""
    task = "cover" if "src_audio" in values else "text2music"
    result = generate(task_type=task, **values, **({} if task == "cover" else {"caption": "pop", "duration": 4}))
    assert len(result.takes) == values.get("batch_size", 1)
    return result


def _sounds(value: Any) -> bool:
    return bool(np.abs(value["audio"].samples()).max() > 0.01)


def _cover(v: dict[str, Any]) -> None:
    assert len(v["results"]) == 3
    assert v["result"].seconds == 16
    assert v["base"].seconds == v["orchestral"].seconds == v["final"].seconds


def _repaint(v: dict[str, Any]) -> None:
    original = Audio("song.mp3").samples()
    intro = v["result"]["audio"].samples()  # the last block repainted 0 to 10 s
    changed = round((10 * v["scale"] + 0.02) * 48_000)
    np.testing.assert_array_equal(intro[changed:], original[changed:])
    assert not np.array_equal(intro[:changed], original[:changed])
    assert v["audio"].seconds == pytest.approx((120 + 10 * 30) * v["scale"])
    assert v["transition"].seconds == pytest.approx(26)


def _lego(v: dict[str, Any]) -> None:
    assert v["full_band"].seconds == Audio(v["vocal"]).seconds
    with_all = v["full_band"]["audio"].samples()
    layers = sum(v[name].stems[track].samples() for name, track in
                 (("with_bass", "bass"), ("full_band", "guitar")))  # fmt: skip
    drums = v["full_band"]["audio"].samples() - Audio(v["vocal"]).samples() - layers
    assert np.abs(with_all).max() > 0.1
    assert np.sqrt(np.mean(drums**2)) > 1e-3


def _complete(v: dict[str, Any]) -> None:
    assert set(v["result"].stems) == {"strings", "brass", "woodwinds", "percussion"}
    source = Audio("opera_vocal.wav").samples()
    rest = v["result"]["audio"].samples() - sum(stem.samples() for stem in v["result"].stems.values())
    np.testing.assert_allclose(rest, source, atol=1e-5)


def _extract(v: dict[str, Any]) -> None:
    both = v["vocals"].stems["vocals"].samples() + v["vocals"].stems["other"].samples()
    np.testing.assert_allclose(both, Audio(v["full_mix"]).samples(), atol=1e-5)
    assert v["cover"].seconds == 16


def _analysis(v: dict[str, Any]) -> None:
    assert v["metadata"]["bpm"] == pytest.approx(100, rel=0.02)
    assert Key.parse(v["key"]) in (Key.parse("C major"), Key.parse("A minor"))
    assert v["track2_adjusted"]["bpm"] == pytest.approx(v["track1_bpm"], rel=0.01)


def _lrc(v: dict[str, Any]) -> None:
    assert [line.text for line in FORMATS["lrc"].read(v["lrc_content"]).lines] == ["Walking down the street"]
    assert [line.text for line in FORMATS["lrc"].read(Path("karaoke.lrc").read_text("utf-8")).lines] == [
        "노래 가사 내용",
        "후렴구 내용",
    ]
    assert [text for _, text, _ in v["video"]] == ["노래 가사 내용", "후렴구 내용"]
    assert all(any(sound) for _, _, sound in v["video"])


def _scores(v: dict[str, Any]) -> None:
    scores = [take["lyrics_alignment_score"] for take in v["sorted_results"]]
    assert len(scores) == 8
    assert scores == sorted(scores, reverse=True)
    assert v["best"]["lyrics_alignment_score"] == scores[0]
    assert 0 <= min(scores) <= max(scores) <= 1
    assert v["best_song"]["lyrics_alignment_score"] == v["best_score"] > 0
    assert v["result"]["lyrics_alignment_score"] >= v["threshold"]
    assert Audio("best_version.mp3").seconds == pytest.approx(v["best_song"].seconds, abs=0.1)
    assert Audio("final.mp3").seconds == pytest.approx(v["result"].seconds, abs=0.1)


def _best_cover(v: dict[str, Any]) -> None:
    assert v["best_cover"]["lyrics_alignment_score"] == max(cover["lyrics_alignment_score"] for cover in v["covers"])
    before, after = v["best_cover"]["audio"].samples(), v["final"]["audio"].samples()
    start, stop = (round(time_s * v["scale"] * 48_000) for time_s in (60, 80))
    outside = start - 1200  # the crossfade lies before the region
    np.testing.assert_array_equal(after[:outside], before[:outside])
    assert not np.array_equal(after[start:stop], before[start:stop])


def _remix(v: dict[str, Any]) -> None:
    np.testing.assert_array_equal(v["final"]["audio"].samples()[-48_000:], v["remix"]["audio"].samples()[-48_000:])
    assert set(v["remix"].stems) == {"drums"}


def _co_written(v: dict[str, Any]) -> None:
    assert v["draft"].seconds > 180
    assert v["final"].seconds == pytest.approx(v["draft"].seconds + 30, abs=0.001)


def _parallel(v: dict[str, Any]) -> None:
    assert [result.seconds for result in v["results"]] == [16, 16, 16]


def _nothing(v: dict[str, Any]) -> None:
    assert len(v["results"]) == 1


#: Beginning of a chapter's title → what must hold of its variables.
_CHECKS = {
    "1. Cover": _cover, "2. Repaint": _repaint, "3. Multi-Track": _lego, "4. Vocal2BGM": _complete,
    "5. Track": _extract, "6. Audio": _analysis, "7. LRC": _lrc, "8. Quality": _scores, "워크플로우 1": _best_cover,
    "워크플로우 2": _remix, "워크플로우 3": _co_written, "GPU": _nothing, "오프로딩": _nothing, "병렬": _parallel,
}  # fmt: skip


def test_no_block_is_missing() -> None:
    assert sum(len(blocks) for blocks in _chapters().values()) == _GUIDE.count("```python") == 42
    assert [sum(title.startswith(start) for start in _CHECKS) for title in _chapters()] == [1] * len(_CHECKS)


@pytest.mark.slow
@pytest.mark.campaign("guide")
@pytest.mark.parametrize("start", _CHECKS)
def test_the_guide(start: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, soak: bool) -> None:
    (blocks,) = (blocks for title, blocks in _chapters().items() if title.startswith(start))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(form, "natural_length_s", lambda *_: _SHORT_S)
    scale = 1.0 if soak or start not in _LENGTHS_S else _SCALE
    _make_files(blocks, scale * _LENGTHS_S.get(start, 16), tmp_path)
    values = _run(blocks, scale)
    _CHECKS[start](values | {"scale": scale})
    assert all(_sounds(value) for value in values.values() if isinstance(value, Take))
