"""The player on a fake stream: what reaches the device when a person plays, seeks, loops and compares."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acebridge.hosts.monitor.device import NoSound
from acebridge.hosts.monitor.player import Player
from acebridge.hosts.monitor.recording import Recording
from acebridge.hosts.monitor.renderer import FADE_S
from acebridge.hosts.monitor.status import State, Underruns
from acestep_runtime.audio.convert import resample
from acestep_runtime.audio.loudness import loudness_lufs
from acestep_runtime.errors import InvalidValue
from tests.support.daemon import until
from tests.support.fake_output import CallbackThread, FakeDevice, pull, pull_all, wait_for_feeder
from tests.support.signals import Samples, chord, noise, sine

RATE_HZ = 48_000
FADE = round(FADE_S * RATE_HZ)
ODD = (480, 1, 7, 1023, 4096, 333)


def recording_of(
    samples: Samples, rate_hz: int = RATE_HZ, *, start_frame: int = 0, part: int | None = None
) -> Recording:
    recording = Recording("test", rate_hz, len(samples), start_frame=start_frame)
    recording.write(0, samples[:part])
    until(lambda: part is not None or recording.lufs is not None)
    return recording


@pytest.fixture
def device() -> FakeDevice:
    return FakeDevice()


@pytest.fixture
def player(device: FakeDevice) -> Iterator[Player]:
    with Player(opener=device) as player:
        yield player
    assert all(output.closed for output in device.outputs)


def end(player: Player, device: FakeDevice) -> None:
    """Ask for buffers until the music has ended."""
    until(lambda: (pull(player, device, 4800), player.wait(0.001))[1], "the end of the music")


def test_every_sample_and_then_the_end(player: Player, device: FakeDevice) -> None:
    music = noise(1.0)
    player.add(recording_of(music))
    player.play()
    end(player, device)
    played = device.output.music()
    np.testing.assert_array_equal(played[: len(music)], music)
    assert not played[len(music) :].any()
    assert len(played) >= len(music) + 0.1 * RATE_HZ  # the device has played it before the stream ends
    status = player.status()
    assert (status.state, status.position_s, status.underruns) == (State.ended, 1.0, Underruns())
    player.play()
    np.testing.assert_array_equal(pull(player, device, 4800), music[:4800])


def test_the_stream_opens_with_silence_and_loses_no_sample() -> None:
    device, music = FakeDevice(preroll_s=0.1), noise(0.5)
    with Player(opener=device) as player:
        player.add(recording_of(music))
        player.play()
        played = pull_all(player, device, [1200] * 8)
    assert not played[:4800].any()
    np.testing.assert_array_equal(played[4800:], music[:4800])


def test_a_job_is_played_while_it_comes(player: Player, device: FakeDevice) -> None:
    music = noise(1.0)
    player.expect(1)
    player.play()
    assert not device.output.pull(4800).any()
    recording = recording_of(music, part=20_000)
    player.add(recording)
    pull_all(player, device, [5000] * 3)
    device.output.pull(7000)  # the ring runs dry
    device.output.pull(3000)
    recording.write(20_000, music[20_000:])
    player.expect(-1)
    end(player, device)
    played = device.output.music()
    np.testing.assert_array_equal(played[played.any(axis=1)], music)
    underruns = player.status().underruns
    assert (underruns.ring, underruns.device) == (1, 0)
    assert underruns.missing_s >= 5000 / RATE_HZ


def test_takes_are_played_one_after_another(device: FakeDevice) -> None:
    takes = [noise(0.2, seed=seed) for seed in range(3)]
    with Player(opener=device, matches=False) as player:
        player.expect(1)
        player.add(recording_of(noise(0.2, seed=9)), 0)  # the source waits to be chosen
        player.play()
        for take in takes:
            player.add(recording_of(take))
        player.expect(-1)
        end(player, device)
    played = device.output.music()
    np.testing.assert_array_equal(played[played.any(axis=1)], np.concatenate(takes))


def test_a_level_that_becomes_known_while_it_plays_is_reached_slowly(player: Player, device: FakeDevice) -> None:
    loud, quiet = sine(200, 4.0, peak=0.8), sine(200, 4.0, peak=0.2)
    player.add(recording_of(loud))
    player.play()
    pull(player, device, 4800)
    player.add(recording_of(quiet), 0)
    played = pull_all(player, device, [4800] * 38)
    assert np.abs(np.diff(played, axis=0)).max() <= np.abs(np.diff(loud, axis=0)).max() * 1.01
    assert np.abs(played[-4800:]).max() == pytest.approx(0.2, rel=0.02)


def test_a_job_without_audio_ends(player: Player) -> None:
    player.expect(1)
    player.play()
    assert not player.wait(0.05)
    player.expect(-1)
    assert player.wait(60)


def test_void_audio_is_played_again_from_the_same_place(player: Player, device: FakeDevice) -> None:
    first, second = noise(1.0, seed=1), noise(1.0, seed=2)
    recording = recording_of(first, part=30_000)
    player.expect(1)
    player.add(recording)
    player.play()
    np.testing.assert_array_equal(pull(player, device, 10_000), first[:10_000])
    recording.restart()
    until(lambda: not player._ring.readable(), "an empty ring")
    assert not device.output.pull(1000)[FADE:].any()
    recording.write(0, second)
    until(lambda: player._ring.readable() > 20_000, "the audio that came again")
    np.testing.assert_array_equal(pull(player, device, 5000)[FADE:], second[10_000 + FADE : 15_000])
    player.expect(-1)


def test_pause_stop_and_seek(player: Player, device: FakeDevice) -> None:
    music = noise(2.0)
    player.add(recording_of(music))
    player.play()
    pull(player, device, 4800)
    player.pause()
    pull(player, device, 4800)
    assert player.status()[:5] == (State.paused, 1, "test", (4800 + FADE) / RATE_HZ, 0.0)
    player.play()
    np.testing.assert_array_equal(pull(player, device, 4800)[FADE:], music[4800 + 2 * FADE : 9600 + FADE])
    player.seek(1.0)
    np.testing.assert_array_equal(pull(player, device, 4800)[FADE:], music[48_000 + FADE : 52_800])
    player.stop()
    assert (player.status().state, player.status().position_s) == (State.stopped, 0.0)
    pull(player, device, 4800)
    player.play()
    np.testing.assert_array_equal(pull(player, device, 4800), music[:4800])  # the first sample, unchanged
    player.pause()
    pull(player, device, 480)
    player.seek(99.0)
    assert player.status().position_s == 99.0
    player.play()
    end(player, device)
    assert player.status().position_s == 2.0
    player.seek(1.5)
    player.play()
    np.testing.assert_array_equal(pull(player, device, 4800)[FADE:], music[72_000 + FADE : 76_800])


def test_a_loop_is_exact_to_the_frame(player: Player, device: FakeDevice) -> None:
    music = noise(2.0)
    player.add(recording_of(music))
    player.loop(0.5, 0.75)
    player.play()
    played = pull_all(player, device, [5000, 1, 7777, *[4000] * 10])
    again = np.tile(music[24_000:36_000], (5, 1))
    np.testing.assert_array_equal(played[FADE:], again[FADE : len(played)])
    # A region that is still ahead is played into, without a jump; one that lies behind is jumped to.
    wait_for_feeder(player, FADE)  # the change fades from what is left of the old
    place = round(player.status().position_s * RATE_HZ)
    player.loop(0.5, 1.0)
    np.testing.assert_allclose(pull(player, device, 1000), music[place : place + 1000], atol=1e-6)
    player.loop(0.1, 0.2)
    np.testing.assert_array_equal(pull(player, device, 1000)[FADE:], music[4800 + FADE : 5800])
    player.unloop()
    pull_all(player, device, [4000, 4000])
    assert player.status().position_s == pytest.approx(0.1 + 9000 / RATE_HZ)


def test_a_loop_longer_than_the_music_is_filled_with_silence(player: Player, device: FakeDevice) -> None:
    music = noise(0.2)
    player.add(recording_of(music))
    player.loop(0, 0.25)
    player.play()
    played = pull_all(player, device, [6000] * 4)
    np.testing.assert_array_equal(played[:9600], music)
    assert not played[9600:12_000].any()
    np.testing.assert_array_equal(played[12_000:21_600], music)


def test_a_b_at_the_same_place_without_a_click(player: Player, device: FakeDevice) -> None:
    source, take = sine(200, 3.0), sine(200, 3.0, peak=0.3)
    player.add(recording_of(source), 0)
    player.add(recording_of(take))
    player.play()
    pull(player, device, 4800)
    switches = [(player.select(number), pull_all(player, device, ODD))[1] for number in (1, 0, 1)]
    played = device.output.music()
    steps = np.abs(np.diff(played, axis=0)).max()
    assert steps <= np.abs(np.diff(take, axis=0)).max() * 1.05  # equal loudness: all at the take's level
    np.testing.assert_allclose(switches[0][FADE:], take[4800 + FADE : 4800 + len(switches[0])], atol=1e-6)
    assert np.abs(played).max() == pytest.approx(0.3, rel=0.01)


def test_choices_are_equally_loud_within_half_a_lu(player: Player, device: FakeDevice) -> None:
    music = [chord((60, 64, 67), 3.0, peak=0.9), noise(3.0, rms=0.03), sine(1000, 3.0, peak=0.2)]
    for number, samples in enumerate(music):
        player.add(recording_of(samples), number)
    player.play()
    levels = []
    for number in range(3):
        player.select(number)
        player.seek(0)
        player.play()
        pull(player, device, FADE)
        levels.append(loudness_lufs([pull_all(player, device, [4800] * 28)]))
    assert max(levels) - min(levels) < 0.5


def test_own_levels_leave_every_bit(device: FakeDevice) -> None:
    loud, quiet = noise(1.0, rms=0.3), noise(1.0, rms=0.01, seed=1)
    with Player(opener=device, matches=False) as player:
        player.add(recording_of(quiet), 0)
        player.add(recording_of(loud))
        player.select(1)
        player.play()
        np.testing.assert_array_equal(pull(player, device, 4800), loud[:4800])


def test_a_take_of_a_region_is_played_where_it_belongs(player: Player, device: FakeDevice) -> None:
    source, region = noise(2.0, seed=1), noise(0.5, seed=2)
    player.add(recording_of(source), 0)
    player.add(recording_of(region, start_frame=24_000))
    player.play()
    pull(player, device, 26_000)
    player.select(1)
    played = pull(player, device, 5000)
    level = played[-1, 0] / region[2000 + 4999, 0]
    np.testing.assert_allclose(played[FADE:], region[2000 + FADE : 7000] * level, rtol=1e-5)
    player.stop()
    player.play()
    assert player.status().position_s == 0.5


def test_a_device_with_its_own_rate() -> None:
    device, music = FakeDevice(rate_hz=44_100), noise(1.0)
    with Player(opener=device) as player:
        player.add(recording_of(music))
        player.play()
        played = pull_all(player, device, [4410] * 5)
    np.testing.assert_allclose(played[8:], resample(music, 48_000, 44_100)[8 : len(played)], atol=1e-6)


def test_the_level(player: Player, device: FakeDevice) -> None:
    music = noise(1.0)
    player.add(recording_of(music))
    player.set_level(-6.0)
    player.play()
    gain = np.float32(10 ** (-6 / 20))
    np.testing.assert_allclose(pull(player, device, 4800), music[:4800] * gain, rtol=1e-5)
    for wrong in (12.5, -91, math.nan, math.inf):
        with pytest.raises(InvalidValue, match="level"):
            player.set_level(wrong)
    assert player.status().level_db == -6.0


def test_wrong_values_name_what_is_allowed(player: Player) -> None:
    player.add(recording_of(noise(0.1)))
    with pytest.raises(InvalidValue, match=r"choice is 3; allowed: 1 \(test\)"):
        player.select(3)
    with pytest.raises(InvalidValue, match=r"later than the loop's start, 2 s"):
        player.loop(2, 1)
    with pytest.raises(InvalidValue, match="position"):
        player.seek(math.nan)


def test_another_device_goes_on_at_the_same_place(device: FakeDevice, player: Player) -> None:
    music = noise(2.0)
    player.add(recording_of(music))
    player.play()
    pull(player, device, 10_000)
    device.missing.add("absent")
    with pytest.raises(NoSound, match="absent"):
        player.set_device("absent")
    np.testing.assert_array_equal(pull(player, device, 5000)[FADE:], music[10_000 + FADE : 15_000])
    player.set_device("headphones")
    assert [output.device for output in device.outputs] == ["fake", "fake", "headphones"]
    np.testing.assert_array_equal(pull(player, device, 5000)[FADE:], music[15_000 + FADE : 20_000])


def test_a_device_that_is_lost_ends_it_in_one_sentence(device: FakeDevice, player: Player) -> None:
    music = noise(2.0)
    player.add(recording_of(music))
    player.play()
    pull(player, device, 10_000)
    device.output.gone = True
    with pytest.raises(NoSound, match=r"The output device fake is gone\. Connect it again"):
        player.wait()
    assert device.output.closed
    assert player.status().state is State.paused
    player.play()  # it is there again
    np.testing.assert_array_equal(pull(player, device, 5000)[FADE:], music[10_000 + FADE : 15_000])


def test_something_else_is_played_from_its_start(player: Player, device: FakeDevice) -> None:
    player.add(recording_of(noise(2.0)))
    player.play()
    pull_all(player, device, [4800] * 5)
    player.clear()
    assert not player.choices
    pull(player, device, 4800)
    music = noise(1.0, seed=8)
    player.add(recording_of(music))
    player.play()
    np.testing.assert_array_equal(pull(player, device, 4800), music[:4800])


def test_a_stream_that_plays_nothing_is_closed_and_opened_again(
    player: Player, device: FakeDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("acebridge.hosts.monitor.player.IDLE_S", 0.05)
    music = noise(2.0)
    player.add(recording_of(music))
    player.play()
    pull(player, device, 4800)
    player.stop()
    until(lambda: device.output.closed, "the end of the stream")
    player.play()
    assert len(device.outputs) == 2
    np.testing.assert_array_equal(pull(player, device, 4800), music[:4800])


def test_without_a_device_nothing_changes() -> None:
    device = FakeDevice(missing={""})
    with Player(opener=device) as player:
        player.add(recording_of(noise(0.1)))
        with pytest.raises(NoSound):
            player.play()
        assert player.status().state is State.stopped


ACTIONS = st.sampled_from(("play", "pause", "stop", "seek", "loop", "unloop", "select", "level", "device", "restart"))


@given(st.lists(st.tuples(ACTIONS, st.floats(0, 1)), min_size=1, max_size=25))
def test_any_actions_beside_a_callback_from_another_thread(actions: list[tuple[str, float]]) -> None:
    """Nothing raises, blocks or plays what is in no recording: samples are 1 or -1 in magnitude at most."""
    device = FakeDevice()
    with Player(opener=device) as player:
        recordings = [recording_of(noise(1.0, rms=0.2, seed=seed).clip(-1, 1)) for seed in range(2)]
        for number, recording in enumerate(recordings):
            player.add(recording, number)
        player.play()
        callbacks = CallbackThread(device.output, ODD)
        callbacks.start()
        for action, value in actions:
            match action:
                case "seek":
                    player.seek(value)
                case "loop":
                    player.loop(value, value + 0.1)
                case "select":
                    player.select(round(value))
                case "level":
                    player.set_level(-40 * value)
                case "device":
                    callbacks.stop()
                    player.set_device(f"{value:.2f}")
                    callbacks = CallbackThread(device.output, ODD)
                    callbacks.start()
                case "restart":
                    recordings[1].restart()
                    recordings[1].write(0, noise(1.0, rms=0.2, seed=5).clip(-1, 1))
                case _:
                    getattr(player, action)()
        callbacks.stop()
        assert player.status().choice in (0, 1)
    for output in device.outputs:
        assert np.abs(output.music()).max(initial=0) <= 1.0
