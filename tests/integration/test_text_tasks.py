"""The guide's chapters on timed lyrics and on scores, word for word, on both engines in the daemon; and a recording timed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.paths import GUIDE

pytest.importorskip("torch", reason="the neural engine needs torch")

import acestep_runtime
from acestep_runtime import Audio
from acestep_runtime.lyrics.formats import FORMATS
from tests.support.daemon import Daemon, daemon_at, write_wav
from tests.support.shell import Shell
from tests.support.signals import noise
from tests.support.tiny_models import tiny_checkpoint

pytestmark = pytest.mark.slow

TEXT = GUIDE.read_text("utf-8")
CHAPTERS = TEXT[TEXT.index("## 7. LRC") : TEXT.index("## 고급 워크플로우")]
#: What keeps the songs short; what the guide says itself goes before.
SHORT: dict[str, dict[str, Any]] = {"draft": {"duration": 2}, "neural": {"duration": 1.5, "inference_steps": 1}}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    models = tmp_path_factory.mktemp("models")
    tiny_checkpoint(models)
    with daemon_at(tmp_path_factory.mktemp("home"), config=f"models_dir = '{models}'\n") as daemon:
        yield daemon


@pytest.mark.parametrize("engine", SHORT)
def test_the_guide(daemon: Daemon, engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {name: getattr(acestep_runtime, name) for name in acestep_runtime.__all__}
    names["generate"] = partial(acestep_runtime.generate, engine=engine, daemon=daemon.address, **SHORT[engine])
    names["create_lyrics_video"] = lambda *, audio, lrc, background: (audio, lrc, background)
    blocks = re.findall(r"```python\n(.*?)```", CHAPTERS, re.DOTALL)
    assert len(blocks) == 8
    for block in blocks:
        # Random weights make noise, which no threshold lets through.
        code = block.replace("threshold = 0.85", "threshold = 0.0") if engine == "neural" else block
        exec(compile(code, "guide.md", "exec"), names)
    assert [line.text for line in FORMATS["lrc"].read(names["lrc_content"]).lines] == ["Walking down the street"]
    assert [line.text for line in FORMATS["lrc"].read(Path("karaoke.lrc").read_text("utf-8")).lines] == [
        "노래 가사 내용",
        "후렴구 내용",
    ]
    scores = [take["lyrics_alignment_score"] for take in names["sorted_results"]]
    assert len(scores) == 8
    assert scores == sorted(scores, reverse=True)
    assert Audio("final.mp3").seconds > 1
    if names["best_song"] is not None:
        assert names["best_song"]["lyrics_alignment_score"] == names["best_score"]
    with_words = names["generate"](caption="pop", lyrics="[Verse]\nla la la\n", best_of=3, seed=4)
    assert len(with_words.ranking) == 3
    assert with_words["lyrics_alignment_score"] == with_words.ranking[0].score
    assert with_words["score"]["computed_from"]["lyrics_alignment"]


def test_a_recording_is_timed_by_the_model(daemon: Daemon, tmp_path: Path) -> None:
    write_wav(tmp_path / "노래.wav", 0.3 * noise(3.0, rate_hz=44_100), 44_100)
    (tmp_path / "words.txt").write_text("[Verse]\n하늘 별\none two\n[Chorus]\n空を\n", "utf-8")
    shell = Shell(tmp_path, daemon.environment)
    timed = ("lrc", "노래.wav", "--lyrics", "words.txt", "--engine", "neural")
    message = shell.run(*timed, "-o", "노래.lrc", "--words", "--html", "노래.html")
    assert "노래.lrc  (3 lines, 6 words)" in message.stdout
    timing = FORMATS["elrc"].read((tmp_path / "노래.lrc").read_text("utf-8"))
    assert [line.text for line in timing.lines] == ["하늘 별", "one two", "空を"]
    assert all(0 <= line.start_s <= 3.01 for line in timing.lines)
    regions = shell.run(*timed, "-o", "song.csv", "--offset", "60")
    assert "song.csv" in regions.stdout
    assert "R1,Verse,0:01:0" in (tmp_path / "song.csv").read_text("utf-8")
    scored = shell.json("score", "노래.wav", "--lyrics", "words.txt", "-c", "pop", "--engine", "neural")["metadata"][0]
    assert "lm" not in scored["score"]
    assert "language model" in scored["score"]["missing"]["lm"]
    assert np.isfinite(scored["score"]["lyrics_alignment"])
    said = shell.run("score", "노래.wav", "--lyrics", "words.txt", "--engine", "neural").stdout
    assert "score: quality" in said
    assert "lyrics_alignment" in said
