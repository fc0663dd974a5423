"""``--html``, ``acebridge compare`` and ``--play``: where pages go, what they hold, and what is refused."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from acebridge.hosts.monitor import device
from acebridge.hosts.monitor.device import NoSound
from tests.support.daemon import song, write_wav
from tests.support.paths import ROOT
from tests.support.shell import FAKE, Shell


@pytest.fixture
def folder(shell: Shell) -> Path:
    write_wav(shell.folder / "song.wav", song(2.0))
    return shell.folder


def rows(page: Path) -> list[str]:
    return re.findall(r'class="player row"[^>]*data-name="([^"]*)"', page.read_text("utf-8"))


def test_takes_with_their_source(shell: Shell, folder: Path) -> None:
    done = shell.run("repaint", "song.wav", "--start", "1", "--end", "1.5", "-c", "<piano>", "--seed", "7", "--takes", "2",
                     "-o", "new.wav", "--html", *FAKE)  # fmt: skip
    assert "new.html  (page)" in done.stdout
    page = (folder / "new.html").read_text("utf-8")
    assert rows(folder / "new.html") == ["Source", "Take 1", "Take 2"]
    for text in ("Repaint: song", "&lt;piano&gt;", "<li>seed 7</li>", "<li>seed 8</li>", " LUFS</li>", 'id="equal"'):
        assert text in page
    assert len(re.findall(r'class="new" style="left:50%;width:25%"', page)) == 2
    # Another run leaves that page alone, but one that is named is replaced.
    again = ("repaint", "song.wav", "--start", "1", "--end", "1.5", "-o", "new.wav")
    assert "new (2).html  (page)" in shell.run(*again, "--html", *FAKE).stdout
    assert "new.html  (page)" in shell.run(*again, "--html", "new.html", *FAKE).stdout
    assert rows(folder / "new.html") == ["Source", "Take"]
    assert shell.json(*again, "--html", "new.html", *FAKE)["outputs"][0]["file"] == "new.wav"


def test_the_page_of_an_old_job(shell: Shell, folder: Path) -> None:
    made = shell.json("repaint", "song.wav", "--start", "1", "--end", "1.5", "--takes", "2", *FAKE)
    done = shell.run("jobs", "watch", made["job_id"], "-o", "old.wav", "--html")
    assert "old.html  (page)" in done.stdout
    assert rows(folder / "old.html") == ["Take 1", "Take 2"]
    assert (
        "next.html  (page)" in shell.run("jobs", "next", made["job_id"], "-o", "new.wav", "--html", "next.html").stdout
    )


def test_stems_are_a_set_and_layers_go_with_the_source(shell: Shell, folder: Path) -> None:
    shell.run("extract", "song.wav", "-t", "drums", "-t", "bass", "-o", "stems", "--html", *FAKE)
    page = (folder / "stems" / "stems.html").read_text("utf-8")
    assert rows(folder / "stems" / "stems.html")[:3] == ["Source", "Drums", "Bass"]
    assert 'data-name="Stems together" data-along=""' in page
    shell.run("lego", "song.wav", "-t", "drums", "--start", "1", "-o", "drums.wav", "--html", "page.html", *FAKE)
    assert 'data-name="Layers with the source" data-along="sound0"' in (folder / "page.html").read_text("utf-8")


def test_files_from_anywhere(shell: Shell, folder: Path) -> None:
    for name in ("a/take.wav", "b/take.wav", "my_stems/drums.wav", "my_stems/bass.wav"):
        (folder / name).parent.mkdir(exist_ok=True)
        write_wav(folder / name, song(0.5))
    (folder / "my_stems" / "notes.txt").write_text("no audio")
    command = ("compare", "a/take.wav", "b/take.wav", "my_stems", "--source", "song.wav")
    assert shell.run(*command).stdout == "compare.html  (page)\n"
    assert rows(folder / "compare.html") == ["Source", "a/take.wav", "b/take.wav", "Bass", "Drums"]
    assert shell.run(*command, "--title", "A & B").stdout == "compare (2).html  (page)\n"
    assert '<h1 dir="auto">A &amp; B</h1>' in (folder / "compare (2).html").read_text("utf-8")
    for name in ("a/my_stems", "b/my_stems"):
        (folder / name).mkdir()
        write_wav(folder / name / "drums.wav", song(0.5))
    shell.run("compare", "a/my_stems", "b/my_stems", "-o", "sets.html")
    sets = re.findall(r'class="set" data-name="([^"]*)"', (folder / "sets.html").read_text("utf-8"))
    assert sets == ["A/my stems together", "B/my stems together"]
    shell.run("compare", "a/take.wav", "song.wav", "--stems", "-o", "new/page.html")
    assert 'data-name="Stems together"' in (folder / "new" / "page.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("compare", "no.wav"), "no.wav does not exist. Check the path."),
        (("compare", "empty"), "files is 'empty'; allowed: a folder that holds audio files."),
        (("compare", "song.wav", "-o", "song.wav"), "--out is 'song.wav'; allowed: a name that ends in .html."),
        (("compare", "song.wav", "-o", "song.wav/x.html"), "The folder "),
        (("repaint", "--html", "song.wav"), None),
        (("repaint", "song.wav", "--html", "page.txt"), "--html is 'page.txt'; allowed: a name that ends in .html."),
        (("repaint", "song.wav", "--html", "--detach"), "--html is 'given'; allowed: nothing with --detach."),
        (("repaint", "song.wav", "--play", "--detach"), "--play is 'given'; allowed: nothing with --detach."),
        (("play", "no.wav"), "what to play is 'no.wav'"),
    ],
)
def test_what_is_refused(shell: Shell, folder: Path, arguments: tuple[str, ...], sentence: str | None) -> None:
    (folder / "empty").mkdir()
    options = FAKE if arguments[0] == "repaint" else ()
    if sentence is None:  # the song was taken for the page
        assert "Missing argument" in shell.run(*arguments, *options, code=2).stderr
    else:
        assert shell.failure(*arguments, *options).startswith(sentence)
    assert shell.files() == {"song.wav"}


@pytest.mark.usefixtures("folder")
def test_a_page_that_cannot_be_made_costs_no_result(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("acebridge.pages.compare.MAX_MINUTES", 0.01)
    done = shell.run("cover", "song.wav", "-o", "new.wav", "--html", *FAKE)
    assert "warning: There is no page: the length of all files is " in done.stderr
    assert shell.files() == {"song.wav", "new.wav"}


def test_without_sound_the_result_is_there_and_a_sentence_says_why(
    shell: Shell, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise NoSound("There is no sound here: the PortAudio library is not installed.", remedy="Install it.")

    monkeypatch.setattr(device, "_load", fail)
    done = shell.run("generate", "--duration", "0.2", "--play", "-o", "new.wav", *FAKE)
    assert "warning: There is no sound here: the PortAudio library is not installed. Install it." in done.stderr
    assert (folder / "new.wav").exists()
    assert "PortAudio library is not installed. Install it." in shell.failure("play", "new.wav", code=4)


@pytest.mark.slow
def test_the_page_runs(shell: Shell, folder: Path) -> None:
    """Each command of docs/pages.md."""
    write_wav(folder / "song.wav", song(9.0))
    (block,) = re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "pages.md").read_text("utf-8"), re.DOTALL)
    for line in block.splitlines():
        words = shlex.split(line)[1:]
        shell.run(*words, *(() if words[0] == "compare" else FAKE))
    pages = {name for name in shell.files() if name.endswith(".html")}
    assert pages == {"repainted.html", "stems.html", "takes.html", "both.html", "compare.html"}
    assert rows(folder / "both.html")[0] == "song"
