"""What the command says besides its results."""

from __future__ import annotations

import json

import numpy as np
from house import song, write_wav
from shell import FAKE, Shell


def test_warnings_go_to_stderr_once_and_into_the_json(shell: Shell) -> None:
    loud = song(1.0)
    loud[10, 0] = np.float32(4.0)
    path = write_wav(shell.folder / "loud.wav", loud)
    path.write_bytes(path.read_bytes()[: -8 * 1250])
    says = [
        "loud.wav was cut off: its header promises 1.00 s, but it ends after 0.97 s. Copy or export it again.",
        "mix is clipped (1 sample): it exceeds what pcm16 holds by up to 12.0 dB. Ask for float32, which holds everything.",
    ]
    options = ("--start", "0.5", "--end", "0.6", "-n", "2", "-s", "1", "--format", "pcm16", *FAKE)
    done = shell.run("repaint", "loud.wav", *options)
    assert done.stderr.splitlines()[:2] == [f"warning: {sentence}" for sentence in says]
    assert len(done.stderr.splitlines()) == 3
    assert "warnings" not in done.stdout
    done = shell.run("repaint", "loud.wav", "--json", *options)
    told = json.loads(done.stdout)
    assert [facts["warnings"] for facts in told["metadata"]] == [says, says]
    assert done.stderr.splitlines() == [f"warning: {sentence}" for sentence in says]
