"""Every container and codec that libsndfile can write: whole, cut off and joined, read by parts and at once.

A length is either right or reported: nothing is cut short in silence.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import soundfile as sf

from acestep_runtime.audio import decode
from acestep_runtime.errors import UnreadableAudio
from tests.support.audio_files import encode, tune

#: Formats without a header, or with one in a second file.
_NOT_IN_ONE_FILE = {"RAW", "SD2"}
#: Containers whose header holds no length: what is there is all that is known.
_WITHOUT_LENGTH = {"IRCAM", "PAF", "PVF", "XI"}
#: Containers of which several may follow one another in a file.
_JOINED = {"MP3", "OGG", "FLAC", "WAV", "WAVEX"}
#: Frames that a codec puts at the end, at most: its blocks are full, or bytes are padded.
_PADDING = {"IMA_ADPCM": 8192, "MS_ADPCM": 8192, "GSM610": 640, "NMS_ADPCM_16": 160, "NMS_ADPCM_24": 160, "NMS_ADPCM_32": 160,
            "G721_32": 128, "G723_24": 128, "G723_40": 128}  # fmt: skip
_RATES_HZ = (8_000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000)
#: What is cut off, in parts of a file, and a length that is no multiple of a block.
_CUTS, _FRAMES = 10, 30_011


class Case(NamedTuple):
    kind: str
    subtype: str
    rate_hz: int
    channels: int


def kinds() -> list[tuple[str, str]]:
    return [
        (kind, subtype)
        for kind in sf.available_formats()
        if kind not in _NOT_IN_ONE_FILE
        for subtype in sf.available_subtypes(kind)
    ]


def write(case: Case) -> bytes | None:
    """The file, or nothing where libsndfile cannot write it, or not read what it has written."""
    try:
        data = encode(tune(_FRAMES / case.rate_hz, case.rate_hz, case.channels), case.rate_hz, case.kind, case.subtype)
    except (sf.LibsndfileError, ValueError):
        return None
    return data


def check_parts(path: Path, chance: np.random.Generator) -> decode.MediaInfo:
    """Check that parts equal the whole; a file that was cut off may be refused instead, with a sentence."""
    info = decode.probe(path)
    whole = decode.read(path)
    assert len(whole) == info.frames
    for _ in range(2):
        start, stop = sorted(int(frame) for frame in chance.integers(0, info.frames + 1, 2))
        assert np.array_equal(decode.read(path, start_frame=start, stop_frame=stop), whole[start:stop])
    assert np.array_equal(decode.read(path, start_frame=info.frames - 1), whole[-1:])
    return info


def check(case: Case, folder: Path, cuts: tuple[int, ...]) -> bool:
    """Check a container; return whether libsndfile can write it."""
    data = write(case)
    if data is None:
        return False
    path, chance = folder / "song", np.random.default_rng(len(data))
    path.write_bytes(data)
    info = check_parts(path, chance)
    assert (info.header_duration_s, info.faults) == (None, ())
    assert 0 <= info.frames - _FRAMES <= _PADDING.get(case.subtype, 10), info
    if case.kind in _JOINED:
        path.write_bytes(data * 2)
        assert check_parts(path, chance).frames == 2 * info.frames
    for cut in cuts:
        path.write_bytes(data[: cut * len(data) // (_CUTS + 1)])
        try:
            found = check_parts(path, chance)
        except UnreadableAudio:
            continue
        if case.kind not in _WITHOUT_LENGTH and info.duration_s - found.duration_s > decode.MISSING_S:
            promises = (
                found.header_duration_s is not None and found.header_duration_s - found.duration_s > decode.MISSING_S
            )
            assert promises or found.faults, (cut, found)
    return True


@pytest.mark.parametrize("kind", sorted({kind for kind, _ in kinds()}))
def test_a_length_is_right_or_reported(tmp_path: Path, kind: str) -> None:
    """A sample: each codec once, with a rate and a number of channels that change from one to the next."""
    subtypes = [subtype for each, subtype in kinds() if each == kind]
    written = 0
    for number, subtype in enumerate(subtypes):
        for rate_hz, channels in ((_RATES_HZ[number % len(_RATES_HZ)], 1 + number % 2), (8_000, 1)):
            if check(Case(kind, subtype, rate_hz, channels), tmp_path, (1 + number % _CUTS, _CUTS)):
                written += 1
                break
    assert written


@pytest.mark.campaign("faults", only=True)
@pytest.mark.parametrize("kind", sorted({kind for kind, _ in kinds()}))
def test_every_length_is_right_or_reported(tmp_path: Path, kind: str) -> None:
    for each, subtype in kinds():
        if each == kind:
            for rate_hz in _RATES_HZ:
                for channels in (1, 2):
                    check(Case(kind, subtype, rate_hz, channels), tmp_path, tuple(range(1, _CUTS + 1)))
