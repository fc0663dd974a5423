"""Models from the Hugging Face Hub: fetched file by file, resumed where it stopped, and checked to the last bit.

Only tensors and data are ever fetched (`catalogue`), never programs. Needs no torch.
"""

from __future__ import annotations

import errno
import glob
import io
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from acestep_runtime.errors import EngineFailure, InvalidValue
from acestep_runtime.installation import install_remedy
from acestep_runtime.weights import checksums
from acestep_runtime.weights.catalogue import RELEASES, Release, Source, full_name, pull_hint
from acestep_runtime.weights.checksums import Sum

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

#: Kept free beyond what is fetched.
_SPARE_BYTES = 1 << 30
_GB = 10**9
#: Errors of the system that are no fault of the connection.
_OF_THE_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO}
#: Whatever the table says, no file of another kind is fetched.
_SUFFIXES = {".safetensors", ".json", ".txt", ".jinja", ".pt", ""}


@dataclass(frozen=True)
class Step:
    """How far a pull is: ``done`` of ``total`` bytes of ``stage``, which is fetching or checking."""

    stage: str
    done: int
    total: int


@dataclass(frozen=True)
class Verdict:
    """What checking a ``folder`` of a model found: how many ``files`` and what is wrong, one sentence each."""

    folder: Path
    files: int
    faults: tuple[str, ...]


Progress = Callable[[Step], None]


@dataclass(frozen=True)
class _Batch:
    """Files of one repository at one revision: path in it → what it is. ``root`` is the local folder it mirrors."""

    source: Source
    root: Path
    revision: str
    sums: dict[str, Sum]


def pull(name: str, folder: Path, progress: Progress | None = None, *, endpoint: str | None = None) -> tuple[Path, ...]:
    """Fetch the model ``name`` and what it needs into the folder of models; return the folders that it is in now.

    What is there already and whole is not fetched again, what was interrupted is resumed, what is damaged is replaced. A
    record of sizes and digests is left beside the files. ``endpoint`` is another Hub to ask.

    Raises `InvalidValue` for an unknown name and `EngineFailure` when the library, the Hub or the room on the disk is
    missing, or files stay damaged.
    """
    release = _release(name)
    _check_library()
    tell = progress or (lambda _: None)
    batches = [_listed(release, source, folder, endpoint) for source in _merged(release.sources)]
    total = sum(each.size_bytes for batch in batches for each in batch.sums.values())
    _check_room(folder, batches, release)
    try:
        with FileLock(folder / ".pull.lock", timeout=0):
            faults: list[str] = []
            for _ in range(2):  # once more for what turns out damaged
                _fetch(release, batches, endpoint, lambda done: tell(Step("fetching", done, total)))
                faults = _check(batches, lambda done: tell(Step("checking", done, total)))
                if not faults:
                    return _record(batches)
    except Timeout:
        raise EngineFailure(
            f"Another pull is at work in {folder}.",
            remedy=f"When it has ended, run `acebridge models pull {release.name}`.",
        ) from None
    raise EngineFailure(
        f"{release.name} is still not whole: {faults[0]}{f', and {len(faults) - 1} more' if faults[1:] else ''}.",
        remedy=f"Check the connection and the disk. {pull_hint(release.name)}",
    )


def verify(folder: Path, progress: Progress | None = None) -> tuple[Verdict, ...]:
    """Check all files in the folder of models that have a record, and return what was found, one verdict a folder."""
    folders = list(checksums.records_below(folder))
    total = sum(_size(path) for each in folders for path in each.rglob("*") if path.name != checksums.NAME)
    done = 0

    def read(count: int) -> None:
        nonlocal done
        done += count
        if progress:
            progress(Step("checking", min(done, total), total))

    return tuple(_verdict(each, read) for each in folders)


def _verdict(folder: Path, read: checksums.Read) -> Verdict:
    try:
        sums = checksums.recorded(folder)
    except EngineFailure as error:
        return Verdict(folder, 0, (error.message,))
    found = [checksums.fault(folder / name, expected, read) for name, expected in sums.items()]
    return Verdict(folder, len(sums), tuple(filter(None, found)))


def _release(name: str) -> Release:
    release = RELEASES.get(full_name(name))
    if release is None:
        raise InvalidValue("model", name, ", ".join(RELEASES), remedy="`acebridge models list` describes them.")
    return release


def _check_library() -> None:
    try:
        import huggingface_hub  # noqa: F401 (only whether it is there)
    except ImportError as error:
        raise EngineFailure(
            "Models are fetched with the package huggingface_hub, which is not installed.",
            remedy=install_remedy("neural"),
        ) from error


def _merged(sources: Sequence[Source]) -> Iterator[Source]:
    """Yield the sources with one for each repository and place, so that none is asked twice."""
    for repo, into in dict.fromkeys((source.repo, source.into) for source in sources):
        same = [source for source in sources if (source.repo, source.into) == (repo, into)]
        yield Source(repo, tuple(pattern for source in same for pattern in source.patterns), into)


def _listed(release: Release, source: Source, folder: Path, endpoint: str | None) -> _Batch:
    """Ask the Hub which files there are now, how large, and their digests."""
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

    with _reached(release, source.repo):
        api = HfApi(endpoint=endpoint)
        revision = str(api.model_info(source.repo).sha)
        tree = api.list_repo_tree(source.repo, recursive=True, revision=revision)
        there = [each for each in tree if isinstance(each, RepoFile)]
    sums = {
        each.path: Sum(each.size, each.lfs.sha256 if each.lfs else each.blob_id)
        for each in there
        if _wanted(each.path, source.patterns)
    }
    if not any(path.endswith(".safetensors") for path in sums):
        raise EngineFailure(f"{source.repo} has no weights of {release.name} any more.", remedy="Update AceBridge.")
    return _Batch(source, folder / source.into, revision, sums)


def _wanted(path: str, patterns: Sequence[str]) -> bool:
    parts = PurePosixPath(path)
    safe = ".." not in parts.parts and not parts.is_absolute() and "\\" not in path
    return safe and parts.suffix in _SUFFIXES and any(fnmatch(path, pattern) for pattern in patterns)


class _reached:  # noqa: N801 (a context manager reads as a verb)
    """Say in one sentence when the Hub cannot be asked."""

    def __init__(self, release: Release, repo: str) -> None:
        self._release, self._repo = release, repo

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None or not isinstance(error, Exception):
            return
        from huggingface_hub.errors import RepositoryNotFoundError

        if isinstance(error, RepositoryNotFoundError):
            raise EngineFailure(
                f"The Hub has no repository {self._repo}, or does not show it to you.", remedy="Update AceBridge."
            ) from error
        if isinstance(error, OSError) and error.errno in _OF_THE_DISK:
            raise EngineFailure(
                f"{self._release.name} cannot be written: {error.strerror}.",
                remedy="Free some space, or name another folder with --folder, then run"
                f" `acebridge models pull {self._release.name}`.",
            ) from error
        # Its libraries for HTTP differ from version to version, and so do what they raise.
        raise EngineFailure(
            f"The Hugging Face Hub cannot be reached for {self._repo} ({type(error).__name__}).",
            remedy=f"Once there is a connection, run `acebridge models pull {self._release.name}`.",
        ) from error


def _check_room(folder: Path, batches: Sequence[_Batch], release: Release) -> None:
    missing = sum(
        max(0, each.size_bytes - max(_size(batch.root / path), _size(_part(batch.root / path, each))))
        for batch in batches
        for path, each in batch.sums.items()
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise EngineFailure(
            f"{folder} cannot be written: {error.strerror}.", remedy="Name another folder with --folder."
        ) from error
    if missing and missing + _SPARE_BYTES > free:
        raise EngineFailure(
            f"{release.name} needs {(missing + _SPARE_BYTES) / _GB:.1f} GB more in {folder}; {free / _GB:.1f} GB are free.",
            remedy="Free some space, or name another folder with --folder.",
        )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _part(path: Path, expected: Sum) -> Path:
    """Return the file that a download grows in, named after what it is to become: another revision starts anew."""
    return path.with_name(f"{path.name}.{expected.digest[:12]}.part")


class _CountingFile(io.BufferedWriter):
    """A file to append to that tells how many bytes are written."""

    def __init__(self, path: Path, count: Callable[[int], None]) -> None:
        super().__init__(io.FileIO(path, "ab"))
        self._count = count

    def write(self, data: ReadableBuffer, /) -> int:
        written = super().write(data)
        self._count(written)
        return written


def _fetch(release: Release, batches: Sequence[_Batch], endpoint: str | None, tell: Callable[[int], None]) -> None:
    """Fetch the files that are missing or of another size, each on from where it stopped the last time.

    `snapshot_download` of the library begins a file that was interrupted anew, and large models are one file of 10 GB.
    """
    done = 0

    def count(more: int) -> None:
        nonlocal done
        done += more
        tell(done)

    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    were_shown = not are_progress_bars_disabled()
    disable_progress_bars()
    try:
        for batch in batches:
            for path, expected in batch.sums.items():
                with _reached(release, batch.source.repo):
                    _fetch_file(batch, path, expected, endpoint, count)
    finally:
        if were_shown:
            enable_progress_bars()


def _fetch_file(batch: _Batch, path: str, expected: Sum, endpoint: str | None, count: Callable[[int], None]) -> None:
    from huggingface_hub import hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers

    target = batch.root / path
    if target.is_file() and _size(target) == expected.size_bytes:
        count(expected.size_bytes)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = _part(target, expected)
    for old in target.parent.glob(f"{glob.escape(target.name)}.*.part"):
        if old != part or _size(old) > expected.size_bytes:
            old.unlink()
    there = _size(part)
    count(there)
    with _CountingFile(part, count) as file:
        if there < expected.size_bytes:
            http_get(
                hf_hub_url(batch.source.repo, path, revision=batch.revision, endpoint=endpoint),
                file,
                resume_size=there,
                headers=build_hf_headers(),
                expected_size=expected.size_bytes,
            )
    part.replace(target)


def _check(batches: Sequence[_Batch], tell: Callable[[int], None]) -> list[str]:
    """Compare all files with what the Hub says they are; remove those that differ, so that they are fetched anew."""
    done = 0

    def read(count: int) -> None:
        nonlocal done
        done += count
        tell(done)

    faults = []
    for batch in batches:
        for path, expected in batch.sums.items():
            wrong = checksums.fault(batch.root / path, expected, read)
            if wrong:
                faults.append(wrong)
                (batch.root / path).unlink(missing_ok=True)
    return faults


def _record(batches: Sequence[_Batch]) -> tuple[Path, ...]:
    """Write what the files are beside them, one record for each folder directly in the folder of models."""
    folders: list[Path] = []
    for batch in batches:
        by_folder: dict[Path, dict[str, Sum]] = {}
        for path, each in batch.sums.items():
            first, _, rest = path.partition("/")
            folder, name = (batch.root, path) if batch.source.into else (batch.root / first, rest)
            by_folder.setdefault(folder, {})[name] = each
        for folder, sums in by_folder.items():
            checksums.write(folder, batch.source.repo, batch.revision, sums)
            folders.append(folder)
    return tuple(folders)
