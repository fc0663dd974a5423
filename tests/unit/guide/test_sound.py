import copy
import gc
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from acestep_runtime import Audio, mix
from acestep_runtime.errors import InvalidValue, UnreadableAudio
from acestep_runtime.guide.sound import to_audio
from tests.support.signals import noise, sine


def test_audio_has_a_file_and_converts_to_an_array(tmp_path: Path) -> None:
    samples = noise(1.5, rate_hz=44_100)
    sf.write(tmp_path / "é 歌.wav", samples, 44_100, subtype="FLOAT")
    sound = Audio(tmp_path / "é 歌.wav")
    assert (sound.sample_rate, sound.channels, sound.frames) == (44_100, 2, 66_150)
    assert (len(sound), sound.seconds, bool(sound)) == (1, 1.5, True)
    np.testing.assert_array_equal(np.asarray(sound), samples)
    assert np.asarray(sound, np.float64).dtype == np.float64


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.array([0.0, 0.5, -0.5]), [[0.0], [0.5], [-0.5]]),
        (np.array([[0.0, 0.5, -0.5, 1.0]]), [[0.0], [0.5], [-0.5], [1.0]]),  # [channels, frames]
        (np.array([[0.25, 0.5], [0, 0], [1, -1]], np.float64), [[0.25, 0.5], [0, 0], [1, -1]]),
        (np.array([0, 2**14, -(2**15)], np.int16), [[0], [0.5], [-1]]),
        ([0.0, 0.125], [[0.0], [0.125]]),
    ],
)
def test_arrays_are_kept_exactly(array: object, expected: object) -> None:
    sound = to_audio(array)
    assert sound.sample_rate == 48_000
    np.testing.assert_array_equal(sound.samples(), np.array(expected, np.float32))
    assert to_audio((array, 22_050)).sample_rate == 22_050


def test_a_file_with_too_many_channels_is_mixed_down_by_another_function(tmp_path: Path) -> None:
    sf.write(tmp_path / "surround.wav", np.zeros((4, 5)), 44_100)
    with pytest.raises(UnreadableAudio, match=r"5 channels\. Export it in stereo, .*\. downmix\(\) mixes it down\.$"):
        Audio(tmp_path / "surround.wav")


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (np.zeros((4, 3)), r"\[4, 3\] of float64"), (np.zeros((0, 2)), r"\[0, 2\]"), (np.zeros(3, complex), "complex128"),
        (np.array([np.nan]), "NaN"), ([[1, 2], [3]], "uneven length"), (np.full(3, 1e300), "full scale is 1"),
        (np.zeros(3, np.uint8), "signed integers"), ((np.zeros(3), 10), "sample rate of 10"),
        ((np.zeros(3), 44_100.5), "44100.5"), (7, "int"), (None, "NoneType"), (object(), "object"),
    ],
)  # fmt: skip
def test_other_values_are_refused_with_the_allowed_ones(bad: object, said: str) -> None:
    with pytest.raises(InvalidValue, match=said) as caught:
        to_audio(bad)
    assert caught.value.field == "src_audio"


def test_a_missing_file_is_named() -> None:
    with pytest.raises(UnreadableAudio, match=r"gone\.wav does not exist"):
        Audio("gone.wav")


def test_temporary_files_are_removed_with_their_last_user() -> None:
    sound = mix(sine(440, 0.1), sine(220, 0.1))
    folder = sound.path.parent
    assert sound.path.exists()
    del sound
    gc.collect()
    assert not folder.exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_leaves_the_files_alone() -> None:
    code = (
        "import gc, os\n"
        "from acestep_runtime import generate\n"
        "result = generate(duration=0.2, engine='fake')\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    path = result.audio.path\n"
        "    del result; gc.collect(); os._exit(0)\n"
        "os.waitpid(child, 0)\n"
        "assert result.audio.path.exists()\n"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)


def test_copies_are_the_same_object_and_pickling_explains_the_alternative() -> None:
    sound = to_audio(sine(440, 0.1))
    assert copy.deepcopy(sound) is sound
    with pytest.raises(TypeError, match="save"):
        pickle.dumps(sound)
