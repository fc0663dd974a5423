"""Makes ReaPack's ``index.xml`` from the headers of the packages in this folder.

A package is a ``.lua`` file whose header has ``@version`` and no ``@noindex``; its ``@provides`` names the files that it
installs. The format is ReaPack's (packaging documentation of reapack-index, version 1). The index pins a commit for every
version, so versions that an older index holds stay as they are. Where the files are served stands in
``lib/install/release.json``, as ``scripts_url``; ReaPack checks each file that it downloads by the SHA-256 that
the index has for it.

    python reaper_scripts/index.py --commit COMMIT [--url https://host/owner/repo/raw] [--into index.xml]
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import quote

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER))
import release  # noqa: E402 - it lies beside this file, in no package

#: The name of the repository in ReaPack, and the category of the package in it: Scripts/NAME/CATEGORY is where it is installed.
NAME, CATEGORY = "AceBridge", "Generation"
#: How ReaPack writes that a hash is a SHA-256 of 32 bytes (multihash).
_SHA256 = "1220"
_TAG = re.compile(r"^-- @(\w+)\s?(.*)$")
_PROVIDES_LINE = re.compile(r"^\s*(?:\[([^\]]*)\]\s*)?(.+?)\s*$")


class HeaderFault(ValueError):
    """A header that ReaPack could not use."""


@dataclass(frozen=True)
class PackageFile:
    """A file that a package installs, relative to its folder; whether it appears in REAPER's action list.

    ``data``: it goes below REAPER's folder ``Data`` instead.
    """

    path: str
    main: bool
    data: bool = False


def header(text: str) -> dict[str, str]:
    """Return the tags at the top of a script: tag → text, its further lines joined by newlines."""
    tags: dict[str, list[str]] = {}
    current = None
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        match = _TAG.match(line)
        if match:
            current = tags.setdefault(match[1], [])
            current.append(match[2])
        elif current is not None:
            current.append(line[2:].removeprefix("   ").removeprefix(" ").rstrip())
    return {tag: "\n".join(lines).strip("\n") for tag, lines in tags.items()}


def package_files(package: Path, tags: Mapping[str, str]) -> Iterator[PackageFile]:
    """Yield the files that a package installs. Raises `HeaderFault` for a pattern that fits no file."""
    if "metapackage" not in tags:
        yield PackageFile(package.name, True)
    for line in tags.get("provides", "").splitlines():
        match = _PROVIDES_LINE.match(line)
        if not match:
            continue
        options, pattern = set((match[1] or "").split()), match[2]
        paths = sorted(path for path in package.parent.glob(pattern) if path != package)
        if not paths:
            raise HeaderFault(f"{package.name}: @provides names {pattern}, which fits no file.")
        for path in paths:
            yield PackageFile(path.relative_to(package.parent).as_posix(), "main" in options, "data" in options)


def read_header(package: Path) -> dict[str, str]:
    """Return the header of a package. Raises `HeaderFault` when something is missing or of another version."""
    tags = header(package.read_text("utf-8"))
    for tag in ("description", "version", "author", "about", "changelog"):
        if not tags.get(tag):
            raise HeaderFault(f"{package.name} has no @{tag}.")
    if not re.match(r"\d", tags["version"]):
        raise HeaderFault(f"{package.name}: @version {tags['version']} has to begin with a digit.")
    version = release.scripts_version(package.parent)
    if tags["version"] != version:
        raise HeaderFault(f"{package.name}: @version is {tags['version']}, lib/shared/version.lua says {version}.")
    return tags


def packages(folder: Path) -> list[Path]:
    """Return the scripts that are packages."""
    headers = {path: header(path.read_text("utf-8")) for path in sorted(folder.glob("*.lua"))}
    return [path for path, tags in headers.items() if "version" in tags and "noindex" not in tags]


def add_version(index: ET.Element, package: Path, url: str, commit: str, time: str, website: str = "") -> None:
    """Add the present version of a package to an index, unless it is there."""
    tags = read_header(package)
    category = _child(index, "category", name=CATEGORY)
    entry = _child(category, "reapack", name=package.name)
    entry.attrib.update(type="script", desc=tags["description"])
    metadata = _child(entry, "metadata")
    _child(metadata, "description").text = _rtf(tags["about"])
    if website:
        _child(metadata, "link", rel="website").attrib["href"] = website
        _child(metadata, "link", rel="website").text = "Website"
    if any(version.get("name") == tags["version"] for version in entry.iter("version")):
        return
    version = ET.SubElement(entry, "version", name=tags["version"], author=tags["author"], time=time)
    ET.SubElement(version, "changelog").text = tags["changelog"]
    for file in package_files(package, tags):
        source = ET.SubElement(version, "source", file=file.path)
        if file.main:
            source.set("main", "main")
        source.set("hash", _SHA256 + hashlib.sha256((package.parent / file.path).read_bytes()).hexdigest())
        if file.data:
            source.set("type", "data")
        source.text = f"{url.rstrip('/')}/{commit}/{FOLDER.name}/{quote(file.path)}"


def _child(parent: ET.Element, tag: str, **attributes: str) -> ET.Element:
    for child in parent.findall(tag):
        if all(child.get(name) == value for name, value in attributes.items()):
            return child
    return ET.SubElement(parent, tag, attributes)


def _rtf(text: str) -> str:
    """Return plain text as the rich text that ReaPack shows."""
    rich_text = re.sub(r"([\\{}])", r"\\\1", text)
    rich_text = "".join(char if ord(char) < 128 else _rtf_letter(char) for char in rich_text)
    return "{\\rtf1\\ansi " + rich_text.replace("\n", "\\line\n") + "}"


def _rtf_letter(char: str) -> str:
    """Return a letter as RTF has it: the units of UTF-16 as signed numbers, each with what stands in for it."""
    units = char.encode("utf-16-le")
    numbers = [int.from_bytes(units[at : at + 2], "little", signed=True) for at in range(0, len(units), 2)]
    return "".join(f"\\u{number}?" for number in numbers)


def index(folder: Path, url: str, commit: str, time: str, old: str | None = None, website: str = "") -> str:
    """Return the text of ``index.xml`` for the packages of ``folder``; ``old`` is the index it goes on from."""
    root = ET.fromstring(old) if old else ET.Element("index", version="1", name=NAME)
    root.set("commit", commit)
    for package in packages(folder):
        add_version(root, package, url, commit, time, website)
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def main() -> None:
    """Write the index."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default="", help="where files of a commit are served: URL/COMMIT/reaper_scripts/…")
    parser.add_argument("--commit", required=True, help="full id of the commit that holds this version")
    parser.add_argument("--into", type=Path, default=FOLDER / "index.xml", help="the index to write (index.xml here)")
    args = parser.parse_args()
    if not re.fullmatch(r"[0-9a-f]{40}", args.commit):
        sys.exit(f"--commit is {args.commit!r}; allowed: the 40 hex digits that `git rev-parse HEAD` prints.")
    known = release.settings(FOLDER)
    url = args.url or str(known["scripts_url"])
    if not url:
        sys.exit(
            "There is no address: give --url, or write one into lib/install/release.json with `make release-file`."
        )
    old = args.into.read_text("utf-8") if args.into.exists() else None
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    try:
        url = release.check_address(url, "--url")
        text = index(FOLDER, url, args.commit, now, old, str(known["website"]))
    except (HeaderFault, release.ReleaseFault) as fault:
        sys.exit(str(fault))
    args.into.write_text(text, "utf-8")
    print(f"{args.into}: {text.count('<source ')} files")


if __name__ == "__main__":
    main()
