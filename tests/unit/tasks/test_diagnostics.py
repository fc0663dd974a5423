"""Warnings about truncated sources and clipped samples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf

from acestep_runtime.audio import wav
from acestep_runtime.engines.fake import FakeEngine
from acestep_runtime.errors import InvalidValue
from acestep_runtime.tasks.analysis import Understand
from acestep_runtime.tasks.base import Output, OutputBlock, Source, Take
from acestep_runtime.tasks.diagnostics import run_with_warnings
from acestep_runtime.tasks.repaint import Repaint
from acestep_runtime.tasks.takes import engine_request
from acestep_runtime.tasks.text2music import TextToMusic
from acestep_runtime.tasks.text_tasks import FormatSample
from acestep_runtime.values import CancelToken, Music, Thinking
from tests.support.signals import decode_chunk, noise

_NO_PLANS = "the fake engine neither plans songs nor follows plans, which takes the neural engine"


def warnings(task: Any) -> list[list[str] | None]:
    """The warnings of each take."""
    events = list(run_with_warnings(task, FakeEngine(), CancelToken()))
    return [event.metadata.get("warnings") for event in events if isinstance(event, Take)]


def test_valid_input_gives_no_warnings(tmp_path: Path) -> None:
    assert warnings(TextToMusic(duration_s=0.5, output=Output(takes=2, encoding="pcm16"))) == [None, None]
    wav.write(tmp_path / "song.wav", noise(0.5), 48_000)
    assert warnings(Understand(Source(str(tmp_path / "song.wav")))) == [None]


@pytest.mark.parametrize("encoding", ["pcm16", "pcm24"])
def test_clipped_samples_are_counted(tmp_path: Path, encoding: str) -> None:
    loud = (0.1 * noise(0.5)).astype(np.float32)
    loud[:7, 0], loud[7, 1], loud[8, 1], loud[9, 1] = 2.0, -1.5, 1.0, -1.0
    wav.write(tmp_path / "loud.wav", loud, 48_000)
    source = Source(str(tmp_path / "loud.wav"))
    task = Repaint(source, start_s=0.25, end_s=0.5, output=Output(takes=2, seeds=(1, 2), encoding=encoding))
    says = (
        f"mix is clipped (8 samples): it exceeds what {encoding} holds by up to 6.0 dB."
        " Ask for float32, which holds everything."
    )
    assert warnings(task) == [[says], [says]]
    repaint = Repaint(source, start_s=0.25, end_s=0.5, output=Output(seeds=(1,)))
    assert warnings(repaint) == [None]
    # As many as the encoding really changes.
    blocks = [e.samples for e in repaint.run(FakeEngine(), CancelToken()) if isinstance(e, OutputBlock)]
    samples = np.concatenate(blocks)
    again = decode_chunk(wav.encode(samples, encoding), encoding, 2)
    assert np.count_nonzero(np.abs(samples - again) > 2.0**-15) == 8


@pytest.mark.parametrize(
    ("task", "says"),
    [
        (
            TextToMusic(duration_s=0.5, thinking=Thinking(plan_first=True)),
            f"thinking on had no effect: {_NO_PLANS}.",
        ),
        (
            TextToMusic(codes=(1, 2, 3)),
            f"codes 1, 2, 3 had no effect: {_NO_PLANS}.",
        ),
    ],
)
def test_thinking_without_effect_gives_a_warning(task: TextToMusic, says: str) -> None:
    assert warnings(task) == [[says]]


def test_a_plan_that_is_too_short_gives_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeEngine, "supports_planning", True)
    short = TextToMusic(duration_s=1.0, codes=(1, 2, 3))
    assert warnings(short) == [["The plan ends after 0.6 of 1 s, and so does the song."]]
    assert warnings(TextToMusic(duration_s=0.7, codes=(1, 2, 3))) == [None]
    assert warnings(TextToMusic(codes=(1, 2, 3))) == [None]


def test_a_truncated_source_gives_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    wav.write(path, noise(2.0), 48_000)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    says = "so\ufffdng was cut off: its header promises 2.000 s, but it ends after 1.000 s. Copy or export it again."
    assert warnings(Understand(Source(str(path), name="so\nng"))) == [[says]]


@pytest.mark.parametrize(("subtype", "says"), [("PCM_32", True), ("DOUBLE", True), ("PCM_24", False), ("FLOAT", False)])
def test_a_source_that_had_to_be_rounded_gives_a_warning(tmp_path: Path, subtype: str, says: bool) -> None:
    path = tmp_path / "fine.wav"
    sf.write(path, noise(0.5).astype(np.float64) / 3, 48_000, subtype=subtype)
    says_so = [[f"fine.wav holds samples of more than 24 bits ({subtype}): they were rounded to float32."]]
    assert warnings(Understand(Source(str(path)))) == (says_so if says else [None])
    sf.write(path, np.rint(noise(0.5) * 2**15) / 2**16, 48_000, subtype=subtype)
    assert warnings(Understand(Source(str(path)))) == [None]


def test_a_source_without_an_end_gives_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "radio.ogg"
    sf.write(path, noise(4.0), 48_000, format="OGG", subtype="OPUS")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    ((says,),) = warnings(Understand(Source(str(path))))
    assert says.startswith("radio.ogg was cut off: it ends after ")
    assert says.endswith(" s, without the mark of an end. Copy or export it again.")


def test_a_seed_that_is_given_twice_is_said() -> None:
    says = "Seed 5 is given 2 times: takes with one seed are equal."
    song = TextToMusic(duration_s=0.5, output=Output(takes=3, seeds=(5, 6, 5)))
    assert warnings(song) == [[says]] * 3
    assert warnings(TextToMusic(duration_s=0.5, output=Output(takes=2, seeds=(5, 6)))) == [None, None]


def test_timed_lyrics_of_a_region_are_cut_and_that_is_said(tmp_path: Path) -> None:
    wav.write(tmp_path / "song.wav", noise(1.0), 48_000)
    lyrics = "[00:00.00]one\n[00:00.50]two\n[00:01.00]\n"
    task = Repaint(
        Source(str(tmp_path / "song.wav")), music=Music(lyrics=lyrics), start_s=0.5, output=Output(seeds=(1,))
    )
    assert warnings(task) == [["Of the 2 lines of the lyrics, the 1 from 0.5 s on are used."]]
    assert engine_request(task, FakeEngine()).music.lyrics == "two"
    assert engine_request(TextToMusic(music=Music(lyrics=lyrics)), FakeEngine()).music.lyrics == "one\ntwo"


@pytest.mark.parametrize("task", [TextToMusic, FormatSample])
def test_the_name_of_a_file_is_no_lyrics(task: Any) -> None:
    with pytest.raises(InvalidValue, match=r"music.lyrics is song.lrc, the name of a file.*'\[Verse\] song.lrc'"):
        task(music=Music(lyrics="song.lrc")).validate()
    task(music=Music(lyrics="[Verse] song.lrc")).validate()


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("jp", "Did you mean ja?"),
        ("EN", "Did you mean en?"),
        ("pt-BR", "Did you mean pt?"),
        ("zh_TW", "Did you mean zh?"),
        ("klingon", "Use an ISO 639 code, such as en, de, ja or zh."),
    ],
)
def test_a_language_that_no_model_knows_is_named(code: str, remedy: str) -> None:
    task = TextToMusic(music=Music(language=code), duration_s=0.5)
    assert warnings(task) == [[f"language {code} is none that the models know. {remedy}"]]


@pytest.mark.parametrize("code", ["ja", "yue", "unknown"])
def test_a_language_that_models_know_gives_no_warning(code: str) -> None:
    assert warnings(TextToMusic(music=Music(language=code), duration_s=0.5)) == [None]
