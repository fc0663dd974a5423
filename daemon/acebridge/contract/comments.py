"""The comments of the contract: what each message, field, enum value and method means, as the ``.proto`` files beside the
generated code say it. Generated code has none, and clients that describe requests to people and to programs need them.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import acebridge.v1

_SCOPE = re.compile(r"(?:message|enum|service)\s+(\w+)\s*\{(\s*\})?")
_ENTRY = re.compile(
    r"(?:rpc\s+(?P<rpc>\w+)|(?:optional\s+|repeated\s+)?(?:(?:[\w.]+|map<[\w., ]+>)\s+)?(?P<name>\w+)\s*=\s*\d+)\b"
)
_ONEOF = re.compile(r"oneof\s+\w+\s*\{")


@cache
def comments() -> dict[str, str]:
    """Return the comment of everything that has one, in one line, by its full name without the package.

    Such as ``Music``, ``Music.bpm``, ``TaskService.Cover``, and for a value of an enum ``Scope.SCOPE_WHOLE``.
    """
    found: dict[str, str] = {}
    for file in sorted(Path(acebridge.v1.__file__).parent.glob("*.proto")):
        found.update(_read(file.read_text("utf-8")))
    return found


def _read(text: str) -> dict[str, str]:
    """Return the comments of one file. Each line holds a comment, the beginning or the end of a scope, or an entry."""
    found: dict[str, str] = {}
    scopes: list[str] = []
    said: list[str] = []
    for line in map(str.strip, text.splitlines()):
        if line.startswith("//"):
            said.append(line.removeprefix("//").strip())
            continue
        scope, entry = _SCOPE.match(line), _ENTRY.match(line)
        name = scope[1] if scope else (entry["rpc"] or entry["name"]) if entry else ""
        if name and said:
            found[".".join(filter(None, (*scopes, name)))] = " ".join(filter(None, said))
        said = []
        if scope is not None and not scope[2]:
            scopes.append(scope[1])
        elif _ONEOF.match(line):
            scopes.append("")  # its fields are those of the message around it
        elif line.startswith("}") and scopes:
            scopes.pop()
    return found
