"""A result, which is a WAV file, in another format: the same music, as long, and what its chunks say as tags."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from acestep_runtime import units
from acestep_runtime.audio import convert, decode
from acestep_runtime.audio.encode import FORMATS, write_file
from acestep_runtime.audio.samples import Samples
from acestep_runtime.audio.tags.riff import read_chunks_of
from acestep_runtime.audio.tags.transfer import tag_file, tags_for
from acestep_runtime.temporary_files import temporary_file


def export(source: Path, path: Path, bits: int = 0) -> tuple[str, ...]:
    """Write the WAV file ``source`` as ``path``, in the format of its ending, one of `FORMATS`; both may be in one folder.

    Integers have ``bits``, by default as many as the source has where the format holds them, else the usual ones. Return
    sentences on what is not as in the source. Raises ``OSError`` as the file system does.
    """
    format_ = FORMATS[path.suffix.lower()]
    info = decode.measure(source, name=path.name)
    rate_hz = format_.rate_for(info.sample_rate)
    depth = bits or (16 if info.subtype == "PCM_16" and 16 in format_.bits else 0)
    tags = tags_for(path, read_chunks_of(source), info.sample_rate, rate_hz)
    with temporary_file(path) as encoded:
        peaks = write_file(encoded, blocks_at(source, info, rate_hz), info.channels, rate_hz, format_, depth)
        notes = tag_file(encoded, path, format_, tags)
    said = [peaks.sentence(path.name) + " WAV (float32) holds everything."] if peaks.clipped else []
    if rate_hz != info.sample_rate:
        said.append(f"{path.name} has {rate_hz} Hz: {path.suffix[1:]} holds no {info.sample_rate} Hz.")
    return (*said, *tags.notes, *notes)


def blocks_at(source: Path, info: decode.MediaInfo, rate_hz: int) -> Iterator[Samples]:
    """Yield a file that was measured as blocks ``[n, C]`` at a rate; without a change of rate its own samples."""
    frames = units.frames_to_frames(info.frames, info.sample_rate, rate_hz)
    stream, at = convert.StreamResampler(info.sample_rate, rate_hz, info.channels, frames), 0
    for block in decode.blocks(source):
        at += len(block)
        yield stream.push(block, last=at == info.frames)
