"""Job folders as scripts name them: ``file:`` URLs."""

from __future__ import annotations

import os
from urllib.parse import unquote_to_bytes

from acestep_runtime.errors import InvalidValue


def folder_of(text: str, *, windows: bool = os.name == "nt") -> str:
    """Return the path that a ``file:`` URL, or a path as people write it, names.

    URLs are what the scripts give: ASCII only, so that no parser of command lines can take them for anything else.
    Raises `InvalidValue` for a URL of another machine, and for one that is not text.
    """
    if not text.lower().startswith("file:"):
        return text
    rest = text[len("file:") :]
    host, path = "", rest
    if rest.startswith("//"):
        host, slash, path = rest[2:].partition("/")
        path = slash + path
    raw = unquote_to_bytes(path)
    try:
        name = raw.decode("utf-8") if windows else os.fsdecode(raw)
    except UnicodeDecodeError:
        raise InvalidValue("FOLDER", text, "a URL in UTF-8") from None
    if not name or "\0" in name:
        raise InvalidValue("FOLDER", text, "a URL such as file:///home/me/job")
    local = host.lower() in ("", "localhost")
    if not windows:
        if not local:
            raise InvalidValue("FOLDER", text, "a URL of this machine, such as file:///home/me/job")
        return name
    if not local:
        return "\\\\" + host + name.replace("/", "\\")
    drive = name.lstrip("/")[1:2] == ":"
    return (name.lstrip("/") if drive else name).replace("/", "\\")
