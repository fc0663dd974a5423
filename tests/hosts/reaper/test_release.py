"""release.py and release.lua: the file that says what "Install now" downloads."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from acebridge.version import VERSION
from tests.support.lua_modules import Leaves
from tests.support.paths import REAPER_SCRIPTS as FOLDER
from tests.support.reapack_scripts import release

URL = "https://example.org/acebridge/0.1.0"


@pytest.fixture
def archives(tmp_path: Path) -> Path:
    folder = tmp_path / "archives"
    folder.mkdir()
    for target in release.PLATFORMS:
        (folder / f"uv-{target}.{'zip' if 'windows' in target else 'tar.gz'}").write_bytes(target.encode())
    return folder


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / f"acebridge-{VERSION}-py3-none-any.whl"
    path.write_bytes(b"the wheel")
    return path


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """A folder of scripts with nothing but their version."""
    folder = tmp_path / "scripts"
    for file in (release.RELEASE, release.VERSION_FILE):
        (folder / file).parent.mkdir(parents=True)
    (folder / release.VERSION_FILE).write_text((FOLDER / release.VERSION_FILE).read_text("utf-8"), "utf-8")
    return folder


def parse(text: str, system: str = "Other", app: str = "7.40/linux-x86_64") -> dict[str, Any]:
    """Return what the scripts make of the file."""
    leaves = Leaves(
        system, GetAppVersion=lambda: app.encode(), get_action_context=lambda: (False, b"/scripts/AceBridge_Doctor.lua")
    )
    return plain(leaves["install/release"].parse(text.encode()))


def plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    return {plain(key): plain(each) for key, each in value.items()} if hasattr(value, "items") else value


@pytest.mark.parametrize(
    ("system", "app", "archive"),
    [
        ("Other", "7.40/linux-x86_64", "uv-x86_64-unknown-linux-musl.tar.gz"),
        ("Other", "6.24/linux-aarch64", "uv-aarch64-unknown-linux-musl.tar.gz"),
        ("macOS-arm64", "7.40/macOS-arm64", "uv-aarch64-apple-darwin.tar.gz"),
        ("OSX64", "7.40/OSX64", "uv-x86_64-apple-darwin.tar.gz"),
        ("Win64", "7.40/x64", "uv-x86_64-pc-windows-msvc.zip"),
        ("Win32", "7.40", "uv-i686-pc-windows-msvc.zip"),
    ],
)
def test_each_system_finds_its_own_archive(
    scripts: Path, wheel: Path, archives: Path, system: str, app: str, archive: str
) -> None:
    found = parse(release.release(scripts, f"{URL}/", wheel, archives), system, app)
    content = b"the wheel"
    assert found["python"] == release.PYTHON
    assert found["wheel"] == {
        "url": f"{URL}/{wheel.name}", "sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "name": wheel.name,
    }  # fmt: skip
    assert found["uv"]["url"] == f"{URL}/{archive}"
    assert found["uv"]["sha256"] == hashlib.sha256((archives / archive).read_bytes()).hexdigest()


def test_a_system_without_an_archive_finds_none(scripts: Path, wheel: Path, archives: Path) -> None:
    found = parse(release.release(scripts, URL, wheel, archives), app="7.40/linux-armv7l")
    assert "uv" not in found
    assert "wheel" in found


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", "null", '{"version": "0.1.0"}',
        json.dumps({"version": VERSION, "wheel": {"url": "file:///etc/passwd", "sha256": "0" * 64}}),
        json.dumps({"version": VERSION, "wheel": {"url": "https://a/b.whl", "sha256": "0" * 63}}),
        json.dumps({"version": VERSION, "wheel": {"url": "https://a/b c.whl", "sha256": "0" * 64}}),
        json.dumps({"version": VERSION, "wheel": {"url": "https://a/b.whl\n--output", "sha256": "0" * 64}}),
        json.dumps({"version": "9.9.9", "wheel": {"url": "https://a/b.whl", "sha256": "0" * 64}}),
    ],
)  # fmt: skip
def test_what_is_no_release_of_these_scripts_names_nothing(text: str) -> None:
    assert parse(text) == {"python": release.PYTHON}


def test_the_file_has_a_hash_of_its_own(scripts: Path, wheel: Path, archives: Path) -> None:
    file = release.write(scripts, release.release(scripts, URL, wheel, archives))
    assert file == scripts / "lib" / "install" / "release.json"
    expected = f"{hashlib.sha256(file.read_bytes()).hexdigest()}  release.json\n"
    assert file.with_name("release.json.sha256").read_text("utf-8") == expected


def test_the_file_of_this_checkout_is_as_the_program_writes_it() -> None:
    file = FOLDER / release.RELEASE
    content = json.loads(file.read_text("utf-8"))
    assert content["version"] == VERSION
    if content["wheel"] is None:
        assert file.read_text("utf-8") == release.empty_release(FOLDER)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert file.with_name("release.json.sha256").read_text("utf-8").split() == [digest, "release.json"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"url": "http://example.org/x"},
            "--url is 'http://example.org/x'; allowed: an address that begins with https://.",
        ),
        ({"url": "example.org"}, "--url is 'example.org'"),
        ({"scripts_url": "ftp://example.org"}, "--scripts-url is 'ftp://example.org'"),
        ({"website": "no"}, "--website is 'no'"),
        (
            {"wheel": Path("acebridge-9.9.9-py3-none-any.whl")},
            "the scripts are 0.1.0; allowed: a wheel of that version",
        ),
        ({"wheel": Path("numpy-0.1.0-py3-none-any.whl")}, "allowed: a wheel of that version"),
    ],
)
def test_what_no_release_can_be_made_of_is_refused(
    scripts: Path, wheel: Path, archives: Path, changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(release.ReleaseFault, match=re.escape(says)):
        release.release(**{"folder": scripts, "url": URL, "wheel": wheel, "archives": archives, **changes})


def test_a_missing_archive_is_named(scripts: Path, wheel: Path, archives: Path) -> None:
    (archives / "uv-x86_64-apple-darwin.tar.gz").unlink()
    with pytest.raises(release.ReleaseFault, match=r"lacks the archives of uv for x86_64-apple-darwin\."):
        release.release(scripts, URL, wheel, archives)


def test_the_command_line_says_what_it_needs() -> None:
    done = subprocess.run([sys.executable, FOLDER / "release.py", "--url", URL], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "--url, --wheel and --uv are needed, or --empty.\n")
