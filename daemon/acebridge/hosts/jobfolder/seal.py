"""Proof that the command itself made a file for a job, so that `clean` removes no other, whatever a ``result.json`` says.

Its key lies in the data folder, where those who write into job folders cannot read it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from acebridge.paths import JOB_KEY_FILE, data_folder
from acebridge.private_files import make_private_folder, open_private
from acebridge.regular_files import open_regular
from acestep_runtime.temporary_files import temporary_file

_KEY_BYTES = 32


def make_seal(job: Path, file: Path, written: Sequence[int]) -> str:
    """Return the proof that the job in the folder ``job`` made ``file``, as it was ``written``; "" where no key can be kept."""
    key = _read_key() or _make_key()
    return _compute(key, job, file, written) if key else ""


def is_sealed(seal: object, job: Path, file: Path, written: object) -> bool:
    """Return whether ``seal`` is such a proof."""
    key = _read_key()
    return (
        bool(key)
        and isinstance(seal, str)
        and hmac.compare_digest(seal.encode("utf-8", "replace"), _compute(key, job, file, written).encode())
    )


def _compute(key: bytes, job: Path, file: Path, written: object) -> str:
    facts = json.dumps([str(job.resolve()), str(file), written])
    return hmac.new(key, facts.encode(), hashlib.sha256).hexdigest()


def _read_key() -> bytes:
    """Return the key; empty where there is none."""
    with (
        suppress(OSError, ValueError),
        open(data_folder() / JOB_KEY_FILE, encoding="ascii", opener=open_regular) as file,
    ):
        key = bytes.fromhex(file.read())
        return key if len(key) == _KEY_BYTES else b""
    return b""


def _make_key() -> bytes:
    """Make the key and return it; where another command was faster, its key."""
    path = data_folder() / JOB_KEY_FILE
    with suppress(OSError):
        make_private_folder(path.parent)
        with temporary_file(path) as unfinished:
            with open(unfinished, "x", encoding="ascii", opener=open_private) as file:
                file.write(os.urandom(_KEY_BYTES).hex())
            path.hardlink_to(unfinished)  # whole, and unless there is one
    return _read_key()
