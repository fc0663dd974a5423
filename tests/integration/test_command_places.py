"""Where the command writes: folders that are there, are not, or cannot be written."""

from __future__ import annotations

import shutil

import numpy as np

from acebridge.client.client import Client
from acestep_runtime.audio import decode
from tests.support.daemon import PATIENCE_S, Daemon, create_tone_job, expected_tone, song, until, write_wav
from tests.support.shell import FAKE, Shell, recent


def test_a_place_that_cannot_be_written_is_refused_before_anything_is_sent(shell: Shell, client: Client) -> None:
    write_wav(shell.folder / "song.wav", song(0.3, seed=77))
    (shell.folder / "notes.txt").write_text("dear diary")
    before, latest = shell.files(), recent(client)
    folder = shell.folder / "notes.txt"
    says = "The folder {} cannot be written: Not a directory. Choose another place with -o."
    for out in ("notes.txt/out.wav", "notes.txt/"):
        assert shell.failure("cover", "song.wav", "-o", out, *FAKE) == says.format(folder)
    message = shell.failure("extract", "song.wav", "-t", "bass", "-o", "notes.txt/stems/", *FAKE)
    assert message == says.format(folder / "stems")
    assert shell.failure("jobs", "watch", create_tone_job(client, 0.2), "-o", "notes.txt/x.wav") == says.format(folder)
    asset = client.upload(shell.folder / "song.wav").asset_id
    assert shell.failure("assets", "download", asset, "-o", "notes.txt/x.wav") == says.format(folder)
    assert shell.failure("assets", "download", asset, "-o", "stems/").startswith(
        "--out is 'stems/'; allowed: the name of"
    )
    assert shell.failure("assets", "download", asset, "-o", ".").startswith(
        "--out is '.'; allowed: the name of a file."
    )
    assert shell.files() == before
    assert len(recent(client)) <= len(latest) + 1  # the one that was watched


def test_folders_are_made_and_a_slash_names_one(shell: Shell, client: Client) -> None:
    write_wav(shell.folder / "song.wav", song(0.3))
    shell.run("cover", "song.wav", "-o", "new/folder/out.wav", *FAKE)
    shell.run("cover", "song.wav", "-o", "covers/", *FAKE)
    shell.run("extract", "song.wav", "-t", "bass", "-o", "stems/", *FAKE)
    asset = client.upload(shell.folder / "song.wav").asset_id
    shell.run("assets", "download", asset, "-o", "missing/dir/x.wav")
    assert shell.files() == {
        "song.wav", "new/folder/out.wav", "covers/song-cover.wav", "stems/bass.wav", "missing/dir/x.wav",
    }  # fmt: skip


def test_a_folder_that_goes_away_leaves_the_result_to_be_fetched(shell: Shell, daemon: Daemon, client: Client) -> None:
    daemon.hold(9, at="audio")
    process = shell.start("generate", "--duration", "2", "-s", "9", "-o", "out/tone.wav", *FAKE)
    until(lambda: list((shell.folder / "out").glob(".*.part")), "the result to arrive")
    shutil.rmtree(shell.folder / "out")
    daemon.release()
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 2
    fetch = f"acebridge jobs watch {recent(client)[0].id} -o PATH"
    folder = shell.folder / "out"
    assert err == (
        f"acebridge: The folder {folder} cannot be written: No such file or directory."
        f" The job goes on: fetch its result with `{fetch}`.\n"
    )
    shell.run(*fetch.replace("PATH", "tone.wav").split()[1:])
    assert np.array_equal(decode.read(shell.folder / "tone.wav"), expected_tone(9, 2.0))
