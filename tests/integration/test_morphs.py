"""Morphs through the daemon: by the command line and by gRPC, after a kill, as the recipe says, and again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

from acebridge.client.client import Client
from acebridge.errors import JobFailed
from acestep_runtime.audio import decode
from acestep_runtime.audio.tags.describe import describe_file
from acestep_runtime.recipes import parse_recipe
from tests.support.daemon import Daemon, assert_gone, collect, daemon_at, job, write_wav
from tests.support.shell import Shell
from tests.support.signals import noise
from tests.support.tiny_models import tiny_models

pytestmark = pytest.mark.slow

RATE_HZ, LENGTH_S = 44_100, 2.5
WORDS = (
    "cover", "song.wav", "-c", "warm pop", "--lyrics", "new", "--source-lyrics", "old", "--steps", "6", "--engine", "neural",
)  # fmt: skip
#: The same as a request, with seeds of its own.
FIELDS: dict[str, Any] = {
    "music": {"caption": "warm pop", "lyrics": "new"}, "sampling": {"steps": 6},
    "morph": {"mode": "words", "lyrics": "old"}, "output": {"seeds": [3]},
}  # fmt: skip


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def daemon(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with daemon_at(tmp_path_factory.mktemp("home"), config=f"models_dir = '{models}'\n") as daemon:
        yield daemon


@pytest.fixture
def shell(daemon: Daemon, source: Path) -> Shell:
    return Shell(source.parent, daemon.environment)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_wav(tmp_path / "song.wav", 0.3 * noise(LENGTH_S, rate_hz=RATE_HZ), RATE_HZ)


def _submit(client: Client, source: Path, **fields: Any) -> Iterator[Any]:
    return client.submit("cover", {**FIELDS, **fields}, source=client.upload(source), submission={"engine": "neural"})


def test_both_ways_in_give_the_same_morph_and_its_recipe_says_it(shell: Shell, daemon: Daemon, source: Path) -> None:
    assert daemon.client is not None
    message = shell.json(*WORDS, "--morph", "words", "-s", "3", "-o", "words.wav", "--json")
    (facts,) = message["metadata"]
    assert (facts["model"], facts.get("warnings")) == ("acestep-v15-base", None)
    made = decode.read(source.with_name("words.wav"))
    assert made.shape == (round(LENGTH_S * RATE_HZ), 2)
    assert np.isfinite(made).all()
    events = collect(_submit(daemon.client, source))
    assert np.array_equal(events.samples(), made)
    recipe = parse_recipe(describe_file(source.with_name("words.wav"))[1], "words.wav")
    assert (recipe.task, recipe.seed, recipe.fields["morph"]) == ("cover", 3, {"mode": "words", "lyrics": "old"})
    shell.run("again", "words.wav", "-s", "3", "-o", "same.wav")
    assert np.array_equal(decode.read(source.with_name("same.wav")), made)
    shell.run("again", "words.wav", "-s", "4", "-o", "other.wav")
    assert not np.array_equal(decode.read(source.with_name("other.wav")), made)
    shell.run("again", "words.wav", "--variation", "0.4", "-o", "near.wav")
    near = parse_recipe(describe_file(source.with_name("near.wav"))[1], "near.wav")
    assert near.take_seed.seed == 3
    assert [step.amount for step in near.take_seed.variations] == [0.4]
    assert near.fields["morph"] == recipe.fields["morph"]


def test_each_mode_and_an_ordinary_cover_differ(shell: Shell, source: Path) -> None:
    covers = {}
    for mode in ("words", "style", "all", ""):
        morph = ["--morph", mode, "--source-caption", "folk"] if mode else ["--model", "base"]
        words = [word for word in WORDS if mode or word not in ("--source-lyrics", "old")]
        shell.run(*words, *morph, "-s", "3", "-o", f"{mode or 'plain'}.wav")
        covers[mode] = decode.read(source.with_name(f"{mode or 'plain'}.wav"))
    for mode, made in covers.items():
        assert all(not np.array_equal(made, covers[other]) for other in covers if other != mode)


def test_a_morph_that_is_impossible_is_refused_in_a_sentence(shell: Shell, daemon: Daemon, source: Path) -> None:
    assert daemon.client is not None
    assert "The morph would change nothing" in shell.failure(
        "cover", "song.wav", "-c", "pop", "--morph", "all", "--engine", "neural"
    )
    assert "turbo model; morphing needs a base or an SFT model" in shell.failure(
        *WORDS, "--morph", "words", "--model", "turbo"
    )
    with pytest.raises(JobFailed, match="would change nothing"):
        collect(_submit(daemon.client, source, morph={"mode": "all"}))


def test_a_morph_goes_on_after_a_kill_to_the_same_result(models: Path, tmp_path: Path, source: Path) -> None:
    frail = Daemon(tmp_path / "frail", config=f"models_dir = '{models}'\n")
    client = frail.start()
    more = {
        "sampling": {"steps": 12}, "morph": {"mode": "words", "lyrics": "old", "start": 0.0},
        "output": {"seeds": [3, 8, 5, 6], "takes": 4, "variation": 0.3},
    }  # fmt: skip
    running = ""
    for event in _submit(client, source, **more):
        running = event.job_id
        if event.WhichOneof("event") == "progress" and event.progress.stage.startswith("take 2 of 4: step"):
            break  # three takes are left, however late this is known
    seeds = list(job(client, running).request.cover.output.variation_seeds)
    assert_gone(frail.kill())
    client = frail.start()
    resumed = collect(client.watch(running))
    assert job(client, running).attempts == 2
    assert [take.metadata.variations[0].seed for take in resumed.completed.takes] == seeds
    more["output"]["variation_seeds"] = seeds
    again = collect(_submit(client, source, **more))
    assert again.job_id != running
    for output in (1, 2, 3, 4):
        assert np.array_equal(resumed.samples(output), again.samples(output))
    assert frail.stop() == 0
    frail.check_store()
