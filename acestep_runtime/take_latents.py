"""The latents that a take was decoded from, and what becomes of them when its audio is joined with other audio.

audio      │........│........│........│........│..      samples; a latent frame covers 1,920 of them
frames    start
exact           1        1        0        1      1      0 where the audio is not what the latents decode to

A frame is exact only where the audio of all frames within ``reach`` is what the latents decode to: what decoder and encoder
see of a frame ends there. Ends of the audio where the latents end too are no seams.

Letters: T latent frames, C channels of a latent.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from acestep_runtime.json_values import JsonObject
from acestep_runtime.latents_files import latents_path, pack, read_file, unpack
from acestep_runtime.previews import FullLatents, full_size, pack_full, unpack_full
from acestep_runtime.temporary_files import replace_file
from acestep_runtime.values import Json

log = logging.getLogger(__name__)
#: Samples of a latent frame at 48 kHz.
FRAME_SAMPLES = 1920

#: First sample and the one after the last.
Span = tuple[int, int]


@dataclass(frozen=True, eq=False)
class TakeLatents:
    """Latents ``[T, C]`` in float16, and which of them are exact ``[T]``.

    Frame 0 begins at sample ``start`` of the audio. ``vae`` identifies the autoencoder, ``reach`` is in frames.
    """

    latents: npt.NDArray[np.float16]
    exact: npt.NDArray[np.bool_]
    start: int
    vae: str
    reach: int

    def window(self, start: int, stop: int, audio_stop: int) -> TakeLatents | None:
        """Return those of samples ``start`` to ``stop``; ``None`` where they do not begin with a frame.

        A last frame that is cut, and not by ``audio_stop``, the end of the audio, is not exact, nor are frames that are
        not there.
        """
        if (start - self.start) % FRAME_SAMPLES:
            return None
        frames = -(-(stop - start) // FRAME_SAMPLES)
        out = _empty(frames, self, 0)
        _copy(self, out, (start - self.start) // FRAME_SAMPLES, (0, frames))
        if stop < audio_stop and (stop - start) % FRAME_SAMPLES:
            out.exact[-1] = False
        return out


@dataclass(frozen=True)
class Piece:
    """Latents, and the spans in which the audio is what they decode to; all samples count on one time line."""

    latents: TakeLatents
    spans: tuple[Span, ...]


def join(pieces: Sequence[Piece], start: int, stop: int) -> TakeLatents | None:
    """Return the latents of audio from sample ``start`` to ``stop`` that is made of pieces; the first says the grid.

    Pieces on another grid, or of another autoencoder, have no part in it. ``None`` where no frame is exact.
    """
    first = pieces[0].latents
    begin = start - (start - first.start) % FRAME_SAMPLES
    frames = -(-(stop - begin) // FRAME_SAMPLES)
    out = _empty(frames, first, begin - start)
    for piece in pieces:
        latents = piece.latents
        is_like = latents.vae == first.vae and latents.latents.shape[1] == first.latents.shape[1]
        if not is_like or (latents.start - begin) % FRAME_SAMPLES:
            continue
        latents_stop = latents.start + len(latents.latents) * FRAME_SAMPLES
        margin = latents.reach * FRAME_SAMPLES
        for left, right in piece.spans:
            is_start = left <= start and latents.start > start - FRAME_SAMPLES
            is_stop = right >= stop and latents_stop < stop + FRAME_SAMPLES
            inside = (
                0 if is_start else max(0, -(-(left + margin - begin) // FRAME_SAMPLES)),
                frames if is_stop else min(frames, (right - margin - begin) // FRAME_SAMPLES),
            )
            _copy(latents, out, (begin - latents.start) // FRAME_SAMPLES, inside)
    return out if out.exact.any() else None


def _empty(frames: int, like: TakeLatents, start: int) -> TakeLatents:
    latents = np.zeros((frames, like.latents.shape[1]), np.float16)
    return TakeLatents(latents, np.zeros(frames, bool), start, like.vae, like.reach)


def no_latents(vae: str, channels: int) -> TakeLatents:
    """Return latents of which none is exact, for audio that has only those of a whole window to keep."""
    return TakeLatents(np.zeros((1, channels), np.float16), np.zeros(1, bool), 0, vae, 0)


def _copy(source: TakeLatents, target: TakeLatents, offset: int, frames: Span) -> None:
    """Copy the exact ones of these frames of the target; frame t of it is frame t + offset of the source."""
    first = max(frames[0], -offset)
    stop = min(frames[1], len(source.exact) - offset)
    if first >= stop:
        return
    exact = source.exact[first + offset : stop + offset]
    target.latents[first:stop][exact] = source.latents[first + offset : stop + offset][exact]
    target.exact[first:stop] |= exact


# ---- files ----


def to_bytes(latents: TakeLatents, sha256: str, full: FullLatents | None = None) -> bytes:
    """Return the file of latents; ``sha256`` is that of their audio. That of a preview has the ``full`` ones too."""
    frames, channels = latents.latents.shape
    facts: dict[str, Json] = {"audio": sha256, "vae": latents.vae, "start": latents.start, "reach": latents.reach,
                              "frames": frames, "channels": channels}  # fmt: skip
    content = latents.latents.astype("<f2").tobytes() + np.packbits(latents.exact).tobytes()
    if full is not None:
        facts["full"], rest = pack_full(full)
        content += rest
    return pack(facts, content)


def from_bytes(data: bytes, sha256: str) -> TakeLatents:
    """Return the latents in a file, of the audio with this hash. Raises ``ValueError`` for any other file."""
    facts, content = _content_of(data, sha256)
    if isinstance(full := facts.get("full"), Mapping):
        content = content[: len(content) - full_size(full)]
    frames, channels, start, reach = (_number(facts.get(name)) for name in ("frames", "channels", "start", "reach"))
    size = 2 * frames * channels
    if frames < 1 or channels < 1 or reach < 0 or len(content) != size + -(-frames // 8):
        raise ValueError("of another size")
    latents = np.frombuffer(content[:size], "<f2").astype(np.float16).reshape(frames, channels)
    if not np.isfinite(latents).all():
        raise ValueError("with values that are no numbers")
    exact = np.unpackbits(np.frombuffer(content[size:], np.uint8), count=frames).astype(bool)
    return TakeLatents(latents, exact, start, str(facts.get("vae")), reach)


def full_from_bytes(data: bytes, sha256: str) -> FullLatents | None:
    """Return the full latents in the file of a preview; ``None`` in any other. Raises as `from_bytes` does."""
    facts, content = _content_of(data, sha256)
    full = facts.get("full")
    if not isinstance(full, Mapping):
        return None
    size = full_size(full)
    if size > len(content):
        raise ValueError("of another size")
    return unpack_full(full, content[len(content) - size :])


def _content_of(data: bytes, sha256: str) -> tuple[JsonObject, bytes]:
    facts, content = unpack(data)
    if facts.get("audio") != sha256:
        raise ValueError("of other audio")
    return facts, content


def _number(value: object) -> int:
    if not isinstance(value, int):
        raise ValueError("without its numbers")
    return value


def read_latents(audio: Path, name: str, hash_audio: Callable[[], str]) -> TakeLatents | None:
    """Return the latents beside an audio file; ``None`` where there are none, and, with a line in the log, for damaged ones.

    ``name`` is that of the audio in messages; ``hash_audio`` returns its SHA-256.
    """
    try:
        return from_bytes(read_file(latents_path(audio)), hash_audio())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        log.warning("The latents of %s are not used (%s): it is encoded again.", name, error)
        return None


def read_full_latents(audio: Path, sha256: str) -> FullLatents | None:
    """Return the full latents beside the audio of a preview; ``None``, with a line in the log, where they are lost."""
    try:
        return full_from_bytes(read_file(latents_path(audio)), sha256)
    except (OSError, ValueError) as error:
        log.warning("The latents of a preview, %s, are not used (%s): its take is made again.", audio.name, error)
        return None


def write_latents(latents: TakeLatents, audio: Path, sha256: str, full: FullLatents | None = None) -> None:
    """Write latents beside their audio, which has this hash. A file that cannot be written is no error: audio is enough."""
    try:
        with replace_file(latents_path(audio)) as file:
            file.write(to_bytes(latents, sha256, full))
    except OSError as error:
        log.warning("The latents of %s cannot be kept (%s).", audio.name, error)
