"""A sound font for tests, made here: program 1 is a sine that sounds while its key is down, drums are short bursts of noise.

Source: SoundFont Technical Specification 2.04, chapters 5 to 7.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np

#: A rate at which a period of 440 Hz is whole.
_RATE_HZ, _PERIOD, _PERIODS = 44_000, 100, 20
_PADDING = 46  # samples of silence after each sample
_INSTRUMENT, _SAMPLE_ID, _SAMPLE_MODES, _LOOP = 41, 53, 54, 1
_A4 = 69


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _list(name: bytes, *chunks: bytes) -> bytes:
    return _chunk(b"LIST", name + b"".join(chunks))


def _name(text: str) -> bytes:
    return text.encode().ljust(20, b"\0")


def _generators(rows: Sequence[tuple[int, int]]) -> bytes:
    return b"".join(struct.pack("<HH", *row) for row in (*rows, (0, 0)))


def sine_font() -> bytes:
    """Return the file."""
    sine = 0.5 * np.sin(2 * np.pi * np.arange(_PERIOD * _PERIODS) / _PERIOD)
    burst = 0.5 * np.random.default_rng(1).uniform(-1, 1, 1500) * np.linspace(1, 0, 1500)
    gap = np.zeros(_PADDING)
    samples = (32767 * np.concatenate((sine, gap, burst, gap))).astype("<i2").tobytes()
    second = len(sine) + _PADDING
    presets = [("sine", 0, 0, 0), ("kit", 0, 128, 1), ("EOP", 0, 0, 2)]
    headers = [
        ("sine", 0, len(sine), _PERIOD, len(sine) - _PERIOD, _RATE_HZ, _A4, 0, 0, 1),
        ("burst", second, second + len(burst), second, second + len(burst), _RATE_HZ, _A4, 0, 0, 1),
        ("EOS", 0, 0, 0, 0, 0, 0, 0, 0, 0),
    ]
    bags = struct.pack("<6H", 0, 0, 1, 0, 2, 0)
    no_modulators = bytes(10)
    info = _list(
        b"INFO", _chunk(b"ifil", struct.pack("<HH", 2, 4)), _chunk(b"isng", b"EMU8000\0"), _chunk(b"INAM", b"sine")
    )
    data = _list(
        b"pdta",
        _chunk(b"phdr", b"".join(_name(n) + struct.pack("<HHHIII", p, bank, bag, 0, 0, 0) for n, p, bank, bag in presets)),
        _chunk(b"pbag", bags),
        _chunk(b"pmod", no_modulators),
        _chunk(b"pgen", _generators([(_INSTRUMENT, 0), (_INSTRUMENT, 1)])),
        _chunk(b"inst", b"".join(_name(n) + struct.pack("<H", bag) for n, bag in (("sine", 0), ("burst", 1), ("EOI", 2)))),
        _chunk(b"ibag", struct.pack("<6H", 0, 0, 2, 0, 3, 0)),
        _chunk(b"imod", no_modulators),
        _chunk(b"igen", _generators([(_SAMPLE_MODES, _LOOP), (_SAMPLE_ID, 0), (_SAMPLE_ID, 1)])),
        _chunk(b"shdr", b"".join(_name(header[0]) + struct.pack("<5IBbHH", *header[1:]) for header in headers)),
    )  # fmt: skip
    return _chunk(b"RIFF", b"sfbk" + info + _list(b"sdta", _chunk(b"smpl", samples)) + data)
