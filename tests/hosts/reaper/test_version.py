"""version.lua and the command's own rule: the same two versions work together for both."""

from __future__ import annotations

import pytest

from acebridge.hosts.jobfolder.script_version import version_clash
from acebridge.version import VERSION
from tests.support.lua_modules import Leaves


def lua_clash(scripts: str, command: str) -> tuple[str, ...] | None:
    leaves = Leaves()
    leaves["shared/version"].table[b"SCRIPTS"] = scripts.encode()
    found = leaves["shared/version"].clash(command.encode())
    return tuple(text.decode() for text in found) if isinstance(found, tuple) else None


def test_scripts_and_command_of_one_checkout_are_of_one_version() -> None:
    assert Leaves()["shared/version"].table[b"SCRIPTS"].decode() == VERSION


@pytest.mark.parametrize(
    ("scripts", "command", "older"),
    [
        ("0.3.0", "0.3.0", None), ("0.3.0", "0.3.9", None), ("0.3.1", "0.3.0", None),
        ("0.3.0", "0.1.0", "command"), ("0.1.0", "0.3.0", "scripts"), ("0.9.0", "0.10.0", "scripts"),
        ("0.10.0", "0.9.0", "command"), ("1.0.0", "0.9.0", "command"), ("0.9.0", "1.0.0", "scripts"),
        ("1.0.0", "1.7.0", None), ("1.7.0", "1.0.0", None), ("2.0.0", "1.7.0", "command"), ("1.7.0", "2.0.0", "scripts"),
        ("0.3.0.dev1", "0.3.0", None), ("", "0.3.0", None), ("0.3.0", "", None), ("new", "0.3.0", None),
    ],
)  # fmt: skip
def test_both_sides_have_the_same_rule(scripts: str, command: str, older: str | None) -> None:
    message = f"The scripts are {scripts}, the command is {command}: update the {older}."
    for clash in (lua_clash(scripts, command), version_clash(scripts, command)):
        if older is None:
            assert clash is None
        else:
            assert clash is not None
            assert clash[0] == message
            assert clash[1].startswith(f"Update the {older}: ")


def test_a_command_that_says_no_version_is_not_blamed() -> None:
    assert Leaves()["shared/version"].clash(None) is None
