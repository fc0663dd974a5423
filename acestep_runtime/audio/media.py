"""Media files that libsndfile does not read: AAC and M4A, WMA, the sound of video files.

A process of its own decodes them, with PyAV (the extra ``media``) or the program ffmpeg, so that a fault in a demuxer ends
nothing else. It is told the container, which is known from its first bytes; it opens files and nothing else, and is ended when
it takes too long or writes too much. What it writes is AU: a header and float32 samples.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, NamedTuple

from acestep_runtime.audio.containers import size_of_tag
from acestep_runtime.installation import install_remedy

EXTRA = "media"
#: Variables that a program which reads files of strangers does not get: tokens of daemons and of hubs.
SECRET_VARIABLES = ("ACEBRIDGE_TOKEN", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_HUB_TOKEN")
#: Longer media files are refused: six hours of stereo at 48 kHz take 8.3 GB while they are read.
MAX_S = 6 * 3600
#: How long reading a header, and decoding, may take.
_HEADER_LIMIT_S, _DECODE_LIMIT_S = 60.0, 3600.0
_CHUNK_BYTES = 1 << 20
_MAX_MESSAGE_BYTES = 1 << 16
#: What the lengths of frames and the delays of encoders make a header wrong by.
_ROUNDING_S = 0.1
_AU = struct.Struct(">4sIIIII")


class Kind(NamedTuple):
    """A container: its name for people, the name of its demuxer in FFmpeg, and whether its header states a length."""

    name: str
    demuxer: str
    states_length: bool = True


#: Offset and bytes by which a container is known.
_KINDS: tuple[tuple[int, bytes, Kind], ...] = (
    (4, b"ftyp", Kind("MPEG-4", "mov")),
    *((4, atom, Kind("QuickTime", "mov")) for atom in (b"moov", b"mdat", b"wide", b"free", b"skip")),
    (0, b"\x1a\x45\xdf\xa3", Kind("Matroska or WebM", "matroska")),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Kind("WMA or WMV", "asf")),
    *((0, mark, Kind("AAC", "aac", False)) for mark in (b"\xff\xf0", b"\xff\xf1", b"\xff\xf8", b"\xff\xf9", b"ADIF")),
    (8, b"AVI ", Kind("AVI", "avi")),
    (0, b"FLV\x01", Kind("FLV", "flv")),
    (0, b"\0\0\x01\xba", Kind("MPEG", "mpeg", False)),
    (0, b"wvpk", Kind("WavPack", "wv")),
    (0, b"MAC ", Kind("Monkey's Audio", "ape")),
    (0, b"TTA1", Kind("TTA", "tta")),
    (0, b"MPCK", Kind("Musepack", "mpc8")),
    (0, b"tBaK", Kind("TAK", "tak")),
    (0, b"#!AMR", Kind("AMR", "amr", False)),
    (0, b"DSD ", Kind("DSD", "dsf")),
)
_TS_PACKET = 188


@dataclass(frozen=True)
class Header:
    """What a media file says of its sound: ``duration_s`` is the length of its packets, an estimate, ``promised_s`` that in its
    header, 0 where there is none.
    """

    rate_hz: int
    channels: int
    duration_s: float
    promised_s: float = 0.0


class ConversionError(Exception):
    """A media file cannot be decoded here: ``what`` is wrong with it, and what to do."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what, self.remedy = what, remedy


def kind_of(file: BinaryIO) -> Kind | None:
    """Return what kind of media file this is; ``None`` for everything that libsndfile may read."""
    file.seek(0)
    head = file.read(_TS_PACKET + 1)
    if head[:3] == b"ID3":
        file.seek(size_of_tag(file))
        head = file.read(16)
    for at, mark, kind in _KINDS:
        if head[at : at + len(mark)] == mark:
            return kind
    is_ts = len(head) > _TS_PACKET and head[0] == head[_TS_PACKET] == 0x47 and head[3] & 0x10
    return Kind("MPEG-TS", "mpegts", False) if is_ts else None


def read_header(path: str | os.PathLike[str], kind: Kind) -> Header:
    """Return what a media file says of its sound. Raises `ConversionError`."""
    tool = _tool(kind)
    with _run(tool.header_command(path, kind), _HEADER_LIMIT_S) as (out, messages):
        head = _read_au(out, kind)
        while out.read(_CHUNK_BYTES):
            pass
        said = messages()
    promised_s = _last_time_s("Duration: ", said) if kind.states_length else 0.0
    return Header(head.rate_hz, head.channels, _last_time_s("time=", said), promised_s)


def convert(path: str | os.PathLike[str], kind: Kind, into: Path) -> tuple[str, ...]:
    """Decode the first sound of a media file into an AU file; return what is wrong with it. Raises `ConversionError`."""
    promised_s = read_header(path, kind).promised_s
    tool = _tool(kind)
    with _run(tool.decode_command(path, kind), _DECODE_LIMIT_S) as (out, _), into.open("xb") as file:
        head = _read_au(out, kind)
        frame_bytes = 4 * head.channels
        file.write(_AU.pack(b".snd", _AU.size, 0xFFFF_FFFF, 6, head.rate_hz, head.channels))
        written, most = 0, MAX_S * head.rate_hz * frame_bytes
        while chunk := out.read(_CHUNK_BYTES):
            written += file.write(chunk)
            if written > most:
                raise ConversionError(f"is longer than {MAX_S // 3600} hours", "Cut out the part that matters.")
    duration_s = written / frame_bytes / head.rate_hz
    if promised_s - duration_s <= _ROUNDING_S:
        return ()
    return (f"was cut off: its header promises {promised_s:.3f} s, but it ends after {duration_s:.3f} s",)


# ---- the programs ----


class _PyAV:
    """PyAV, in a Python of its own."""

    def header_command(self, path: str | os.PathLike[str], kind: Kind) -> list[str]:
        return self._command("header", path, kind)

    def decode_command(self, path: str | os.PathLike[str], kind: Kind) -> list[str]:
        return self._command("decode", path, kind)

    def _command(self, work: str, path: str | os.PathLike[str], kind: Kind) -> list[str]:
        return [sys.executable, "-m", "acestep_runtime.audio.media_process", work, kind.demuxer, _url(path)]


class _FFmpeg:
    """The program ffmpeg."""

    def __init__(self, program: str) -> None:
        self._program = program

    def header_command(self, path: str | os.PathLike[str], kind: Kind) -> list[str]:
        # A frame of sound for the header, and all packets, which are not decoded, for the length.
        first = ["-map", "0:a:0", "-frames:a", "1", "-c:a", "pcm_f32be", "-f", "au", "pipe:1"]
        return [*self._input(path, kind, "info"), *first, "-map", "0:a:0", "-c", "copy", "-f", "null", "-"]

    def decode_command(self, path: str | os.PathLike[str], kind: Kind) -> list[str]:
        return [*self._input(path, kind, "error"), "-map", "0:a:0", "-c:a", "pcm_f32be", "-f", "au", "pipe:1"]

    def _input(self, path: str | os.PathLike[str], kind: Kind, level: str) -> list[str]:
        begin = [self._program, "-nostdin", "-hide_banner", "-v", level, "-stats"]
        return [*begin, "-protocol_whitelist", "file", "-f", kind.demuxer, "-i", _url(path)]


def _url(path: str | os.PathLike[str]) -> str:
    """Return a path that is never taken for an option or an address."""
    return f"file:{os.fspath(Path(path).absolute())}"


def _tool(kind: Kind) -> _PyAV | _FFmpeg:
    if importlib.util.find_spec("av") is not None:
        return _PyAV()
    if (program := shutil.which("ffmpeg")) is not None:
        return _FFmpeg(program)
    raise ConversionError(
        f"is {kind.name}, which takes PyAV or ffmpeg to read",
        f"Convert it to WAV, or install ffmpeg. {install_remedy(EXTRA)}",
    )


@contextmanager
def _run(command: list[str], limit_s: float) -> Iterator[tuple[IO[bytes], Callable[[], str]]]:
    """Run a command; yield its output and a function that returns what it says. It ends with the block, or at the limit."""
    with tempfile.TemporaryDirectory(prefix="acebridge-") as empty, tempfile.TemporaryFile() as said:
        # Started in an empty folder: Python looks for modules where it is started.
        environment = {name: value for name, value in os.environ.items() if name not in SECRET_VARIABLES}
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said, cwd=empty, env=environment
        )
        assert process.stdout is not None
        expired = threading.Timer(limit_s, process.kill)
        expired.start()

        def messages() -> str:
            process.wait()
            said.seek(max(said.seek(0, os.SEEK_END) - _MAX_MESSAGE_BYTES, 0))
            return said.read().decode("utf-8", "replace")

        try:
            yield process.stdout, messages
            if process.wait() < 0 and not expired.is_alive():
                raise ConversionError(f"takes more than {limit_s:.0f} s to decode", "Convert it to WAV.")
        finally:
            expired.cancel()
            process.kill()
            process.stdout.close()
            process.wait()


def _read_au(out: IO[bytes], kind: Kind) -> Header:
    """Read the header of the output. Raises `ConversionError` when there is none."""
    head = out.read(_AU.size)
    if len(head) == _AU.size:
        mark, start, _, encoding, rate_hz, channels = _AU.unpack(head)
        if mark == b".snd" and encoding == 6 and channels and _AU.size <= start < 1 << 16:
            out.read(start - _AU.size)
            return Header(rate_hz, channels, 0.0)
    raise ConversionError(f"is {kind.name}, but no sound in it can be decoded; it may be cut off", "Convert it to WAV.")


def _last_time_s(mark: str, messages: str) -> float:
    """Return the last time behind ``mark`` in what ffmpeg, or the process of PyAV, said; 0 without any."""
    found = re.findall(mark + r"(\d+):(\d\d):(\d\d(?:\.\d+)?)", messages)
    if not found:
        return 0.0
    hours, minutes, seconds = found[-1]
    return 3600 * int(hours) + 60 * int(minutes) + float(seconds)
