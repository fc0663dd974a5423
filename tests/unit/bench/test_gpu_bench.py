"""The benchmark of a GPU: what it says without one, and on a CPU every row, with the same code."""

from __future__ import annotations

import json
import math
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch

from tests.bench import gpu
from tests.bench.bars import draw_bars

SVG = "{http://www.w3.org/2000/svg}"


def test_without_a_device_it_says_so_and_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu.main(["--out", str(tmp_path / "bench")]) == 2
    assert "No CUDA device" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_every_row_is_measured_and_right_on_a_cpu(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "more" / "bench"
    options = {"device": "cpu", "size": "0.03125", "rounds": "1", "seconds": "1", "codes": "3", "out": str(out)}
    assert gpu.main([each for name, value in options.items() for each in (f"--{name}", value)]) == 0
    document = json.loads(out.with_suffix(".json").read_text())
    rows = {row["name"]: row for row in document["rows"]}
    assert list(rows) == [
        "DiT step, 1 s, guidance", "DiT step, 1 s", "VAE decode, 1 s", "VAE encode, 1 s", "text2music, 1 s, 8 steps",
        "first audio of it", "the first song of its length", "LM step, 1 song, guidance", "LM step, 4 songs, guidance",
        "Snake, 1 s", "windowed attention, 1 s",
    ]  # fmt: skip
    assert all(time > 0 for row in rows.values() for time in row["ms"].values())
    compared = [row for row in rows.values() if row["error"] is not None]
    assert all(row["error"] <= row["tolerance"] for row in compared)
    assert [gpu.GRAPHS in row["ms"] for row in compared] == [True] * 5 + [False] * 2
    assert [gpu.CANDIDATE in row["ms"] for row in compared] == [False] * 5 + [True] * 2
    table = capsys.readouterr().out
    assert all(name in table for name in rows)
    picture = ElementTree.fromstring(out.with_suffix(".svg").read_text())
    assert len(picture.findall(f"{SVG}rect")) == 4 + sum(len(row["ms"]) for row in rows.values())


@pytest.mark.parametrize("error", [0.03, math.nan])
def test_a_difference_beyond_the_tolerance_is_wrong(error: float) -> None:
    row = gpu.Row("step", {gpu.PLAIN: 1.0, gpu.GRAPHS: 0.5}, error, 0.02)
    assert not row.is_right
    assert "WRONG" in gpu.format_table([row])
    assert gpu.Row("step", row.ms, 0.01, 0.02).is_right


def test_the_floor_is_the_longer_of_operations_and_bytes() -> None:
    ceilings = gpu.Ceilings(operations=1e12, bytes=1e9)
    assert ceilings.floor_ms(2e9, 1e6) == pytest.approx(2.0)
    assert ceilings.floor_ms(2e9, 5e6) == pytest.approx(5.0)


def test_bars_are_as_long_as_their_figures() -> None:
    rows = [("a & b", {"x": 4.0, "z": 1.0}), ("c", {"y": 0.0})]
    picture = ElementTree.fromstring(draw_bars("title", ("x", "y", "z"), rows, "ms"))
    bars = [float(each.attrib["width"]) for each in picture.findall(f"{SVG}rect") if each.attrib["height"] == "14"]
    assert bars[0] == pytest.approx(4 * bars[1])
    assert bars[2] == 0
    texts = [each.text for each in picture.findall(f"{SVG}text")]
    assert {"title", "a & b", "c", "4 ms", "1 ms"} <= set(texts)
