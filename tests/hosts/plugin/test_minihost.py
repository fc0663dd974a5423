"""The plug-in in minihost, which gives it any transport: position, tempo, meter, loop, stop."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.minihost import RATE_HZ, Host
from tests.support.plugin import ADD, OFF, REPLACE, Samples, check_of, make_state, make_take, read_state

pytestmark = pytest.mark.host

RATES_HZ = (44_100, 48_000, 88_200, 96_000, 176_400, 192_000)
BLOCKS = (1, 2, 31, 64, 441, 512, 1000, 2048, 4096)


@pytest.fixture
def host(vst3: str) -> Host:
    return Host(vst3)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_audio_passes_bit_for_bit(vst3: str, noise: Samples, rate_hz: int) -> None:
    host = Host(vst3, rate_hz)
    assert host.plugin.latency_samples == 0
    for block_frames in BLOCKS:
        audio = noise[:, : 50 * block_frames]
        assert np.array_equal(host.play(1000, audio, block_frames), audio)
        assert np.array_equal(host.play(1000, audio, block_frames, playing=False), audio)


def test_capture_knows_frame_bar_tempo_and_meter(host: Host, noise: Samples) -> None:
    host.set("capture", 1)
    host.tempo_bpm, host.meter = 90.0, (3, 4)
    host.play(2 * 96_000, noise)  # three quarters at 90 bpm are 2 s: the third bar
    assert host.state() == "capturing"
    (capture,) = host.captures()
    assert capture == {
        "frame": "192000",
        "frames": "12000",
        "rate": "48000",
        "bar": "3",
        "beat": "1.000000",
        "tempo": "90.000000",
        "meter": "3/4",
        "tempos": "1",
        "end": "stop",
        "check": check_of(noise),
    }
    assert host.state() == "waiting"


@pytest.mark.parametrize(
    ("meter", "bar_frames"), [((7, 8), 84_000), ((6, 8), 72_000), ((1, 8), 12_000), ((5, 4), 120_000)]
)
def test_bars_are_counted_in_any_meter(host: Host, noise: Samples, meter: tuple[int, int], bar_frames: int) -> None:
    host.meter = meter
    host.set("capture", 1)
    host.play(3 * bar_frames, noise)
    (capture,) = host.captures()
    assert (capture["bar"], capture["beat"]) == ("4", "1.000000")


def test_capture_is_cut_at_loop_jump_and_off(host: Host, noise: Samples) -> None:
    host.set("capture", 1)
    host.play(96_000 - 12_000, noise)
    host.play(48_000, noise, 1000)
    host.play(500_000, noise, 441)
    host.set("capture", 0)
    host.play(512_000, noise)
    captures = host.captures()
    assert [capture["check"] for capture in captures] == [check_of(noise)] * 3
    assert [(int(capture["frame"]), int(capture["frames"]), capture["end"]) for capture in captures] == [
        (84_000, 12_000, "back"),
        (48_000, 12_000, "forward"),
        (500_000, 12_000, "off"),
    ]


def test_capture_survives_a_change_of_tempo(host: Host, noise: Samples) -> None:
    host.set("capture", 1)
    host.play(0, noise)
    host.tempo_bpm = 77.5
    host.play(12_000, noise)
    (capture,) = host.captures()
    assert (capture["frames"], capture["tempo"], capture["tempos"]) == ("24000", "120.000000", "2")


def test_pre_roll_counts_below_zero(host: Host, noise: Samples) -> None:
    host.set("capture", 1)
    host.play(-4800, noise)
    (capture,) = host.captures()
    assert (capture["frame"], capture["frames"]) == ("-4800", "12000")


@pytest.mark.parametrize("rate_hz", [44_100, 96_000])
def test_take_plays_at_its_place(vst3: str, noise: Samples, rate_hz: int) -> None:
    host = Host(vst3, rate_hz)
    take = noise[::-1, :5000].copy()
    host.plugin.set_state(make_state(regions=make_take(take, 3000, rate_hz, fade_frames=100)))
    host.set("mode", REPLACE)
    want = noise.copy()
    want[:, 3100:7900] = take[:, 100:4900]
    outputs = [host.play(0, noise, block_frames) for block_frames in (1, 64, 441, 4096)]
    for output in outputs:
        assert np.array_equal(output[:, :3000], noise[:, :3000])
        assert np.array_equal(output[:, 3100:7900], take[:, 100:4900])
        assert np.array_equal(output[:, 8000:], noise[:, 8000:])
        assert np.array_equal(output, outputs[0])
    host.plugin.non_realtime = True
    assert np.array_equal(host.play(0, noise), outputs[0])
    host.set("mode", OFF)
    assert np.array_equal(host.play(0, noise), noise)


def test_take_is_added(host: Host, noise: Samples) -> None:
    take = noise[::-1, :5000].copy()
    host.plugin.set_state(make_state(regions=make_take(take, 3000, RATE_HZ)))
    host.set("mode", ADD)
    want = noise.copy()
    want[:, 3000:8000] += take
    assert np.array_equal(host.play(0, noise), want)


def test_take_follows_loop_jump_and_stop(host: Host, noise: Samples) -> None:
    take = noise[::-1, :5000].copy()
    host.plugin.set_state(make_state(regions=make_take(take, 3000, RATE_HZ)))
    host.set("mode", REPLACE)
    for frame in (5000, 3500, 3000, 7000):
        output = host.play(frame, noise[:, :900], 100)
        assert np.array_equal(output, take[:, frame - 3000 : frame - 2100])
    assert np.array_equal(host.play(5000, noise[:, :900], playing=False), noise[:, :900])


def test_state_is_restored(vst3: str, host: Host, noise: Samples) -> None:
    texts = {
        "caption": "Grüße aus 東京 🎹",
        "lyrics": "[verse]\nÀ la claire fontaine\n",
        "tracks": "drums,bass",
        "regions": make_take(noise[:, :500], 100, RATE_HZ),
    }
    host.plugin.set_state(make_state(**texts))
    host.set("strength", 0.25)
    host.play(0, noise)
    saved = host.plugin.get_state()
    again = Host(vst3)
    again.plugin.set_state(saved)
    again.play(0, noise)
    values = read_state(again.plugin.get_state())
    assert {key: values[key] for key in texts} == texts
    assert float(values["strength"]) == 0.25


def test_state_says_what_is_wrong(host: Host, noise: Samples) -> None:
    good = make_take(noise[:, :500], 100, RATE_HZ)
    for text, want in (
        (good, "ready"),
        (good[:-9] + "\n", "damaged"),
        (make_take(noise[:, :500], 100, 44_100), "ready"),
        (make_take(noise[:, :500], 100, RATE_HZ, embed=False), "missing"),
        ("acebridge-takes 7 from the future", "newer"),
    ):
        host.plugin.set_state(make_state(regions=text))
        host.play(0, noise[:, :64])
        assert host.state() == want
        assert read_state(host.plugin.get_state())["regions"] == text


def test_two_instances_are_independent(vst3: str, host: Host, noise: Samples) -> None:
    other = Host(vst3)
    host.set("capture", 1)
    host.play(0, noise)
    other.play(5000, noise)
    assert len(host.captures()) == 1
    assert other.captures() == []
