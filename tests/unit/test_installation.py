"""The command that installs AceBridge again, for every way in which it can have been installed."""

from __future__ import annotations

import json
import shlex
import sys
from importlib.metadata import PackageNotFoundError, PathDistribution
from pathlib import Path

import pytest

from acestep_runtime import installation
from acestep_runtime.installation import install_command, install_remedy

PIP = [sys.executable, "-m", "pip", "install"]
UV = ["uv", "pip", "install", "--python", sys.executable]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A wheel in a folder whose name a shell would split."""
    wheel = tmp_path / "my wheels" / "acebridge-0.1.0-py3-none-any.whl"
    wheel.parent.mkdir()
    wheel.touch()
    return wheel


class Environment:
    """An environment with AceBridge in it."""

    def __init__(self, prefix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.prefix, self.info = prefix, prefix / "acebridge-0.1.0.dist-info"
        self.info.mkdir(parents=True)
        monkeypatch.setattr(installation.sys, "prefix", str(prefix))
        monkeypatch.setattr(installation, "distribution", lambda _: PathDistribution(self.info))

    def record(self, installer: str, **origin: object) -> None:
        (self.info / "INSTALLER").write_text(f"{installer}\n")
        (self.info / "direct_url.json").write_text(json.dumps(origin))


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    return Environment(tmp_path / "environment", monkeypatch)


@pytest.mark.parametrize(
    ("installer", "file", "words"),
    [
        ("pip", "", PIP),
        ("uv", "", UV),
        ("uv", "uv-receipt.toml", ["uv", "tool", "install", "--force"]),
        ("pip", "pipx_metadata.json", ["pipx", "install", "--force"]),
    ],
)
def test_from_a_wheel(environment: Environment, source: Path, installer: str, file: str, words: list[str]) -> None:
    environment.record(installer, url=source.as_uri(), archive_info={})
    if file:
        (environment.prefix / file).touch()
    assert shlex.split(install_command("neural")) == [*words, f"{source}[neural]"]
    assert shlex.split(install_command()) == [*words, str(source)]
    assert install_remedy("neural") == f"Run `{install_command('neural')}`."
    source.unlink()
    assert install_command("neural") == ""
    says = "Install AceBridge with the extra neural, as docs/install.md of its sources says."
    assert install_remedy("neural") == says


@pytest.mark.parametrize("editable", [True, False])
def test_from_a_checkout(environment: Environment, source: Path, editable: bool) -> None:
    environment.record("pip", url=source.parent.as_uri(), dir_info={"editable": editable})
    assert shlex.split(install_command("neural")) == [
        *PIP, *(["--editable"] if editable else []), f"{source.parent}[neural]"
    ]  # fmt: skip


@pytest.mark.parametrize("origin", [{}, {"url": "https://example.org/acebridge.whl"}])
def test_from_elsewhere(environment: Environment, origin: dict[str, object]) -> None:
    environment.record("pip", **origin)
    assert install_remedy() == "Install AceBridge again, as docs/install.md of its sources says."


def test_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(_: str) -> None:
        raise PackageNotFoundError

    monkeypatch.setattr(installation, "distribution", nothing)
    assert install_command() == ""


def test_in_a_folder_that_scripts_keep(tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A uv of the user would install into its own folder, where the scripts do not look first."""
    environment = Environment(tmp_path / "AceBridge" / "tools" / "1" / "acebridge", monkeypatch)
    environment.record("uv", url=source.as_uri(), archive_info={})
    (environment.prefix / "uv-receipt.toml").touch()
    assert install_command().startswith("uv tool install --force ")
    uv = tmp_path / "AceBridge" / "bin" / "uv"
    uv.parent.mkdir()
    uv.touch()
    assert install_command() == ""
    assert (
        install_remedy("neural") == "Install AceBridge with the extra neural, as docs/install.md of its sources says."
    )
