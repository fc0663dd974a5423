"""Audio for a page: small (FLAC), in the page or beside it, with its loudness and the peaks of its waveform.

FLAC of 16 bits is half as large as of 24, and its error, at most -98 dB, is not heard. It has no dither: where two takes are
equal, so are they on the page.

A page that is opened as a file may play a sound file beside it, but its script may not read one. Where it has to, the file is a
script itself, which hands its audio to the page.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from acebridge.pages.waveform import PeakMeter, Peaks
from acestep_runtime.audio import decode
from acestep_runtime.audio.loudness import LoudnessMeter
from acestep_runtime.audio.samples import Samples

#: Audio of more bytes than this lies beside a page: browsers take long to open larger ones.
EMBEDDED_BYTES = 60_000_000
#: What is small already and plays in every browser.
_KEPT_FORMATS = {"FLAC": "audio/flac", "OGG": "audio/ogg", "MP3": "audio/mpeg"}
_COLUMNS = 600
_BLOCK_FRAMES = 1 << 16


@dataclass(frozen=True)
class Sound:
    """Audio as a page holds it, ``data`` in FLAC, and what was measured while it was read."""

    data: bytes
    rate_hz: int
    frames: int
    lufs: float
    peaks: Peaks

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.frames / self.rate_hz


def read_sound(path: Path, columns: int = _COLUMNS) -> Sound:
    """Read a file, of any kind that AceBridge reads, in one pass. Raises `UnreadableAudio`."""
    info = decode.measure(path, field="file")
    meter, levels, out = LoudnessMeter(info.sample_rate), PeakMeter(info.frames, columns), io.BytesIO()

    def measure() -> Iterator[Samples]:
        for block in decode.blocks(path, field="file"):
            meter.push(block)
            levels.push(block)
            yield block

    _write_flac(out, measure(), info.sample_rate, info.channels)
    return Sound(out.getvalue(), info.sample_rate, info.frames, meter.integrated_lufs(), levels.peaks())


def flac(samples: Samples, rate_hz: int) -> bytes:
    """Return ``[N, C]`` as FLAC of 16 bits."""
    out = io.BytesIO()
    blocks = (samples[at : at + _BLOCK_FRAMES] for at in range(0, len(samples), _BLOCK_FRAMES))
    _write_flac(out, blocks, rate_hz, samples.shape[1])
    return out.getvalue()


def playable(path: Path) -> tuple[str, bytes]:
    """Return the type and the bytes of a file as browsers play it: what is small already as it is, all else as FLAC.

    Raises `UnreadableAudio`.
    """
    info = decode.measure(path, field="file", any_channels=True)
    if info.format in _KEPT_FORMATS and not info.faults:
        return _KEPT_FORMATS[info.format], path.read_bytes()
    out = io.BytesIO()
    blocks = decode.blocks(path, field="file", any_channels=True)
    _write_flac(out, blocks, info.sample_rate, info.channels)
    return "audio/flac", out.getvalue()


def _write_flac(out: BinaryIO, blocks: Iterable[Samples], rate_hz: int, channels: int) -> None:
    import soundfile

    with soundfile.SoundFile(out, "w", rate_hz, channels, "PCM_16", format="FLAC") as file:
        for block in blocks:
            file.write(block)


def data_url(kind: str, data: bytes) -> str:
    """Return bytes as an address that holds them."""
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"


def sound_block(name: str, data: bytes) -> str:
    """Return an element that holds audio for the player's script. ``name`` is an identifier."""
    return f'<script type="text/plain" id="{name}">{base64.b64encode(data).decode("ascii")}</script>\n'


def sound_script(data: bytes) -> bytes:
    """Return the script beside a page that hands audio to the player."""
    return b'acebridgeSound("' + base64.b64encode(data) + b'");\n'
