"""Which files a command writes, by the name and the options that it gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from acebridge.cli.files import SUFFIXES, Destination, FileKind
from acestep_runtime.audio.encode import FORMATS
from acestep_runtime.errors import InvalidValue


@pytest.mark.parametrize(
    ("out", "format_", "bits", "kind", "encoding"),
    [
        (None, None, None, FileKind(".wav"), None),
        ("a.wav", None, None, FileKind(".wav"), None),
        ("a.wav", "pcm16", None, FileKind(".wav", 16), "pcm16"),
        ("a.wav", None, 24, FileKind(".wav", 24), "pcm24"),
        ("a.wav", "float32", 32, FileKind(".wav", 32), "float32"),
        ("A.FLAC", None, None, FileKind(".flac"), None),
        ("a.flac", "pcm16", None, FileKind(".flac", 16), None),
        ("a.flac", "float32", None, FileKind(".flac"), None),
        ("a.flac", "flac", 16, FileKind(".flac", 16), None),
        ("a.ogg", "pcm24", None, FileKind(".ogg"), None),
        ("stems/", "mp3", None, FileKind(".mp3"), None),
        ("my.flac/", None, None, FileKind(".wav"), None),
        (None, "opus", None, FileKind(".opus"), None),
    ],
)
def test_the_name_decides_then_the_format(
    out: str | None, format_: str | None, bits: int | None, kind: FileKind, encoding: str | None
) -> None:
    found = FileKind.choose(out, format_, bits)
    assert (found, found.encoding) == (kind, encoding)


@pytest.mark.parametrize(
    ("out", "format_", "bits", "message"),
    [
        ("a.mp3", "flac", None, "--format is 'flac'; allowed: mp3, as the name a.mp3 says"),
        ("a.wav", "pcm16", 24, "--bits is 24; allowed: 16, as --format pcm16 says"),
        ("a.flac", None, 32, "--bits is 32; allowed: 16 or 24 for flac files"),
        ("a.wav", None, 8, "--bits is 8; allowed: 16, 24 or 32 for wav files"),
        ("a.opus", None, 16, "--bits is 16; allowed: nothing for opus"),
    ],
)
def test_contradictions_are_refused(out: str, format_: str | None, bits: int | None, message: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        FileKind.choose(out, format_, bits)
    assert caught.value.message.startswith(message)


def test_every_kind_can_be_written() -> None:
    assert SUFFIXES.keys() - {".wav"} <= FORMATS.keys()
    for suffix, bits in SUFFIXES.items():
        if suffix != ".wav":
            assert set(bits) == set(FORMATS[suffix].bits)


@pytest.mark.parametrize("name", ["out.m4a", "out.aiff", "out.txt", "stems.mp4"])
@pytest.mark.parametrize("many", [True, False])
def test_other_endings_are_refused(tmp_path: Path, name: str, many: bool) -> None:
    with pytest.raises(InvalidValue, match=r"a name that ends in \.wav, \.flac, \.ogg, \.opus, \.mp3"):
        Destination.choose(str(tmp_path / name), source=None, task="extract", many=many)


def test_a_folder_may_have_a_point_in_its_name(tmp_path: Path) -> None:
    found = Destination.choose(str(tmp_path / "mix v1.2"), source=None, task="extract", many=True)
    assert found.is_folder
    assert found.file("bass", 2, "drums") == tmp_path / "mix v1.2" / "bass-2.wav"


def test_roles_and_takes_have_the_ending_of_the_name(tmp_path: Path) -> None:
    found = Destination.choose(str(tmp_path / "out.flac"), source=None, task="lego", many=True)
    assert [found.file(role, take, "drums").name for role, take in (("drums", 1), ("bass", 1), ("bass", 2))] == [
        "out.flac", "out-bass.flac", "out-bass-2.flac",
    ]  # fmt: skip
    (tmp_path / "cover.ogg").touch()
    kind = FileKind(".ogg")
    named = Destination.choose(None, source=Path("cover"), task="cover", many=False, kind=kind).path.name
    assert named == "cover-cover.ogg"
