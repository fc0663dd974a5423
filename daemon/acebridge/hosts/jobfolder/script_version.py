"""Whether scripts of one version of AceBridge work with a command of another.

Versions with the same first number work together; before 1.0 they also need the same second one. `lib/shared/version.lua` of
the scripts has the same rule.
"""

from __future__ import annotations

import re

from acebridge.version import VERSION
from acestep_runtime.errors import InvalidValue

_NUMBERS = re.compile(r"(\d+)\.(\d+)")
_UPDATE = {
    "command": "Update the command: with what the scripts offer for that, or as docs/install.md says.",
    "scripts": "Update the scripts: install those that come with this command, as docs/install.md says.",
}


def version_clash(scripts: str, command: str = VERSION) -> tuple[str, str] | None:
    """Return why scripts of a version cannot work with a command of another, and a remedy; ``None`` where they can.

    A text that is no version clashes with none: nobody can say which side is older.
    """
    theirs, ours = _NUMBERS.match(scripts), _NUMBERS.match(command)
    if theirs is None or ours is None:
        return None
    (major, minor), (own_major, own_minor) = ((int(match[1]), int(match[2])) for match in (theirs, ours))
    if major == own_major and (major > 0 or minor == own_minor):
        return None
    older = "command" if (major, minor) > (own_major, own_minor) else "scripts"
    return f"The scripts are {scripts}, the command is {command}: update the {older}.", _UPDATE[older]


def check_scripts(version: str) -> None:
    """Raise `InvalidValue` for scripts that cannot work with this command; an empty version is not known."""
    clash = version_clash(version)
    if clash is not None:
        message, remedy = clash
        raise InvalidValue("host.scripts", version, VERSION, message=message, remedy=remedy)
