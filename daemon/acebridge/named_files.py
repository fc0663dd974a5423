"""The one place that opens files which a request names by path. Who names a path may also swap what lies there, at any moment.

So a path is resolved once, checked against the folders that are allowed, and then walked below them without following links:
whatever was swapped meanwhile makes that fail. What is handed on is the open file; nobody opens it by its name again.
"""

from __future__ import annotations

import asyncio
import io
import os
import stat
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from acebridge.regular_files import AT_ONCE, NO_LINK
from acestep_runtime.errors import InvalidValue, UnreadableAudio, printable

T = TypeVar("T")
_ROOTS_SHOWN = 3
#: Whether folders can be walked by their descriptors. Windows cannot.
_WALKS = bool(NO_LINK) and os.open in os.supports_dir_fd
_READ = os.O_RDONLY | AT_ONCE
#: Of a folder on the way; where the system has such descriptors, one that may be entered but not listed will do.
_ENTER = getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
#: Of its own: a disk that does not answer, such as that of another machine, keeps these threads waiting and no others.
_THREADS = 8
_pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="named files")


class NamedFile(io.FileIO):
    """A regular file that is open for reading. ``path`` is where it was found, links resolved.

    It is closed with the last reference to it: a call may be cancelled while a thread still reads.
    """

    def __init__(self, descriptor: int, path: Path) -> None:
        super().__init__(descriptor, "rb")
        self.path = path

    def __del__(self) -> None:
        self.close()

    def stat(self) -> os.stat_result:
        """Return what the system knows of it now."""
        return os.fstat(self.fileno())


async def in_reading_thread(work: Callable[[], T]) -> T:
    """Return the result of ``work``, which reads a file that a request names, run in a thread for such work."""
    return await asyncio.get_running_loop().run_in_executor(_pool, work)


async def open_named_file(path: str, roots: Sequence[Path], field: str) -> NamedFile:
    """Open the file at ``path``, which ``field`` of a request holds.

    Raises `InvalidValue` for a path that is not full, that lies outside ``roots`` (which have no links in them) or that cannot
    be opened, `UnreadableAudio` for what is not a regular file.
    """
    return await in_reading_thread(partial(_open, path, tuple(roots), field))


def _open(path: str, roots: tuple[Path, ...], field: str) -> NamedFile:
    return open_resolved(*_resolve(path, roots, field), field)


def open_resolved(real: Path, root: Path, field: str) -> NamedFile:
    """Open a file below ``root`` whose path was checked a moment ago: it has no links in it. Raises as `open_named_file`."""
    path, name = str(real), printable(real.name or str(real))
    try:
        descriptor = _open_below(root, real) if _WALKS else _open_and_compare(real)
    except _SwappedError:
        raise InvalidValue(
            field, path, "a file that stays where it is", message=f"{name} was replaced while it was opened.",
            remedy="Try again.",
        ) from None  # fmt: skip
    except OSError as error:
        raise InvalidValue(
            field, path, "a file that can be read", message=f"{name} cannot be read: {error.strerror}.",
            remedy="Check the path.",
        ) from error  # fmt: skip
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        message = f"{name} is not a file."
        raise UnreadableAudio(field, name, "an audio file", message=message, remedy="Name an audio file.")
    if hasattr(os, "O_NONBLOCK"):
        os.set_blocking(descriptor, True)
    return NamedFile(descriptor, real)


class _SwappedError(Exception):
    """What lies at a path is no longer what it was when the path was resolved."""


def _resolve(path: str, roots: tuple[Path, ...], field: str) -> tuple[Path, Path]:
    """Return ``path`` with links resolved, and the root that it lies in. Raises `InvalidValue`."""
    folders = ", ".join(map(str, roots[:_ROOTS_SHOWN]))
    if len(roots) > _ROOTS_SHOWN:
        folders += f" and {len(roots) - _ROOTS_SHOWN} more"
    allowed = f"a file below {folders}" if roots else "an uploaded file"
    if "\0" in path:
        raise InvalidValue(field, path, allowed, message=f"{field} holds a NUL character.", remedy="Check the path.")
    if not Path(path).is_absolute():
        raise InvalidValue(field, path, allowed, remedy="Give the full path.")
    try:
        real = Path(path).resolve()
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its links lead round in a circle"
        message = f"{printable(Path(path).name)} cannot be found: {reason}."
        raise InvalidValue(field, path, allowed, message=message, remedy="Check the path.") from error
    for root in roots:
        if real.is_relative_to(root):
            return real, root
    name = printable(Path(path).name)
    outside = f"{name} lies outside the folders that the daemon may read ({folders})."
    nowhere = f"{name} cannot be named by its path: the daemon may read no folder."
    raise InvalidValue(
        field,
        path,
        allowed,
        message=outside if roots else nowhere,
        remedy="Upload it instead, or add its folder to `roots` in config.toml.",
    )


def _open_below(root: Path, real: Path) -> int:
    """Return a descriptor of what is at ``real``, entering one folder after the other from ``root`` on, and never a link."""
    *folders, name = real.relative_to(root).parts or (".",)
    place = os.open(root, _ENTER)
    try:
        for folder in folders:
            inner = _open_in(place, folder, _ENTER)
            os.close(place)
            place = inner
        return _open_in(place, name, _READ)
    finally:
        os.close(place)


def _open_in(place: int, name: str, flags: int) -> int:
    """Open what is called ``name`` in an open folder. Raises `_SwappedError` for a link: the resolved path had none."""
    try:
        return os.open(name, flags | NO_LINK, dir_fd=place)
    except OSError:
        if _is_link(place, name):
            raise _SwappedError from None
        raise


def _is_link(place: int, name: str) -> bool:
    try:
        return stat.S_ISLNK(os.stat(name, dir_fd=place, follow_symlinks=False).st_mode)
    except OSError:
        return False


def _open_and_compare(real: Path) -> int:
    """Return a descriptor of what is at ``real``, for systems without the other way: open it, then look whether it is there.

    Not tried on such a system yet.
    """
    descriptor = os.open(real, _READ)
    try:
        if real.resolve() == real and os.path.samestat(os.fstat(descriptor), real.lstat()):
            return descriptor
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    raise _SwappedError
