"""``acebridge protools`` with a real daemon and a fake Pro Tools."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from acestep_runtime.audio import decode
from tests.support.daemon import song
from tests.support.fake_protools import FakeProTools
from tests.support.shell import Shell


@pytest.fixture
def pro(tmp_path: Path) -> Iterator[FakeProTools]:
    with FakeProTools(tmp_path / "Sitzung") as pro:
        yield pro


def test_a(pro, shell):
    track = pro.add_track("Gitarre", selected=True)
    pro.put(track, 1000, song(6.0))
    pro.span = (96_001, 144_007)
    done = shell.run("protools", "run", "repaint", "warm piano", "-e", "fake", "--port", str(pro.port), "-s", "7")
    print(done.stdout, done.stderr)
    print(pro.commands)
    print([(t.name, t.colour, [(c.sample, c.audio.shape) for c in t.clips]) for t in pro.tracks])
