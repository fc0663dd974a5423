"""Which files a command replaces: those alone that ``-o`` names, and none that it reads."""

from __future__ import annotations

import json

from tests.support.daemon import song, write_wav
from tests.support.shell import FAKE, Shell


def test_a_reference_and_takes_of_an_earlier_run_are_never_overwritten(shell: Shell) -> None:
    for name in ("a.wav", "ref.wav"):
        write_wav(shell.folder / name, song(0.3))
    before = (shell.folder / "ref.wav").read_bytes()
    told = shell.failure("cover", "a.wav", "--reference", "ref.wav", "-o", "ref.wav", *FAKE)
    assert told.endswith("Originals are never overwritten.")
    assert (shell.folder / "ref.wav").read_bytes() == before
    (shell.folder / "new.wav").write_bytes(b"replaced")
    (shell.folder / "new-2.wav").write_bytes(b"mine")
    told = shell.run("generate", "-n", "2", "--duration", "0.3", "-o", "new.wav", *FAKE, "--json").stdout
    assert [output["file"] for output in json.loads(told)["outputs"]] == ["new.wav", "new-2 (2).wav"]
    assert (shell.folder / "new-2.wav").read_bytes() == b"mine"
    assert (shell.folder / "new.wav").read_bytes() != b"replaced"
