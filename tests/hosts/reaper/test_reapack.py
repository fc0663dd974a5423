"""The scripts as ReaPack sees them: headers, files, index."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.support.paths import REAPER_SCRIPTS as FOLDER
from tests.support.paths import ROOT
from tests.support.reapack_scripts import index, release

ACTIONS = sorted(FOLDER.glob("AceBridge_*.lua"))
ICONS = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.glob("toolbar_icons/**/*.png"))
INSTALL = [f"lib/install/{name}" for name in ("install.ps1", "install.sh", "release.json")]
OTHERS = ["AceBridge.ReaperOSC", *INSTALL, *ICONS]
URL, COMMIT, TIME = "https://example.org/acebridge/raw", "0123456789abcdef" * 2 + "01234567", "2026-01-02T03:04:05Z"


def tree(folder: Path = FOLDER, old: str | None = None) -> ET.Element:
    return ET.fromstring(index.index(folder, URL, COMMIT, TIME, old))


def test_the_index_installs_every_file_once() -> None:
    sources = list(tree().iter("source"))
    files = [source.get("file") for source in sources]
    expected = {path.name for path in ACTIONS} | {
        path.relative_to(FOLDER).as_posix() for path in FOLDER.glob("lib/**/*.lua")
    }
    expected.update(OTHERS)
    assert len(files) == len(set(files))
    assert set(files) == expected
    for source in sources:
        assert source.text == source.text.strip()
        assert unquote(source.text) == f"{URL}/{COMMIT}/reaper_scripts/{source.get('file')}"
        assert re.fullmatch(r"[!-~]+", source.text), "a URL is ASCII without spaces"
        digest = hashlib.sha256((FOLDER / source.get("file")).read_bytes()).hexdigest()
        assert source.get("hash") == f"1220{digest}", "ReaPack checks what it downloads (its src/hash.cpp)"


def test_only_actions_appear_in_the_action_list() -> None:
    main = {source.get("file") for source in tree().iter("source") if source.get("main") == "main"}
    assert main == {path.name for path in ACTIONS}


def test_icons_go_into_reapers_folder_of_data() -> None:
    data = [source.get("file") for source in tree().iter("source") if source.get("type") == "data"]
    assert data == ICONS
    assert "toolbar_icons/acebridge_repaint.png" in data
    assert "toolbar_icons/200/acebridge_repaint.png" in data


def test_the_index_tells_version_changes_and_purpose() -> None:
    root = tree()
    assert root.attrib == {"version": "1", "name": "AceBridge", "commit": COMMIT}
    (category,) = root.iter("category")
    assert category.get("name") == "Generation"
    (package,) = category.iter("reapack")
    assert package.get("type") == "script"
    (version,) = package.iter("version")
    tags = index.header((FOLDER / "AceBridge.lua").read_text("utf-8"))
    assert version.attrib == {"name": tags["version"], "author": tags["author"], "time": TIME}
    assert version.findtext("changelog") == tags["changelog"]
    assert version.findtext("changelog").startswith("+ First version")
    assert package.findtext("metadata/description").startswith(r"{\rtf1")


def test_an_older_version_keeps_its_commit(tmp_path: Path) -> None:
    later_scripts = tmp_path / "scripts"
    shutil.copytree(FOLDER, later_scripts)
    for name, old, new in (
        ("AceBridge.lua", "@version 0.1.0", "@version 0.2.0"),
        ("lib/shared/version.lua", 'M.SCRIPTS = "0.1.0"', 'M.SCRIPTS = "0.2.0"'),
    ):
        text = (FOLDER / name).read_text("utf-8")
        assert old in text
        (later_scripts / name).write_text(text.replace(old, new), "utf-8")
    first = index.index(FOLDER, URL, COMMIT, TIME)
    later = ET.fromstring(index.index(later_scripts, URL, "f" * 40, TIME, first))
    versions = {version.get("name"): version.find("source").text for version in later.iter("version")}
    assert list(versions) == ["0.1.0", "0.2.0"]
    assert COMMIT in versions["0.1.0"]
    assert "f" * 40 in versions["0.2.0"]
    assert later.get("commit") == "f" * 40


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("-- @version 0.1.0", "-- @version one", "has to begin with a digit"),
        ("-- @version 0.1.0", "-- @version 0.2.0", "@version is 0.2.0, lib/shared/version.lua says 0.1.0"),
        ("-- @author The AceBridge authors\n", "", "has no @author"),
        ("lib/**/*.lua", "nowhere/*.lua", "fits no file"),
    ],
)
def test_a_header_that_reapack_cannot_use_is_refused(tmp_path: Path, old: str, new: str, says: str) -> None:
    text = (FOLDER / "AceBridge.lua").read_text("utf-8")
    assert old in text
    (tmp_path / "AceBridge.lua").write_text(text.replace(old, new), "utf-8")
    (tmp_path / "AceBridge_Cover.lua").write_text("-- @noindex\n", "utf-8")
    for path in ("shared/version.lua", "install/release.json", "install/install.sh", "install/install.ps1"):
        copy = tmp_path / "lib" / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(FOLDER / "lib" / path, copy)
    (tmp_path / "toolbar_icons").mkdir()
    (tmp_path / "toolbar_icons" / "acebridge_cover.png").write_bytes(b"")
    with pytest.raises(index.HeaderFault, match=says):
        tree(tmp_path)


@pytest.mark.parametrize("path", ACTIONS, ids=lambda path: path.stem)
def test_every_action_has_a_header_and_a_name_of_its_own(path: Path) -> None:
    tags = index.header(path.read_text("utf-8"))
    assert tags["description"] == "AceBridge: " + path.stem.removeprefix("AceBridge_")
    assert tags["version"] == release.scripts_version()
    assert tags["author"]
    assert tags["about"].endswith(".")
    assert "noindex" in tags


def test_the_command_line_writes_the_index(tmp_path: Path) -> None:
    command = [sys.executable, FOLDER / "index.py", "--url", URL, "--into", tmp_path / "index.xml", "--commit"]
    done = subprocess.run([*command, COMMIT], capture_output=True, text=True, check=True)
    assert f"{len(ACTIONS) + len(list(FOLDER.glob('lib/**/*.lua'))) + len(OTHERS)} files" in done.stdout
    assert ET.parse(tmp_path / "index.xml").getroot().get("commit") == COMMIT
    wrong = subprocess.run([*command, "main"], capture_output=True, text=True)
    assert wrong.returncode == 1
    assert "40 hex digits" in wrong.stderr


def test_letters_beyond_ascii_come_as_the_units_of_utf_16() -> None:
    """Word Processing: RTF 1.9.1, "Unicode RTF": signed numbers of 16 bits, and two of them for what is beyond U+FFFF."""
    assert index._rtf("aé노") == "{\\rtf1\\ansi a\\u233?\\u-20104?}"
    high, low = 0xD83C - 0x10000, 0xDFB8 - 0x10000  # U+1F3B8, a guitar
    assert index._rtf("🎸{") == f"{{\\rtf1\\ansi \\u{high}?\\u{low}?\\{{}}"


def test_a_website_is_linked() -> None:
    root = ET.fromstring(index.index(FOLDER, URL, COMMIT, TIME, website="https://example.org/"))
    (link,) = root.findall("category/reapack/metadata/link")
    assert (link.attrib, link.text) == ({"rel": "website", "href": "https://example.org/"}, "Website")
    assert tree().findall("category/reapack/metadata/link") == []


def test_the_address_comes_from_the_release_file() -> None:
    """Before a release there is none: then no index is published, and the page says how it is made."""
    known = json.loads((FOLDER / "lib" / "install" / "release.json").read_text("utf-8"))
    published = FOLDER / "index.xml"
    if known["scripts_url"]:
        versions = [version.get("name") for version in ET.parse(published).getroot().iter("version")]
        assert release.scripts_version() in versions
        return
    done = subprocess.run([sys.executable, FOLDER / "index.py", "--commit", COMMIT], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("There is no address: give --url, or write one into lib/install/release.json")
    assert not published.exists()
    assert "make reapack" in (ROOT / "docs" / "reaper.md").read_text("utf-8")
