"""Downloads models from the Hugging Face Hub file by file, resumes interrupted downloads, and verifies every bit.

Only tensors and data are downloaded (`catalogue`), never programs. Needs no torch.

All files of a repository are those of one commit, the one that `catalogue.PINS` names. What the Hub says of their contents is
compared with what is known already: the digests of the catalogue, else those of the first download, which the folder of the
model keeps. A file gets its name when its contents have been compared, so that nothing else is ever used.
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
from acestep_runtime.weights import catalogue, checksums
from acestep_runtime.weights.catalogue import RELEASES, Release, Source, full_name, pull_hint
from acestep_runtime.weights.checksums import FileDigest
from acestep_runtime.weights.layout import list_folders
from acestep_runtime.weights.part_files import describe_file, file_faults, find_all_files
from acestep_runtime.weights.parts import has_weights

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

#: Disk space kept free beyond the download.
_SPARE_BYTES = 1 << 30
_GB = 10**9
#: Held while the files in the folder of models change.
PULL_LOCK = ".pull.lock"
#: System errors that do not come from the connection.
_DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO}
#: No file of another type is downloaded, whatever the catalogue lists.
_SUFFIXES = {".safetensors", ".json", ".txt", ".jinja", ".pt", ""}


@dataclass(frozen=True)
class PullProgress:
    """Progress of a pull: ``done`` of ``total`` bytes of ``stage``, which is fetching or checking."""

    stage: str
    done: int
    total: int


@dataclass(frozen=True)
class FolderCheck:
    """The result of verifying a model's ``folder``: the number of ``files`` and the faults, one sentence each.

    Without a record that can be read nothing is compared: ``files`` is 0, and the fault says why.
    """

    folder: Path
    files: int
    faults: tuple[str, ...]


OnProgress = Callable[[PullProgress], None]


@dataclass(frozen=True)
class _RepoFiles:
    """Files of one repository at one revision: path → digest. ``root`` is the local folder that mirrors it."""

    source: Source
    root: Path
    revision: str
    digests: dict[str, FileDigest]


def pull(
    name: str,
    folder: Path,
    progress: OnProgress | None = None,
    *,
    endpoint: str | None = None,
    accept_changed: bool = False,
) -> tuple[Path, ...]:
    """Download the model ``name`` and its shared parts into the folder of models; return the folders of the model.

    Complete files are skipped, interrupted ones resumed, damaged ones replaced. A record of sizes and digests is written
    beside the files. ``endpoint`` is the address of another Hub. ``accept_changed`` takes files with other contents than
    those that were downloaded before; the digests of the catalogue hold all the same.

    Raises `InvalidValue` for an unknown name and `EngineFailure` when the library, the Hub or disk space is missing, when
    files stay damaged, or when they are not those that are known.
    """
    release = _find_release(name)
    _check_library()
    report = progress or (lambda _: None)
    batches = [_list_files(release, source, folder, endpoint) for source in _merge_sources(release.sources)]
    for batch in batches:
        _check_pinned(batch)
        if not accept_changed:
            _check_unchanged(release, batch)
    total = sum(each.size_bytes for batch in batches for each in batch.digests.values())
    _check_room(folder, batches, release)
    try:
        with FileLock(folder / PULL_LOCK, timeout=0):
            faults: list[str] = []
            for _ in range(2):  # a second round replaces damaged files
                _fetch(release, batches, endpoint, lambda done: report(PullProgress("fetching", done, total)))
                faults = _check(batches, lambda done: report(PullProgress("checking", done, total)))
                if not faults:
                    return _write_records(batches)
    except Timeout:
        raise EngineFailure(
            f"Another pull is at work in {folder}.",
            remedy=f"When it has ended, run `acebridge models pull {release.name}`.",
        ) from None
    raise EngineFailure(
        f"{release.name} is still not whole: {faults[0]}{f', and {len(faults) - 1} more' if faults[1:] else ''}.",
        remedy=f"Check the connection and the disk. {pull_hint(release.name)}",
    )


def verify(folder: Path, progress: OnProgress | None = None) -> tuple[FolderCheck, ...]:
    """Verify all recorded files in the folder of models; return one result for each folder.

    Folders and files with weights that have no record count as faulty: nobody knows what is in them.
    """
    folders = list(checksums.find_records(folder))
    total = sum(_file_size(path) for each in folders for path in each.rglob("*") if path.name != checksums.NAME)
    done = 0

    def read(count: int) -> None:
        nonlocal done
        done += count
        if progress:
            progress(PullProgress("checking", min(done, total), total))

    unknown = [
        FolderCheck(each, 0, (f"not verified: it has no {checksums.NAME}",))
        for each in list_folders(folder)
        if has_weights(each) and not {each, *each.parents}.intersection(folders)
    ]
    single = [
        _check_file(each) for each in find_all_files(list_folders(folder)) if not {*each.parents}.intersection(folders)
    ]
    return (*(_check_folder(each, read) for each in folders), *unknown, *single)


def _check_file(file: Path) -> FolderCheck:
    """Return what is known of a file that nobody has recorded: whether its header and its length fit."""
    unknown = f"not verified: {describe_file(file)}, whole by its header, and there is no checksum for it"
    return FolderCheck(file, 0, file_faults(file) or (unknown,))


def _check_folder(folder: Path, read: checksums.OnRead) -> FolderCheck:
    try:
        digests = checksums.read_record(folder).files
    except EngineFailure as error:
        return FolderCheck(folder, 0, (error.message,))
    faults = [checksums.find_fault(folder / name, expected, read) for name, expected in digests.items()]
    return FolderCheck(folder, len(digests), tuple(filter(None, faults)))


def _find_release(name: str) -> Release:
    release = RELEASES.get(full_name(name))
    if release is None:
        raise InvalidValue("model", name, ", ".join(RELEASES), remedy="`acebridge models list` describes them.")
    return release


def _check_library() -> None:
    try:
        import huggingface_hub  # noqa: F401 (tests that it is installed)
    except ImportError as error:
        raise EngineFailure(
            "Models are fetched with the package huggingface_hub, which is not installed.",
            remedy=install_remedy("neural"),
        ) from error


def _merge_sources(sources: Sequence[Source]) -> Iterator[Source]:
    """Yield the sources merged by repository and target, so that each repository is listed once."""
    for repo, into in dict.fromkeys((source.repo, source.into) for source in sources):
        same = [source for source in sources if (source.repo, source.into) == (repo, into)]
        yield Source(repo, tuple(pattern for source in same for pattern in source.patterns), into)


def _list_files(release: Release, source: Source, folder: Path, endpoint: str | None) -> _RepoFiles:
    """Return the files of a source at its commit, with the sizes and digests that the Hub lists.

    Without a known commit it is the newest one: asked for once, so that all files are of the same.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

    with _HubErrors(release, source.repo):
        api = HfApi(endpoint=endpoint)
        pin = catalogue.PINS.get(source.repo)
        revision = str(api.model_info(source.repo).sha) if pin is None else pin.revision
        tree = api.list_repo_tree(source.repo, recursive=True, revision=revision)
        repo_files = [each for each in tree if isinstance(each, RepoFile)]
    digests = {
        each.path: FileDigest(each.size, each.lfs.sha256 if each.lfs else each.blob_id)
        for each in repo_files
        if _matches(each.path, source.patterns)
    }
    if not any(path.endswith(".safetensors") for path in digests):
        raise EngineFailure(f"{source.repo} has no weights of {release.name} any more.", remedy="Update AceBridge.")
    return _RepoFiles(source, folder / source.into, revision, digests)


def _check_pinned(batch: _RepoFiles) -> None:
    """Raise `EngineFailure` if the Hub lists other contents than the catalogue."""
    repo = batch.source.repo
    known = catalogue.PINS[repo].sha256 if repo in catalogue.PINS else {}
    for path, each in batch.digests.items():
        if known.get(path, each.digest) != each.digest:
            raise EngineFailure(
                f"The Hub offers {path} of {repo} with the digest {each.digest[:12]}… instead of {known[path][:12]}…:"
                " it is not the released file.",
                remedy="Do not use it. Try again from another network, and report it if it stays so.",
            )


def _check_unchanged(release: Release, batch: _RepoFiles) -> None:
    """Raise `EngineFailure` if files are not those of the first download, unless the catalogue knows them.

    Files that were not recorded count as changed when they are of another commit: they might be used instead of those.
    """
    repo = batch.source.repo
    pinned = catalogue.PINS[repo].sha256 if repo in catalogue.PINS else {}
    for folder, names in _by_folder(batch).items():
        record = checksums.find_record(folder)
        if record is None:
            continue
        is_same = record.revision == batch.revision
        for name, path in names.items():
            each = batch.digests[path]
            if path not in pinned and record.files.get(name, each if is_same else None) != each:
                raise EngineFailure(
                    f"{repo} now holds other files than were downloaded into {folder}: {name} differs.",
                    remedy=f"If that is meant to be, run `acebridge models pull {release.name} --accept-changed`.",
                )


def _matches(path: str, patterns: Sequence[str]) -> bool:
    parts = PurePosixPath(path)
    safe = ".." not in parts.parts and not parts.is_absolute() and "\\" not in path
    return safe and parts.suffix in _SUFFIXES and any(fnmatch(path, pattern) for pattern in patterns)


class _HubErrors:
    """A context that turns errors of the Hub's library into `EngineFailure`."""

    def __init__(self, release: Release, repo: str) -> None:
        self._release, self._repo = release, repo

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None or not isinstance(error, Exception):
            return
        from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

        if isinstance(error, RevisionNotFoundError):
            raise EngineFailure(
                f"The Hub has no commit {catalogue.PINS[self._repo].revision} of {self._repo} any more.",
                remedy="Update AceBridge.",
            ) from error
        if isinstance(error, RepositoryNotFoundError):
            raise EngineFailure(
                f"The Hub has no repository {self._repo}, or does not show it to you.", remedy="Update AceBridge."
            ) from error
        if isinstance(error, OSError) and error.errno in _DISK_ERRORS:
            raise EngineFailure(
                f"{self._release.name} cannot be written: {error.strerror}.",
                remedy="Free some space, or name another folder with --folder, then run"
                f" `acebridge models pull {self._release.name}`.",
            ) from error
        # Its HTTP libraries, and their exceptions, differ between versions.
        raise EngineFailure(
            f"The Hugging Face Hub cannot be reached for {self._repo} ({type(error).__name__}).",
            remedy=f"Once there is a connection, run `acebridge models pull {self._release.name}`.",
        ) from error


def _check_room(folder: Path, batches: Sequence[_RepoFiles], release: Release) -> None:
    missing_bytes = sum(
        max(0, each.size_bytes - max(_file_size(batch.root / path), _file_size(_partial_file(batch.root / path, each))))
        for batch in batches
        for path, each in batch.digests.items()
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise EngineFailure(
            f"{folder} cannot be written: {error.strerror}.", remedy="Name another folder with --folder."
        ) from error
    if missing_bytes and missing_bytes + _SPARE_BYTES > free:
        raise EngineFailure(
            f"{release.name} needs {(missing_bytes + _SPARE_BYTES) / _GB:.1f} GB more in {folder}; "
            f"{free / _GB:.1f} GB are free.",
            remedy="Free some space, or name another folder with --folder.",
        )


def _file_size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _is_there(target: Path, expected: FileDigest) -> bool:
    """Return whether a file needs no download, as far as its size says."""
    return target.is_file() and _file_size(target) == expected.size_bytes


def _partial_file(path: Path, expected: FileDigest) -> Path:
    """Return the partial file of a download. Its name holds the digest, so another revision starts from zero."""
    return path.with_name(f"{path.name}.{expected.digest[:12]}.part")


class _CountingFile(io.BufferedWriter):
    """A file to append to that reports the bytes written."""

    def __init__(self, path: Path, count: Callable[[int], None]) -> None:
        super().__init__(io.FileIO(path, "ab"))
        self._count = count

    def write(self, data: ReadableBuffer, /) -> int:
        size = super().write(data)
        self._count(size)
        return size


def _fetch(
    release: Release, batches: Sequence[_RepoFiles], endpoint: str | None, report: Callable[[int], None]
) -> None:
    """Download the files that are missing or of another size as partial files, resuming those that are there.

    `snapshot_download` of the library restarts interrupted files, and large models are one file of 10 GB.
    """
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    count = _add_up(report)
    bars_enabled = not are_progress_bars_disabled()
    disable_progress_bars()
    try:
        for batch in batches:
            for path, expected in batch.digests.items():
                with _HubErrors(release, batch.source.repo):
                    _fetch_file(batch, path, expected, endpoint, count)
    finally:
        if bars_enabled:
            enable_progress_bars()


def _add_up(report: Callable[[int], None]) -> Callable[[int], None]:
    """Return a function that takes amounts and reports their sum so far."""
    total = 0

    def count(more: int) -> None:
        nonlocal total
        total += more
        report(total)

    return count


def _fetch_file(
    batch: _RepoFiles, path: str, expected: FileDigest, endpoint: str | None, count: Callable[[int], None]
) -> None:
    from huggingface_hub import hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers

    target = batch.root / path
    if _is_there(target, expected):
        count(expected.size_bytes)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = _partial_file(target, expected)
    for old in target.parent.glob(f"{glob.escape(target.name)}.*.part"):
        if old != partial or _file_size(old) > expected.size_bytes:
            old.unlink()
    size = _file_size(partial)
    count(size)
    with _CountingFile(partial, count) as file:
        if size < expected.size_bytes:
            http_get(
                hf_hub_url(batch.source.repo, path, revision=batch.revision, endpoint=endpoint),
                file,
                resume_size=size,
                headers=build_hf_headers(),
                expected_size=expected.size_bytes,
            )


def _check(batches: Sequence[_RepoFiles], report: Callable[[int], None]) -> list[str]:
    """Compare all files with the digests of the Hub, and only then give those that were downloaded their names.

    Those that differ are removed, so that the next fetch replaces them.
    """
    count = _add_up(report)
    faults = []
    for batch in batches:
        for path, expected in batch.digests.items():
            target = batch.root / path
            file = target if _is_there(target, expected) else _partial_file(target, expected)
            fault = checksums.find_fault(file, expected, count)
            if fault:
                faults.append(fault.replace(str(file), str(target)))
                file.unlink(missing_ok=True)
            elif file != target:
                file.replace(target)
    return faults


def _write_records(batches: Sequence[_RepoFiles]) -> tuple[Path, ...]:
    """Write one record of digests for each folder directly in the folder of models."""
    folders: list[Path] = []
    for batch in batches:
        for folder, names in _by_folder(batch).items():
            digests = {name: batch.digests[path] for name, path in names.items()}
            checksums.write_record(folder, checksums.Record(batch.source.repo, batch.revision, digests))
            folders.append(folder)
    return tuple(folders)


def _by_folder(batch: _RepoFiles) -> dict[Path, dict[str, str]]:
    """Return the folders that files go to, directly in the folder of models: names in the folder → paths in the repository."""
    found: dict[Path, dict[str, str]] = {}
    for path in batch.digests:
        first, _, rest = path.partition("/")
        folder, name = (batch.root, path) if batch.source.into else (batch.root / first, rest)
        found.setdefault(folder, {})[name] = path
    return found
