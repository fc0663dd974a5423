import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acestep_runtime.audio.tags.positions import (
    TimeLine,
    move_bext,
    move_chunks,
    read_cues,
    read_labels,
    read_loops,
    time_reference,
)
from acestep_runtime.audio.tags.riff import Chunk
from tests.support import wave_chunks as made

RATES = st.sampled_from((44_100, 48_000, 88_200, 96_000))


def chunks(*frames: int) -> list[Chunk]:
    names = {n: b"part %d" % n for n in range(1, len(frames) + 1)}
    return [
        Chunk(b"bext", made.bext(1_000)),
        Chunk(b"cue ", made.cue(*frames)),
        Chunk(b"LIST", made.labels(names, {1: 500})),
    ]


def test_a_result_in_the_place_of_its_source_keeps_every_position() -> None:
    line = TimeLine(48_000, 96_000, 0, 48_000, 0, 96_000)
    moved = move_chunks([*chunks(0, 4_800, 96_000), Chunk(b"smpl", made.smpl(48_000, (100, 199)))], line)
    by_name = {chunk.name: chunk.body for chunk in moved.chunks}
    assert by_name[b"cue "] == made.cue(0, 4_800, 96_000)
    assert by_name[b"smpl"] == made.smpl(48_000, (100, 199))
    assert by_name[b"LIST"] == made.labels({n: b"part %d" % n for n in (1, 2, 3)}, {1: 500})
    assert by_name[b"bext"][:348] == made.bext(1_000)[:348]
    assert (moved.markers, moved.loops) == ((3, 3), (1, 1))


def test_a_region_begins_later_and_keeps_what_is_in_it() -> None:
    line = TimeLine(48_000, 96_000, 0, 48_000, 24_000, 24_000)  # 0.5 s to 1 s
    moved = move_chunks([*chunks(23_999, 24_000, 48_001), Chunk(b"smpl", made.smpl(48_000, (1, 24_500)))], line)
    by_name = {chunk.name: chunk.body for chunk in moved.chunks}
    assert read_cues(by_name[b"cue "]) == {2: 0}
    assert read_labels(moved.chunks) == {2: "part 2"}
    assert time_reference(by_name[b"bext"]) == 25_000
    assert read_loops(by_name[b"smpl"]) == []
    assert (moved.markers, moved.loops) == ((3, 1), (1, 0))


def test_another_rate_scales_positions_and_the_period() -> None:
    line = TimeLine(48_000, 48_000, 0, 96_000, 0, 96_000)
    moved = move_chunks([*chunks(10), Chunk(b"smpl", made.smpl(48_000, (100, 199)))], line)
    by_name = {chunk.name: chunk.body for chunk in moved.chunks}
    assert read_cues(by_name[b"cue "]) == {1: 20}
    assert read_loops(by_name[b"smpl"]) == [(200, 399)]
    assert struct.unpack_from("<I", by_name[b"smpl"], 8)[0] == round(1e9 / 96_000)
    assert time_reference(by_name[b"bext"]) == 2_000
    (regions,) = [chunk.body for chunk in moved.chunks if chunk.list_type == b"adtl"]
    assert struct.pack("<II", 1, 1_000) in regions  # the length of a region


def test_music_put_before_the_source_moves_marks_back_and_the_time_forward() -> None:
    line = TimeLine(48_000, 48_000, 0, 48_000, -480, 48_480)
    moved = move_chunks(chunks(100), line)
    by_name = {chunk.name: chunk.body for chunk in moved.chunks}
    assert read_cues(by_name[b"cue "]) == {1: 580}
    assert time_reference(by_name[b"bext"]) == 520
    early = move_bext(made.bext(100), line)
    assert time_reference(early) == 0  # no time is before midnight


def test_a_part_of_a_file_counts_from_its_start() -> None:
    line = TimeLine(48_000, 96_000, 48_000, 48_000, 0, 48_000)
    moved = move_chunks(chunks(100, 48_100), line)
    by_name = {chunk.name: chunk.body for chunk in moved.chunks}
    assert read_cues(by_name[b"cue "]) == {2: 100}
    assert time_reference(by_name[b"bext"]) == 49_000


def test_the_name_and_the_loudness_of_another_recording_are_not_kept() -> None:
    line = TimeLine(48_000, 96_000, 0, 48_000, 0, 96_000)
    body = move_bext(made.bext(7, version=2), line)
    assert body[348:412] == bytes(64)
    assert struct.unpack_from("<5h", body, 412) == (0x7FFF,) * 5
    assert body[602:] == b"A=PCM,F=48000\r\n"[: len(body) - 602]


@given(rate=RATES, to=RATES, start=st.integers(-1_000, 10_000), at=st.lists(st.integers(0, 96_000), max_size=8))
def test_no_position_is_beyond_the_result(rate: int, to: int, start: int, at: list[int]) -> None:
    line = TimeLine(rate, 96_000, 0, to, start, 20_000)
    moved = move_chunks(chunks(*at), line)
    cues = [read_cues(chunk.body) for chunk in moved.chunks if chunk.name == b"cue "]
    left = cues[0] if cues else {}
    assert all(0 <= frame <= 20_000 for frame in left.values())
    assert moved.markers == (len(at), len(left))
    expected = {n: at * to / rate - start for n, at in enumerate(at, 1)}
    assert all(abs(frame - expected[n]) <= 0.5 for n, frame in left.items())
    assert all(not 0.5 < expected[n] < 19_999.5 for n in expected.keys() - left.keys())


@pytest.mark.parametrize("name", [b"bext", b"cue ", b"smpl", b"cart", b"LIST"])
@given(body=st.binary(max_size=800))
def test_chunks_of_any_bytes_do_no_harm(name: bytes, body: bytes) -> None:
    line = TimeLine(44_100, 96_000, 10, 48_000, 5, 20_000)
    for each in move_chunks([Chunk(name, body), Chunk(b"LIST", b"adtl" + body)], line).chunks:
        assert len(each.body) <= len(body) + 40
