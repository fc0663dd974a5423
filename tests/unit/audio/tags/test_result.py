import io
import struct
from pathlib import Path

import numpy as np
import soundfile as sf
from tinytag import TinyTag

from acestep_runtime.audio import wav
from acestep_runtime.audio.tags.ixml import read_recipe, write_ixml
from acestep_runtime.audio.tags.positions import TimeLine
from acestep_runtime.audio.tags.result import Maker, ResultChunks, SourceTags
from tests.support import wave_chunks as made
from tests.support.signals import noise

WHOLE = TimeLine(48_000, 4_800, 0, 48_000, 0, 4_800)
MAKER = Maker("AceBridge 1.2.3", "cover of a.wav", '{"seed":1,"text":"a<b & ]]> \\u00e9"}')
XML = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<BWFXML><SCENE>12é</SCENE><FILE_UID>abc</FILE_UID><SPEED>'
    "<FILE_SAMPLE_RATE>48000</FILE_SAMPLE_RATE><AUDIO_BIT_DEPTH>16</AUDIO_BIT_DEPTH>"
    "<TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_HI>1</TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_HI>"
    "<TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO>4294967290</TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO></SPEED></BWFXML>"
)


def result_of(
    source: bytes, tmp_path: Path, line: TimeLine = WHOLE, maker: Maker = MAKER
) -> tuple[bytes, ResultChunks]:
    """The file of a result, and what was said of it."""
    path = tmp_path / "source"
    path.write_bytes(source)
    found = SourceTags.read(path).chunks_for(line, "float32", maker)
    samples = noise(line.frames / 48_000)
    head = wav.header(len(samples), samples.shape[1], line.rate, "float32", found.data)
    return head + wav.encode(samples, "float32"), found


def test_a_result_keeps_what_its_source_says_and_says_how_it_was_made(tmp_path: Path) -> None:
    info = b"INFO" + made.chunk(b"INAM", b"Song\0") + made.chunk(b"ISFT", b"Other\0") + made.chunk(b"ICMT", b"mine\0")
    id3 = b"ID3\x04\0\0\0\0\0\x13TIT2\0\0\0\x09\0\0\x03A title"
    source = made.pcm16_file(
        noise(0.1),
        made.chunk(b"bext", made.bext(99)),
        made.chunk(b"JUNK", bytes(28)),
        after=[
            made.chunk(b"cue ", made.cue(10, 20)),
            made.chunk(b"LIST", made.labels({1: b"verse", 2: b"chorus"})),
            made.chunk(b"LIST", info),
            made.chunk(b"id3 ", id3),
            made.chunk(b"iXML", XML.encode()),
        ],
    )
    file, found = result_of(source, tmp_path)
    assert found.notes == ()
    chunks = made.read_chunks(file)
    by_name = dict(reversed(chunks))
    assert [name for name, _ in chunks] == [
        b"fmt ", b"fact", b"bext", b"cue ", b"LIST", b"id3 ", b"iXML", b"LIST", b"data",
    ]  # fmt: skip
    assert struct.unpack_from("<Q", by_name[b"bext"], 338) == (99,)
    assert by_name[b"cue "] == made.cue(10, 20)
    assert by_name[b"id3 "] == id3
    assert by_name[b"LIST"] == made.labels({1: b"verse", 2: b"chorus"})
    assert made.info_of(file) == {b"INAM": b"Song", b"ISFT": b"AceBridge 1.2.3", b"ICMT": b"mine"}
    assert read_recipe(by_name[b"iXML"]) == MAKER.recipe
    assert "<SCENE>12é</SCENE>" in by_name[b"iXML"].decode()
    with sf.SoundFile(io.BytesIO(file)) as read:
        assert (read.frames, read.title, read.comment, read.software) == (4_800, "Song", "mine", "AceBridge 1.2.3")


def test_equal_results_are_equal_bytes(tmp_path: Path) -> None:
    source = made.pcm16_file(noise(0.1), made.chunk(b"bext", made.bext(99)))
    assert result_of(source, tmp_path)[0] == result_of(source, tmp_path)[0]


def test_a_result_without_a_source_says_how_it_was_made() -> None:
    found = SourceTags().chunks_for(None, "float32", MAKER)
    file = wav.header(0, 1, 48_000, "float32", found.data)
    assert made.info_of(file) == {b"ISFT": b"AceBridge 1.2.3", b"ICMT": b"AceBridge: cover of a.wav"}
    assert read_recipe(dict(made.read_chunks(file))[b"iXML"]) == MAKER.recipe


def test_a_recipe_replaces_that_of_the_source_and_leaves_with_the_setting(tmp_path: Path) -> None:
    first, _ = result_of(made.pcm16_file(noise(0.1)), tmp_path)
    second, _ = result_of(first, tmp_path, maker=Maker("AceBridge 2", "repaint", "{}"))
    assert read_recipe(dict(made.read_chunks(second))[b"iXML"]) == "{}"
    assert second.count(b"<RECIPE>") == 1
    assert made.info_of(second)[b"ICMT"] == b"AceBridge: repaint"
    bare, _ = result_of(first, tmp_path, maker=Maker("AceBridge 2"))
    assert b"RECIPE" not in bare
    assert made.info_of(bare) == {b"ISFT": b"AceBridge 2"}


def test_what_does_not_fit_is_said(tmp_path: Path) -> None:
    source = made.pcm16_file(
        noise(0.1), made.chunk(b"cue ", made.cue(10, 4_000)), made.chunk(b"smpl", made.smpl(48_000, (1, 4_000))),
        made.chunk(b"id3 ", bytes(300_000)), made.chunk(b"iXML", b"\xff\xfe<"), made.chunk(b"bext", made.bext(5)[:400]),
    )  # fmt: skip
    _, found = result_of(source, tmp_path, TimeLine(48_000, 4_800, 0, 48_000, 0, 1_000))
    assert found.notes == (
        "1 of 2 markers lie outside the result and were left out",
        "1 of 1 loops lie outside the result and were left out",
        "the bext chunk cannot be read and was left out",
        "the id3 chunk of more than 256 KiB was left out",
        "the iXML chunk cannot be read and was left out",
    )


def test_names_of_a_flac_become_those_of_the_result(tmp_path: Path) -> None:
    path = tmp_path / "source.flac"
    with sf.SoundFile(path, "w", 48_000, 2) as file:
        file.title, file.artist, file.album, file.date = "Tïtle", "Someone", "Album", "2024"
        file.tracknumber, file.comment = "3", "a note"
        file.write(noise(0.1))
    found = SourceTags.read(path).chunks_for(WHOLE, "float32", MAKER)
    head = wav.header(0, 2, 48_000, "float32", found.data)
    assert made.info_of(head) == {
        b"INAM": "Tïtle".encode(), b"IART": b"Someone", b"IPRD": b"Album", b"ICRD": b"2024", b"ITRK": b"3",
        b"ICMT": b"a note", b"ISFT": b"AceBridge 1.2.3",
    }  # fmt: skip


def test_tempo_and_key_of_an_mp3_come_as_id3(tmp_path: Path) -> None:
    frames = b"".join(
        name + struct.pack(">I", len(text) + 1) + b"\0\0\x03" + text
        for name, text in ((b"TIT2", b"Song"), (b"TBPM", b"97"), (b"TKEY", b"Am"))
    )
    sound = io.BytesIO()
    sf.write(sound, np.zeros((4_800, 2)), 48_000, format="MP3")
    path = tmp_path / "source.mp3"
    path.write_bytes(b"ID3\x04\0\0\0\0\0" + bytes([len(frames)]) + frames + sound.getvalue())
    found = SourceTags.read(path).chunks_for(WHOLE, "float32", MAKER)
    file = wav.header(0, 2, 48_000, "float32", found.data)
    tag = TinyTag.get(file_obj=io.BytesIO(dict(made.read_chunks(file))[b"id3 "]))
    assert (tag.title, tag.other["bpm"], tag.other["initial_key"]) == ("Song", ["97"], ["Am"])
    assert made.info_of(file)[b"INAM"] == b"Song"


def test_the_time_in_ixml_moves_with_the_rate_and_the_start() -> None:
    line = TimeLine(48_000, 48_000, 0, 96_000, 20, 1_000)
    text = write_ixml(XML.encode(), "", line, "pcm24").decode()
    reference = 2 * (2**32 + 4_294_967_290) + 20
    assert f"_HI>{reference >> 32}<" in text
    assert f"_LO>{reference & 0xFFFFFFFF}<" in text
    assert "<FILE_SAMPLE_RATE>96000<" in text
    assert "<AUDIO_BIT_DEPTH>24<" in text
    assert "FILE_UID" not in text
