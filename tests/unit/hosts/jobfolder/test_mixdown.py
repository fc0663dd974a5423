"""The mix of files that a script names or has read, against a sum in plain numpy."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings

from acebridge.hosts.jobfolder.mixdown import write_mix
from acebridge.hosts.jobfolder.request import Mix, MixTrack, parse_request
from acestep_runtime.errors import InvalidValue
from tests.support.signals import noise

TRACKS = st.lists(
    st.tuples(
        st.integers(1, 70_000),
        st.integers(0, 80_000),
        st.sampled_from([1, 2]),
        st.floats(-2, 2),
        st.floats(-2, 2),
        st.tuples(st.integers(0, 70_000), st.none() | st.integers(1, 70_000)),
    ),
    min_size=1,
    max_size=3,
)


@settings(deadline=None, max_examples=20)
@given(tracks=TRACKS, frames=st.integers(1, 140_000), wanted=st.sampled_from([None, 2]))
def test_a_mix_is_the_sum_of_its_tracks(tmp_path_factory, tracks, frames, wanted) -> None:
    folder = tmp_path_factory.mktemp("mix")
    channels = wanted or max(track[2] for track in tracks)
    expected = np.zeros((frames, channels), np.float64)
    entries = []
    for number, (length, at, own, left, right, (first, count)) in enumerate(tracks):
        first = min(first, length - 1)
        count = count and min(count, length - first)
        samples = noise(length / 44_100, rate_hz=44_100, channels=own, seed=number)
        file = folder / f"{number}.wav"
        soundfile.write(file, samples, 44_100, subtype="FLOAT")
        entries.append(MixTrack(file, at, left, right, first, count))
        samples = samples[first:][:count]
        stop = min(frames, at + len(samples))
        if at < stop:
            expected[at:stop] += samples[: stop - at] * np.array([left, right][:channels])
    got, rate_hz = soundfile.read(write_mix(Mix(tuple(entries), frames, wanted), folder / "mix.wav"), always_2d=True)
    assert (got.shape, rate_hz) == (expected.shape, 44_100)
    assert np.abs(got - expected).max() < 1e-5


def test_a_lone_track_is_its_own_mix(tmp_path: Path) -> None:
    file = tmp_path / "one.wav"
    soundfile.write(file, noise(0.1), 48_000)
    assert write_mix(Mix((MixTrack(file, 0, 1.0, 1.0),), 4800), tmp_path / "mix.wav") == file
    assert not (tmp_path / "mix.wav").exists()


@pytest.mark.parametrize(
    ("entry", "frames", "channels"),
    [
        ({"first": 1}, 4799, None),
        ({"frames": 4799}, 4799, None),
        ({}, 4800, 2),
        ({}, 9600, None),
        ({"at": 1}, 4800, None),
    ],
)
def test_a_lone_track_that_is_not_the_mix_is_copied(tmp_path: Path, entry, frames, channels) -> None:
    file = tmp_path / "one.wav"
    samples = noise(0.1, rate_hz=48_000, channels=1)
    soundfile.write(file, samples, 48_000, subtype="FLOAT")
    track = MixTrack(**{"file": file, "at": 0, "left": 1.0, "right": 1.0, **entry})
    made = write_mix(Mix((track,), frames, channels), tmp_path / "mix.wav")
    assert made == tmp_path / "mix.wav"
    mono = samples[track.first :][: track.frames]
    expected = np.zeros((frames, channels or 1), np.float32)
    expected[track.at :][: len(mono)] = mono[: frames - track.at]
    assert (soundfile.read(made, dtype="float32", always_2d=True)[0] == expected).all()


def test_a_link_with_the_name_of_the_mix_is_replaced_and_not_followed(tmp_path: Path) -> None:
    recording, into = tmp_path / "recording.wav", tmp_path / "mix-1.wav"
    samples = noise(0.1, rate_hz=48_000, channels=1)
    soundfile.write(recording, samples, 48_000, subtype="FLOAT")
    before = recording.read_bytes()
    into.symlink_to(recording)
    assert write_mix(Mix((MixTrack(recording, 0, 0.5, 0.5),), 4800), into) == into
    assert recording.read_bytes() == before
    assert (soundfile.read(into, dtype="float32", always_2d=True)[0] == samples / 2).all()
    assert not into.is_symlink()


def test_a_mix_that_fails_leaves_the_file_of_its_name_as_it_was(tmp_path: Path) -> None:
    samples = noise(6.0, rate_hz=48_000)
    samples[-1] = np.nan  # found at the end, when blocks before it are written
    soundfile.write(tmp_path / "broken.wav", samples, 48_000, subtype="FLOAT")
    (tmp_path / "mix-1.wav").write_bytes(b"mine")
    with pytest.raises(InvalidValue, match="not a number"):
        write_mix(Mix((MixTrack(tmp_path / "broken.wav", 0, 0.5, 0.5),), len(samples)), tmp_path / "mix-1.wav")
    assert (tmp_path / "mix-1.wav").read_bytes() == b"mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.wav", "mix-1.wav"]


def test_a_source_that_a_mix_would_replace_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "mix-2.wav", noise(0.1), 48_000)
    (tmp_path / "link.wav").symlink_to("mix-2.wav")
    mix = {"task": "cover", "source": {"mix": [{"file": "a.wav"}, {"file": "b.wav"}], "frames": 9}}

    def request(*parts: dict[str, Any]) -> Any:
        return parse_request({"version": 1, "parts": list(parts)}, tmp_path)

    own = {"task": "cover", "source": {"mix": [{"file": "a.wav"}, {"file": "mix-1.wav"}], "frames": 9}}
    with pytest.raises(
        InvalidValue, match=r"parts\[0\]\.source\.mix\[1\]\.file is '.*mix-1\.wav'; allowed: any file but"
    ):
        request(own)
    for name in ("mix-2.wav", "../" + tmp_path.name + "/mix-2.wav", "link.wav"):
        file = {"task": "cover", "source": {"file": name}}
        with pytest.raises(InvalidValue, match=r"parts\[0\]\.source\.file is .*; allowed: any file but"):
            request(file, mix)
        assert request(file, file).parts[0].source.file == tmp_path / name
        assert request(mix, file).parts[1].source.file == tmp_path / name


@pytest.mark.parametrize(
    ("kind", "subtype"), [("wav", "PCM_24"), ("flac", "PCM_24"), ("ogg", "VORBIS"), ("aiff", "PCM_16")]
)
def test_a_stretch_of_any_file_is_its_own_samples(tmp_path: Path, kind: str, subtype: str) -> None:
    """Also where it reaches over several blocks: reading on, and from the middle, gives what reading all of it does."""
    file = tmp_path / f"one.{kind}"
    soundfile.write(file, noise(6.0, rate_hz=44_100, channels=2), 44_100, subtype=subtype)
    made = write_mix(Mix((MixTrack(file, 10, 1.0, 1.0, 70_001, 150_000),), 160_000), tmp_path / "mix.wav")
    got = soundfile.read(made, dtype="float32")[0]
    assert (got[10:150_010] == soundfile.read(file, dtype="float32")[0][70_001:][:150_000]).all()
    assert not got[:10].any()
    assert not got[150_010:].any()


def test_more_pieces_than_files_may_be_open(tmp_path: Path) -> None:
    import resource

    samples = noise(0.1, rate_hz=48_000, channels=1)
    entries = []
    for number in range(200):
        file = tmp_path / f"{number}.wav"
        soundfile.write(file, samples, 48_000, subtype="FLOAT")
        entries.append(MixTrack(file, number * 4800, 1.0, 1.0))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len([*Path("/dev/fd").iterdir()]) + 50, hard))
    try:
        made = write_mix(Mix(tuple(entries), 200 * 4800), tmp_path / "mix.wav")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert (soundfile.read(made, dtype="float32")[0].reshape(200, 4800) == samples[:, 0]).all()


@pytest.mark.parametrize(("first", "frames"), [(0, 4801), (4000, 801), (4801, None)])
def test_a_file_that_holds_less_than_it_has_to_is_named(tmp_path: Path, first: int, frames: int | None) -> None:
    file = tmp_path / "short.wav"
    soundfile.write(file, noise(0.1, rate_hz=48_000), 48_000)
    with pytest.raises(InvalidValue, match=r"short.wav holds 4800 frames; the mix needs 4801"):
        write_mix(Mix((MixTrack(file, 0, 1.0, 1.0, first, frames),), 4800), tmp_path / "mix.wav")


def test_files_that_do_not_fit_together_are_refused(tmp_path: Path) -> None:
    for rate_hz in (44_100, 48_000):
        soundfile.write(tmp_path / f"{rate_hz}.wav", noise(0.1), rate_hz)
    tracks = tuple(MixTrack(tmp_path / f"{rate_hz}.wav", 0, 1.0, 1.0) for rate_hz in (44_100, 48_000))
    with pytest.raises(InvalidValue, match="one rate"):
        write_mix(Mix(tracks, 4800), tmp_path / "mix.wav")
    (tmp_path / "words.wav").write_text("no audio", "utf-8")
    broken = {
        "nowhere.wav": r"nowhere\.wav cannot be read: No such file or directory\. Check that it is still there\.",
        "words.wav": r"words\.wav is not audio, is damaged, or is of a kind that AceBridge does not read\. Use WAV",
    }
    for name, says in broken.items():
        with pytest.raises(InvalidValue, match=says):
            write_mix(Mix((tracks[0], MixTrack(tmp_path / name, 0, 1.0, 1.0)), 4800), tmp_path / "mix.wav")


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(InvalidValue, match=r"^pipe\.wav is not a file\."):
        write_mix(Mix((MixTrack(tmp_path / "pipe.wav", 0, 1.0, 1.0),), 4800), tmp_path / "mix.wav")


@pytest.mark.parametrize(
    ("rate_hz", "frames", "says"),
    [
        (8_000, 8_000 * 1200 + 1, "The mix would be 1200 s long; allowed: at most 1200 s. Choose fewer bars."),
        (384_000, 384_000 * 700, "The mix would hold 2051 MiB; allowed: at most 2048 MiB. Choose fewer bars."),
    ],
)
def test_a_mix_that_no_daemon_would_take_is_not_written(tmp_path: Path, rate_hz: int, frames: int, says: str) -> None:
    soundfile.write(tmp_path / "a.wav", noise(0.1, rate_hz=rate_hz, channels=2), rate_hz)
    with pytest.raises(InvalidValue) as caught:
        write_mix(Mix((MixTrack(tmp_path / "a.wav", 0, 1.0, 1.0),), frames), tmp_path / "mix.wav")
    assert str(caught.value) == says
    assert [file.name for file in tmp_path.iterdir()] == ["a.wav"]


def test_a_mix_that_the_disk_has_no_room_for_is_not_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    soundfile.write(tmp_path / "a.wav", noise(0.1, channels=2), 48_000)
    mix = Mix((MixTrack(tmp_path / "a.wav", 0, 1.0, 1.0),), 48_000)
    usage, needed = shutil.disk_usage(tmp_path), 48_000 * 2 * 4 + 16 * 2**20
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=needed - 1))
    with pytest.raises(OSError, match="No space left"):
        write_mix(mix, tmp_path / "mix.wav")
    assert [file.name for file in tmp_path.iterdir()] == ["a.wav"]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=needed))
    assert write_mix(mix, tmp_path / "mix.wav").exists()


def read_source(source: dict[str, Any]) -> Any:
    """The source of the only part of a request in the folder /jobs/x."""
    return (
        parse_request({"version": 1, "parts": [{"task": "cover", "source": source}]}, Path("/jobs/x")).parts[0].source
    )


def test_files_of_a_mix_are_named_with_what_counts_of_them() -> None:
    own, other = {"file": "source-1.wav", "at": 3.0, "left": 0.5}, {"file": "/media/a.wav", "first": 7, "frames": 9.0}
    assert read_source({"mix": [own, other], "frames": 16, "channels": 2}) == Mix(
        (MixTrack(Path("/jobs/x/source-1.wav"), 3, 0.5, 1.0), MixTrack(Path("/media/a.wav"), 0, 1.0, 1.0, 7, 9)), 16, 2
    )
    assert read_source({"mix": [{"file": "a.wav"}], "frames": 1}).channels is None


@pytest.mark.parametrize(
    ("entry", "more", "says"),
    [
        ({"at": -1}, {}, r"mix\[0\].at is -1; allowed: 0 or more"),
        ({"first": -1}, {}, r"mix\[0\].first is -1; allowed: 0 or more"),
        ({"first": 0.5}, {}, r"mix\[0\].first is 0.5; allowed: a whole number"),
        ({"frames": 0}, {}, r"mix\[0\].frames is 0; allowed: 1 or more"),
        ({"frames": "9"}, {}, r"mix\[0\].frames is '9'; allowed: a whole number"),
        ({"file": ""}, {}, r"mix\[0\].file is ''; allowed: the name of a file"),
        ({}, {"channels": 3}, r"source.channels is 3; allowed: 1 or 2"),
        ({}, {"frames": 0}, r"source.frames is 0; allowed: 1 to"),
    ],
)
def test_mixes_that_make_no_sense(entry: dict[str, Any], more: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidValue, match=says):
        read_source({"mix": [{"file": "a.wav", **entry}], "frames": 9, **more})


def test_a_sample_that_is_no_number_is_found_in_its_own_file(tmp_path: Path) -> None:
    samples = noise(0.1, rate_hz=48_000)
    samples[4000] = np.nan
    soundfile.write(tmp_path / "broken.wav", samples, 48_000, subtype="FLOAT")
    track = MixTrack(tmp_path / "broken.wav", 0, 0.5, 0.5)
    with pytest.raises(InvalidValue, match=r"broken\.wav holds a sample that is not a number at frame 4000"):
        write_mix(Mix((track,), 4800), tmp_path / "mix.wav")
