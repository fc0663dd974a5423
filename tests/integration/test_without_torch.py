"""All but the neural engine works where its packages are not installed. Here they are hidden from other processes."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from acestep_runtime.installation import install_remedy
from tests.support.daemon import daemon_at
from tests.support.shell import Shell

HIDDEN = (
    "torch", "torchao", "torchaudio", "transformers", "diffusers", "accelerate", "safetensors", "tokenizers", "llguidance",
    "peft", "huggingface_hub",
)  # fmt: skip
#: The modules of the neural engine; names of packages stand for all below them.
NEURAL = (
    "acestep_runtime.conditioning.codes", "acestep_runtime.conditioning.condition",
    "acestep_runtime.conditioning.latents", "acestep_runtime.conditioning.timbre", "acestep_runtime.dit",
    "acestep_runtime.engines.neural", "acestep_runtime.gpu.graphs", "acestep_runtime.gpu.host_copies",
    "acestep_runtime.guidance", "acestep_runtime.lm", "acestep_runtime.memory.fit", "acestep_runtime.memory.interrupt",
    "acestep_runtime.memory.policy", "acestep_runtime.memory.precision", "acestep_runtime.memory.stage",
    "acestep_runtime.memory.widen", "acestep_runtime.samplers", "acestep_runtime.vae",
    "acestep_runtime.weights.adapted", "acestep_runtime.weights.adapter", "acestep_runtime.weights.files",
    "acestep_runtime.weights.gguf_tensors", "acestep_runtime.weights.load",
    "acestep_runtime.weights.lora",
)  # fmt: skip
#: Python runs this module at its start if it is in a folder of its module path.
SITECUSTOMIZE = f"""
import sys

class Without:
    '''Finds what another finder finds, but nothing of the packages that are hidden: as if they were not there.'''

    def __init__(self, finder):
        self.finder = finder

    def __getattr__(self, name):
        return getattr(self.finder, name)

    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] in {HIDDEN!r} else self.finder.find_spec(name, path, target)

sys.meta_path[:] = map(Without, sys.meta_path)
"""


@pytest.fixture
def without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Hide the packages from all processes that are started; return a folder to work in."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(SITECUSTOMIZE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"), prepend=os.pathsep)
    return tmp_path


def run(code: str) -> list[str]:
    """Run code in a process of its own; return the lines that it prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.usefixtures("without")
def test_every_other_module_can_be_imported() -> None:
    code = f"""
import importlib, pkgutil, sys
import acestep_runtime, acebridge

def belongs(name):
    return any(name == each or name.startswith((each + ".", each + "_")) for each in {NEURAL!r})

lacking = set()
for package in (acestep_runtime, acebridge):
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + ".", onerror=lambda name: None):
        if found.name.endswith("__main__"):
            continue
        try:
            importlib.import_module(found.name)
        except ModuleNotFoundError as error:
            assert belongs(found.name), (found.name, error)
            assert error.name.partition(".")[0] in {HIDDEN!r}, (found.name, error)
            lacking.add(found.name)
            print(found.name)
print("acestep_runtime.tasks" in sys.modules, "acebridge.server.app" in sys.modules)
assert not set({HIDDEN!r}) & set(sys.modules)
"""
    *lacking, rest = run(code)
    assert rest == "True True"
    for each in filter(find_spec, NEURAL):  # no more than need be is let through
        assert any(name == each or name.startswith((each + ".", each + "_")) for name in lacking), each


@pytest.mark.usefixtures("without")
def test_songs_are_made_and_commands_say_what_is_lacking() -> None:
    code = """
import sys
import numpy as np
from acestep_runtime import generate
from acebridge.cli import doctor, main

song = generate(caption="warm piano", duration=2, seed=1)
print(song.audio.samples().shape, bool(np.abs(song.audio.samples()).max() > 0.01))
for finding in (check(None) for check in doctor.CHECKS if check is not doctor._daemon):
    if finding.about == "engines":
        print(finding.ok, finding.says)
sys.argv = ["acebridge", "--help"]
try:
    main()
except SystemExit as end:
    print(end.code)
"""
    first, engines, *_, code_of_help = run(code)
    assert first == "(96000, 2) True"
    lacking = "torch, transformers, diffusers, accelerate, safetensors, llguidance are not installed"
    assert engines == f"True draft: yes; neural: no, {lacking}. {install_remedy('neural')}"
    assert code_of_help == "0"


def test_who_asks_for_the_neural_engine_learns_which_extra_it_is_in(without: Path) -> None:
    with daemon_at(without / "home") as daemon:
        shell = Shell(without, daemon.environment)
        message = shell.failure("generate", "--engine", "neural", "--duration", "1")
        assert shell.json("generate", "--duration", "1")["engine"] == "draft"
    assert message == (
        "The neural engine cannot run: torch, transformers, diffusers, accelerate, safetensors, llguidance are not installed."
        f" {install_remedy('neural')} Or choose --engine draft."
    )
