"""Makes ReaPack's ``index.xml`` from the headers of the packages in this folder.

A package is a ``.lua`` file whose header has ``@version`` and no ``@noindex``; its ``@provides`` names the files that it
installs. The format is ReaPack's (packaging documentation of reapack-index, version 1). The index pins a commit for every
version, so versions that an older index holds stay as they are.

    python reaper_scripts/index.py --url https://host/owner/repo/raw --commit COMMIT [--into index.xml]
"""

from __future__ import annotations

import argparse
import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import quote

FOLDER = Path(__file__).resolve().parent
NAME = "AceBridge"
_TAG = re.compile(r"^-- @(\w+)\s?(.*)$")
_PROVIDED = re.compile(r"^\s*(?:\[([^\]]*)\]\s*)?(.+?)\s*$")


class HeaderFault(ValueError):
    """A header that ReaPack could not use."""


@dataclass(frozen=True)
class Provided:
    """A file that a package installs, relative to its folder, and whether it appears in REAPER's action list."""

    path: str
    main: bool


def header(text: str) -> dict[str, str]:
    """Return the tags at the top of a script: tag → text, its further lines joined by newlines."""
    tags: dict[str, list[str]] = {}
    current = None
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        found = _TAG.match(line)
        if found:
            current = tags.setdefault(found[1], [])
            current.append(found[2])
        elif current is not None:
            current.append(line[2:].removeprefix("   ").removeprefix(" ").rstrip())
    return {tag: "\n".join(lines).strip("\n") for tag, lines in tags.items()}


def provided(package: Path, tags: Mapping[str, str]) -> Iterator[Provided]:
    """Yield the files that a package installs. Raises `HeaderFault` for a pattern that fits no file."""
    if "metapackage" not in tags:
        yield Provided(package.name, True)
    for line in tags.get("provides", "").splitlines():
        found = _PROVIDED.match(line)
        if not found:
            continue
        options, pattern = set((found[1] or "").split()), found[2]
        paths = sorted(path for path in package.parent.glob(pattern) if path != package)
        if not paths:
            raise HeaderFault(f"{package.name}: @provides names {pattern}, which fits no file.")
        for path in paths:
            yield Provided(path.relative_to(package.parent).as_posix(), "main" in options)


def checked(package: Path) -> dict[str, str]:
    """Return the header of a package. Raises `HeaderFault` when something is missing."""
    tags = header(package.read_text("utf-8"))
    for tag in ("description", "version", "author", "about", "changelog"):
        if not tags.get(tag):
            raise HeaderFault(f"{package.name} has no @{tag}.")
    if not re.match(r"\d", tags["version"]):
        raise HeaderFault(f"{package.name}: @version {tags['version']} has to begin with a digit.")
    return tags


def packages(folder: Path) -> list[Path]:
    """Return the scripts that are packages of their own."""
    headers = {path: header(path.read_text("utf-8")) for path in sorted(folder.glob("*.lua"))}
    return [path for path, tags in headers.items() if "version" in tags and "noindex" not in tags]


def add_version(index: ET.Element, package: Path, url: str, commit: str, time: str) -> None:
    """Add the present version of a package to an index, unless it is there."""
    tags = checked(package)
    category = _child(index, "category", name=NAME)
    entry = _child(category, "reapack", name=package.name)
    entry.attrib.update(type="script", desc=tags["description"])
    metadata = _child(entry, "metadata")
    _child(metadata, "description").text = _rtf(tags["about"])
    if any(version.get("name") == tags["version"] for version in entry.iter("version")):
        return
    version = ET.SubElement(entry, "version", name=tags["version"], author=tags["author"], time=time)
    ET.SubElement(version, "changelog").text = tags["changelog"]
    for file in provided(package, tags):
        source = ET.SubElement(version, "source", file=file.path)
        if file.main:
            source.set("main", "main")
        source.text = f"{url.rstrip('/')}/{commit}/{FOLDER.name}/{quote(file.path)}"


def _child(parent: ET.Element, tag: str, **attributes: str) -> ET.Element:
    for child in parent.findall(tag):
        if all(child.get(name) == value for name, value in attributes.items()):
            return child
    return ET.SubElement(parent, tag, attributes)


def _rtf(text: str) -> str:
    """Return plain text as the rich text that ReaPack shows."""
    escaped = re.sub(r"([\\{}])", r"\\\1", text)
    escaped = "".join(char if ord(char) < 128 else f"\\u{ord(char)}?" for char in escaped)
    return "{\\rtf1\\ansi " + escaped.replace("\n", "\\line\n") + "}"


def index(folder: Path, url: str, commit: str, time: str, old: str | None = None) -> str:
    """Return the text of ``index.xml`` for the packages of ``folder``; ``old`` is the index it goes on from."""
    root = ET.fromstring(old) if old else ET.Element("index", version="1", name=NAME)
    root.set("commit", commit)
    for package in packages(folder):
        add_version(root, package, url, commit, time)
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def main() -> None:
    """Write the index."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", required=True, help="where files of a commit are served: URL/COMMIT/reaper_scripts/…")
    parser.add_argument("--commit", required=True, help="full id of the commit that holds this version")
    parser.add_argument("--into", type=Path, default=FOLDER / "index.xml", help="the index to write (index.xml here)")
    given = parser.parse_args()
    if not re.fullmatch(r"[0-9a-f]{40}", given.commit):
        sys.exit(f"--commit is {given.commit!r}; allowed: the 40 hex digits that `git rev-parse HEAD` prints.")
    old = given.into.read_text("utf-8") if given.into.exists() else None
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    try:
        text = index(FOLDER, given.url, given.commit, now, old)
    except HeaderFault as fault:
        sys.exit(str(fault))
    given.into.write_text(text, "utf-8")
    print(f"{given.into}: {text.count('<source ')} files")


if __name__ == "__main__":
    main()
