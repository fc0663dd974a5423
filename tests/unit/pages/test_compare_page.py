"""The page that compares takes: what is in it, that no name is code, and where its audio lies."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from acebridge.pages import compare
from acebridge.pages.compare import Comparison, Take, write_comparison
from acebridge.pages.sound import EMBEDDED_BYTES, read_sound
from acestep_runtime.errors import InvalidValue, UnreadableAudio
from tests.support.signals import Samples, noise, sine

EVIL = """A"'`<b>&amp; ${x} $title </script><script>alert(1)</script> 한국어 \u202e 🎵"""


def write(path: Path, samples: Samples, subtype: str = "FLOAT", rate_hz: int = 48_000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate_hz, subtype)
    return path


def page_of(folder: Path, comparison: Comparison, **options: int) -> str:
    write_comparison(folder / "page.html", comparison, **options)
    return (folder / "page.html").read_text("utf-8")


def sounds_in(page: str) -> dict[str, bytes]:
    blocks = re.findall(r'<script type="text/plain" id="(\w+)">([\w+/=]*)</script>', page)
    return {name: base64.b64decode(data) for name, data in blocks}


def test_audio_is_in_the_page_to_16_bits(tmp_path: Path) -> None:
    fine, coarse = (
        noise(0.3, rms=0.2),
        np.round(noise(0.2, rms=0.2, seed=1) * 2**15).clip(-(2**15), 2**15 - 1).astype(np.int16),
    )
    takes = [
        Take(write(tmp_path / "fine.wav", fine, "PCM_24"), "Fine"),
        Take(write(tmp_path / "coarse.wav", coarse, "PCM_16", 44_100), "Coarse"),
    ]
    held = sounds_in(page_of(tmp_path, Comparison("Two", takes)))
    assert list(held) == ["sound0", "sound1"]
    back, rate_hz = soundfile.read(io.BytesIO(held["sound0"]), dtype="float32")
    assert rate_hz == 48_000
    assert np.abs(back - fine).max() <= 2.0**-16 + 2.0**-23
    back, rate_hz = soundfile.read(io.BytesIO(held["sound1"]), dtype="int16")
    assert (rate_hz, soundfile.info(io.BytesIO(held["sound1"])).subtype) == (44_100, "PCM_16")
    assert np.array_equal(back, coarse)


def test_a_page_is_smaller_than_its_files(tmp_path: Path) -> None:
    music = sine(220, 4, peak=0.4) + sine(331, 4, peak=0.3)
    file = write(tmp_path / "song.wav", music)
    page = page_of(tmp_path, Comparison("One", [Take(file, "Song")]))
    assert len(page) < file.stat().st_size / 4


def test_no_name_is_code(tmp_path: Path) -> None:
    file = write(tmp_path / """a"b'<img src=x onerror=alert(1)>&.wav""", sine(440, 0.1))
    takes = [Take(file, EVIL, facts=[EVIL], is_source=True), Take(file, "x", role=EVIL, parts=EVIL)]
    page = page_of(tmp_path, Comparison(EVIL, takes, EVIL, [EVIL], frozenset([EVIL])))
    assert "alert(1)</script>" not in page
    assert "<img" not in page
    assert not re.findall(r"<b>&amp;|<b>& ", page)
    assert page.count("<script") == page.count("</script>") == 3  # two sounds and the player


def test_only_the_script_of_the_page_may_run(tmp_path: Path) -> None:
    file = write(tmp_path / "song.wav", sine(440, 0.1))
    page = page_of(tmp_path, Comparison("One", [Take(file, "Song")]))
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    script = page[page.rindex("<script>") + len("<script>") : page.rindex("</script>")]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'; ")
    assert f"script-src 'sha256-{digest}';" in policy
    assert "file:" not in policy
    assert not re.findall(r"(?:src|href)=\"(?!data:,)|https?://|@import|url\(", re.sub(r">[\w+/=]{99,}<", "", page))


def test_levels_are_those_of_equal_loudness_by_role(tmp_path: Path) -> None:
    loud, soft = noise(3, rms=0.2), noise(3, rms=0.2) * np.float32(0.5)
    takes = [
        Take(write(tmp_path / "loud.wav", loud), "Loud"), Take(write(tmp_path / "soft.wav", soft), "Soft"),
        Take(write(tmp_path / "drums.wav", soft), "Drums", "drums", "Stems"),
        Take(write(tmp_path / "bass.wav", loud), "Bass", "bass", "Stems"),
    ]  # fmt: skip
    page = page_of(tmp_path, Comparison("Four", takes))
    found = dict(re.findall(r'data-name="(\w+)" data-sound="\w+"[^>]*data-match="([-\d.]+)"', page))
    assert found.keys() == {"Loud", "Soft", "Drums", "Bass"}
    assert float(found["Loud"]) == pytest.approx(-6.02, abs=0.01)
    assert [float(found[name]) for name in ("Soft", "Drums", "Bass")] == [0, 0, 0]
    assert page.count('<li class="match">−6.0 dB for equal loudness</li>') == page.count('class="match"') == 1
    assert 'id="equal"' in page
    alone = page_of(tmp_path, Comparison("Stems", takes[2:]))
    assert 'id="equal"' not in alone
    assert 'data-name="Stems together"' in alone


def test_a_short_part_is_as_loud_as_it_is_in_the_whole(tmp_path: Path) -> None:
    song, part = noise(3, rms=0.1), noise(1, rms=0.2)
    takes = [
        Take(write(tmp_path / "song.wav", song), "Song"), Take(write(tmp_path / "part.wav", part), "Part", start_s=1.0),
        Take(write(tmp_path / "other.wav", part * np.float32(0.5)), "Other", start_s=1.0),
    ]  # fmt: skip
    page = page_of(tmp_path, Comparison("Three", takes))
    found = dict(re.findall(r'data-name="(\w+)" data-sound="\w+"[^>]*data-match="([-\d.]+)"', page))
    assert float(found["Song"]) == float(found["Other"]) == 0
    assert float(found["Part"]) == pytest.approx(-6.02, abs=0.01)


def test_places_and_keys(tmp_path: Path) -> None:
    long, short = write(tmp_path / "long.wav", sine(440, 4)), write(tmp_path / "short.wav", sine(440, 1))
    takes = [
        Take(long, "Song", is_source=True, region=(1.0, 2.0)), Take(short, "Before", start_s=-1.0),
        Take(short, "Late", start_s=1.0, region=(1.0, 2.0)),
    ]  # fmt: skip
    page = page_of(tmp_path, Comparison("Three", takes))
    rows = re.findall(
        r'data-name="(\w+)" data-sound[^>]*data-at="([\d.]+)" data-length="([\d.]+)"[^>]*data-key="(\d)"', page
    )
    assert [(name, float(at), float(length), key) for name, at, length, key in rows] == [
        ("Song", 1, 4, "0"), ("Before", 0, 1, "1"), ("Late", 2, 1, "2"),
    ]  # fmt: skip
    assert 'class="old" style="left:40%;width:20%"' in page
    assert 'class="new" style="left:40%;width:20%"' in page


def test_large_audio_lies_beside_the_page(tmp_path: Path) -> None:
    file = write(tmp_path / "song.wav", noise(0.5), "PCM_24")
    size = len(read_sound(file).data)
    page = page_of(tmp_path, Comparison("One", [Take(file, "Song")]), embedded_bytes=size)
    assert sounds_in(page)
    assert not (tmp_path / "page-audio").exists()
    folder = write_comparison(
        tmp_path / "my page #1.html", Comparison("One", [Take(file, "Song")]), embedded_bytes=size - 1
    )
    page = (tmp_path / "my page #1.html").read_text("utf-8")
    assert folder == tmp_path / "my page #1-audio"
    assert 'data-sound="my%20page%20%231-audio/0.js"' in page
    assert not sounds_in(page)
    text = (folder / "0.js").read_text("ascii")
    assert base64.b64decode(text.removeprefix('acebridgeSound("').removesuffix('");\n')) == read_sound(file).data
    assert EMBEDDED_BYTES == 60_000_000


def test_what_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path / "song.wav", sine(440, 6))
    monkeypatch.setattr(compare, "MAX_MINUTES", 0.15)
    with pytest.raises(InvalidValue, match=r"up to 0\.15 minutes on one page"):
        write_comparison(tmp_path / "page.html", Comparison("Two", [Take(file, "A"), Take(file, "B")]))
    with pytest.raises(UnreadableAudio, match="does not exist"):
        write_comparison(tmp_path / "page.html", Comparison("One", [Take(tmp_path / "no.wav", "A")]))
    assert not (tmp_path / "page.html").exists()


def test_silence_is_no_fault(tmp_path: Path) -> None:
    file = write(tmp_path / "song.wav", sine(440, 0.5) * 0)
    assert "<li>silent</li>" in page_of(tmp_path, Comparison("One", [Take(file, "Song")]))
