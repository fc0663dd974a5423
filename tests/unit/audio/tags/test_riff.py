import io
import struct

from hypothesis import given
from hypothesis import strategies as st

from acestep_runtime.audio.tags import riff
from acestep_runtime.audio.tags.riff import Chunk, WaveChunks, pack, read_chunks, unpack
from acestep_runtime.midi.files import MAX_MIDI_TEXT
from tests.support import wave_chunks as made
from tests.support.signals import noise

CHUNKS = st.lists(st.builds(Chunk, st.sampled_from(riff.NAMES), st.binary(max_size=50)), max_size=5)


@given(chunks=CHUNKS)
def test_chunks_come_back_as_they_were(chunks: list[Chunk]) -> None:
    assert unpack(pack(chunks)) == tuple(chunks)
    assert len(pack(chunks)) % 2 == 0
    before, after = chunks[: len(chunks) // 2], chunks[len(chunks) // 2 :]
    file = made.pcm16_file(noise(0.01), pack(before), after=[pack(after)])
    assert read_chunks(io.BytesIO(file)) == WaveChunks(tuple(chunks))


@given(data=st.binary(max_size=300), cut=st.integers(0, 400))
def test_bytes_of_any_kind_are_read_without_harm(data: bytes, cut: int) -> None:
    file = made.pcm16_file(noise(0.001), made.chunk(b"bext", b"x" * 40))
    assert sum(8 + len(chunk.body) for chunk in unpack(data)) <= len(data)
    assert all(chunk == Chunk(b"bext", b"x" * 40) for chunk in read_chunks(io.BytesIO(file[:cut])).chunks)


def test_what_is_too_long_is_named() -> None:
    picture = made.chunk(b"id3 ", bytes(riff.MAX_BYTES + 1))
    found = read_chunks(io.BytesIO(made.pcm16_file(noise(0.01), picture, made.chunk(b"bext", b"short"))))
    assert found == WaveChunks((Chunk(b"bext", b"short"),), ("id3",))


def test_a_recipe_with_the_largest_midi_file_is_kept_beside_other_chunks() -> None:
    recipe = Chunk(b"iXML", bytes(MAX_MIDI_TEXT + 50_000))
    others = Chunk(b"bext", bytes(riff.MAX_BYTES - 600))
    found = read_chunks(io.BytesIO(made.pcm16_file(noise(0.01), pack([recipe, others]))))
    assert found == WaveChunks((recipe, others))
    too_long = made.chunk(b"iXML", bytes(riff.MAX_IXML_BYTES + 1))
    assert read_chunks(io.BytesIO(made.pcm16_file(noise(0.01), too_long))) == WaveChunks((), ("iXML",))


def test_rf64_holds_chunks_behind_samples_whose_size_is_in_ds64() -> None:
    samples = bytes(4_000)
    fmt = made.chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 48_000, 96_000, 2, 16))
    ds64 = made.chunk(b"ds64", struct.pack("<QQQI", 0, len(samples), 2_000, 0))
    body = b"WAVE" + ds64 + fmt + b"data" + struct.pack("<I", 0xFFFFFFFF) + samples + made.chunk(b"bext", b"late")
    file = b"RF64" + struct.pack("<I", 0xFFFFFFFF) + body
    assert read_chunks(io.BytesIO(file)).chunks == (Chunk(b"bext", b"late"),)


def test_files_of_other_kinds_have_no_chunks() -> None:
    for data in (b"", b"fLaC", b"RIFX\0\0\0\0WAVE" + made.chunk(b"bext", b"x"), b"RIFF\0\0\0\0AVI "):
        assert read_chunks(io.BytesIO(data)) == WaveChunks()
