"""The file of a take's latents beside its audio: its name, and the frame around its content, which tells damage.

``song.wav`` has its latents in ``song.wav.latents``: a line that names the format, a line of JSON, bytes, and the SHA-256 of
all before it. Whoever loses such a file loses time and fidelity of later work on the audio, and nothing else. The content is
known to `acestep_runtime.take_latents`.
"""

from __future__ import annotations

import hashlib
import json
import stat
from pathlib import Path

from acestep_runtime.json_values import JsonObject

SUFFIX = ".latents"
_FORMAT = b"ACEBRIDGE LATENTS 1\n"
_DIGEST_BYTES = hashlib.sha256().digest_size
#: More than latents of any audio: an hour has 12 MB, a preview of twelve tracks of 20 minutes 92 MB.
MAX_BYTES = 128 << 20


def latents_path(audio: Path) -> Path:
    """Return the path of the latents of an audio file, whether they exist or not."""
    return audio.with_name(audio.name + SUFFIX)


def read_file(path: Path) -> bytes:
    """Return the bytes of a file. Raises ``ValueError`` for what is no plain file or too large for latents, and ``OSError``."""
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise ValueError("no plain file")
    if found.st_size > MAX_BYTES:
        raise ValueError(f"of {found.st_size} bytes; allowed: at most {MAX_BYTES}")
    return path.read_bytes()


def pack(facts: JsonObject, content: bytes) -> bytes:
    """Return the bytes of a file."""
    data = _FORMAT + json.dumps(facts, sort_keys=True).encode() + b"\n" + content
    return data + hashlib.sha256(data).digest()


def is_whole(data: bytes) -> bool:
    """Return whether these are the bytes of a file of this format, all of them."""
    return data.startswith(_FORMAT) and hashlib.sha256(data[:-_DIGEST_BYTES]).digest() == data[-_DIGEST_BYTES:]


def unpack(data: bytes) -> tuple[JsonObject, bytes]:
    """Return what `pack` was given. Raises ``ValueError`` for other bytes."""
    if not is_whole(data):
        raise ValueError("not whole")
    head, _, content = data[len(_FORMAT) : -_DIGEST_BYTES].partition(b"\n")
    try:
        facts = json.loads(head)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if not isinstance(facts, dict):
        raise ValueError("without facts")
    return facts, content
