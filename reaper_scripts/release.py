"""Writes ``lib/install/release.json``: what "Install now" downloads, where it is served, and the SHA-256 of each file.

The wheel and the archives of uv are files on this machine when this runs, and lie below one address afterwards. Until there is
a release the file names none. ``release.json.sha256`` beside it is its own SHA-256, as ``sha256sum --check`` reads it.

    python reaper_scripts/release.py --url https://host/0.1.0 --wheel dist/acebridge-0.1.0-py3-none-any.whl --uv archives
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from pathlib import Path
from urllib.parse import quote, urlsplit

FOLDER = Path(__file__).resolve().parent
RELEASE, VERSION_FILE = Path("lib/install/release.json"), Path("lib/shared/version.lua")
PYTHON = "3.12"
#: The target in the name of uv's archive → what `lib/install/release.lua` calls the system and CPU. On Linux the one that needs
#: no particular C library.
PLATFORMS = {
    "aarch64-apple-darwin": "macos-aarch64",
    "x86_64-apple-darwin": "macos-x86_64",
    "i686-pc-windows-msvc": "windows-i686",
    "x86_64-pc-windows-msvc": "windows-x86_64",
    "aarch64-unknown-linux-musl": "linux-aarch64",
    "x86_64-unknown-linux-musl": "linux-x86_64",
}
_ARCHIVE = re.compile(r"uv-(.+?)\.(?:tar\.gz|zip)")
_OWN_VERSION = re.compile(r'^  M\.SCRIPTS = "([^"]+)"', re.MULTILINE)
_THIS_MACHINE = {"127.0.0.1", "localhost"}
#: What the file holds before anything is released.
EMPTY = {"scripts_url": "", "website": "", "wheel": None, "uv": {}}


class ReleaseFault(ValueError):
    """Something that a release cannot be made of."""


def scripts_version(folder: Path = FOLDER) -> str:
    """Return the version of the scripts in a folder, which `lib/shared/version.lua` alone says."""
    match = _OWN_VERSION.search((folder / VERSION_FILE).read_text("utf-8"))
    if match is None:
        raise ReleaseFault(f"{folder / VERSION_FILE} holds no version.")
    return match[1]


def check_address(url: str, what: str) -> str:
    """Return an address without a slash at its end. Raises `ReleaseFault` where it is none, or not a safe one."""
    parts = urlsplit(url)
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _THIS_MACHINE)
    if not is_safe or not parts.hostname or not url.isascii() or " " in url:
        raise ReleaseFault(f"{what} is {url!r}; allowed: an address that begins with https://.")
    return url.rstrip("/")


def download(file: Path, url: str) -> dict[str, str | int]:
    """Return what is to be known of a file that is served below an address."""
    data = file.read_bytes()
    return {"url": f"{url}/{quote(file.name)}", "sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}


def uv_archives(folder: Path) -> dict[str, Path]:
    """Return uv's archives in a folder by platform. Raises `ReleaseFault` where one is missing."""
    found = {}
    for file in sorted(folder.iterdir()):
        match = _ARCHIVE.fullmatch(file.name)
        if match and match[1] in PLATFORMS:
            found[PLATFORMS[match[1]]] = file
    missing = [target for target, platform in PLATFORMS.items() if platform not in found]
    if missing:
        raise ReleaseFault(f"{folder} lacks the archives of uv for {', '.join(missing)}.")
    return found


def release(folder: Path, url: str, wheel: Path, archives: Path, scripts_url: str = "", website: str = "") -> str:
    """Return the text of ``release.json`` for the scripts in ``folder``. Raises `ReleaseFault`."""
    version, url = scripts_version(folder), check_address(url, "--url")
    if not re.fullmatch(rf"acebridge-{re.escape(version)}-.+\.whl", wheel.name):
        raise ReleaseFault(f"The wheel is {wheel.name}, the scripts are {version}; allowed: a wheel of that version.")
    content = {
        "version": version,
        "python": PYTHON,
        "scripts_url": check_address(scripts_url, "--scripts-url") if scripts_url else "",
        "website": check_address(website, "--website") if website else "",
        "wheel": download(wheel, url),
        "uv": {platform: download(file, url) for platform, file in sorted(uv_archives(archives).items())},
    }
    return as_text(content)


def empty_release(folder: Path) -> str:
    """Return the text of a ``release.json`` that names no download."""
    return as_text({"version": scripts_version(folder), "python": PYTHON, **EMPTY})


def as_text(content: dict[str, object]) -> str:
    """Return JSON as the file holds it."""
    return json.dumps(content, indent=2) + "\n"


def write(folder: Path, text: str) -> Path:
    """Write ``release.json`` and its SHA-256 for the scripts in a folder; return the file."""
    file = folder / RELEASE
    file.write_text(text, "utf-8", newline="\n")
    digest = hashlib.sha256(text.encode()).hexdigest()
    file.with_name(f"{file.name}.sha256").write_text(f"{digest}  {file.name}\n", "utf-8", newline="\n")
    return file


def settings(folder: Path = FOLDER) -> dict[str, object]:
    """Return what ``release.json`` holds for the scripts in a folder."""
    content: dict[str, object] = json.loads((folder / RELEASE).read_text("utf-8"))
    return content


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", help="where the wheel and the archives are served: URL/NAME")
    parser.add_argument("--wheel", type=Path, help="the wheel of AceBridge")
    parser.add_argument(
        "--uv", type=Path, help="a folder with the archives of one version of uv, under their own names"
    )
    parser.add_argument(
        "--scripts-url", default="", help="where files of a commit are served: URL/COMMIT/reaper_scripts/…"
    )
    parser.add_argument("--website", default="", help="the page that ReaPack links")
    parser.add_argument("--empty", action="store_true", help="name no download: before a release")
    args = parser.parse_args()
    try:
        if args.empty:
            text = empty_release(FOLDER)
        elif args.url and args.wheel and args.uv:
            text = release(FOLDER, args.url, args.wheel, args.uv, args.scripts_url, args.website)
        else:
            sys.exit("--url, --wheel and --uv are needed, or --empty.")
    except (ReleaseFault, OSError) as fault:
        sys.exit(str(fault))
    print(write(FOLDER, text))


if __name__ == "__main__":
    main()
