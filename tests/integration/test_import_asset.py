"""A file that the daemon can read itself does not travel; one that it may not read is sent."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from acebridge.client.client import Client
from acebridge.client.connection import connect
from acebridge.errors import JobFailed
from acebridge.named_files import open_resolved
from tests.support.daemon import daemon_at, song, write_wav


def test_a_local_daemon_reads_what_it_may_and_is_sent_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = tmp_path / "내 음악"
    mine.mkdir()
    inside, outside = write_wav(mine / "a.wav", song(0.2)), write_wav(tmp_path / "b.wav", song(0.3))
    sent: list[Path] = []
    uploaded = Client._upload
    monkeypatch.setattr(
        Client, "_upload", lambda self, path, opened: (sent.append(path), uploaded(self, path, opened))[1]
    )
    with daemon_at(tmp_path / "home", config=f'roots = ["{mine}"]\n') as daemon:
        monkeypatch.setenv("ACEBRIDGE_HOME", str(daemon.home))
        with connect(None, autostart=False) as near, Client(daemon.address, token=daemon.token) as far:
            for client, expected in ((near, [outside]), (far, [outside, inside, outside])):
                for file in (inside, outside):
                    source = client.upload(file)
                    assert (source.asset_id, source.name) == (hashlib.sha256(file.read_bytes()).hexdigest(), file.name)
                assert sent == expected
            (mine / "words.wav").write_text("no audio")
            with pytest.raises(JobFailed, match=r"^words\.wav") as caught:
                near.upload(mine / "words.wav")
            assert caught.value.kind == "UNREADABLE_AUDIO"
            with pytest.raises(OSError, match="absent"):
                near.upload(mine / "absent.wav")
            assert daemon.check_store() == 2
            # What is sent is the file that was opened, whatever has taken its place.
            opened, digest = (
                open_resolved(outside, tmp_path, "source"),
                hashlib.sha256(outside.read_bytes()).hexdigest(),
            )
            outside.unlink()
            outside.symlink_to(write_wav(tmp_path / "secret.wav", song(0.4)))
            assert near.upload(outside, opened=opened).asset_id == digest
            assert daemon.check_store() == 2
