"""The player of the panel. Its clock is an offline one, so that what would be heard is known to the sample."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from acestep_runtime.audio.loudness import equal_levels_db, loudness_lufs
from tests.support.browser import CHROMIUM
from tests.support.panel_page import from_page, to_page
from tests.support.signals import Samples, noise, sine

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.host, pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")]

RATE = 48_000
#: From a change to where it is heard, and how long that takes, in frames.
LEAD, FADE = 480, 240
#: A start is a time in seconds, and a browser interpolates where that is not quite a frame: -200 dB.
EXACT = 1e-10
#: An offline clock stops between blocks of 128 frames: at multiples of 0.4 s it does so exactly, at 48 and at 44.1 kHz nearly.
ONE, OTHER, THIRD = noise(4), -noise(4) * np.float32(0.5), noise(4, seed=3)


def render(
    page: Page,
    sounds: Mapping[str, Samples],
    setup: str,
    acts: Mapping[float, str],
    *,
    seconds: float = 3,
    rate: int = RATE,
    own_rate: int | None = None,
) -> tuple[Samples, Any]:
    """What is heard ``[N, 2]`` when ``setup`` is done and each of ``acts`` at its second, and what ``report`` holds."""
    turns = "".join(
        f"offline.suspend({at}).then(() => {{ {act}; return offline.resume(); }});" for at, act in acts.items()
    )
    answer = page.evaluate(
        f"""async ([sounds, rate, own]) => {{
            const {{ Player }} = await import("/panel/player.js");
            const offline = new OfflineAudioContext(2, {seconds} * rate, rate), report = {{}};
            const player = new Player({{ context: offline, ahead_s: 20 }}), samples = {{}};
            for (const [id, texts] of Object.entries(sounds)) {{ samples[id] = floats(texts); }}
            const add = (id, more = {{}}) => player.addSound({{ id, rate: own, channels: samples[id], ...more }});
            const choice = (id, more = {{}}) => player.addChoice({{ id, sounds: [id], ...more }});
            {setup};
            {turns}
            const output = await offline.startRendering();
            player.pause();
            return [pack([output.getChannelData(0), output.getChannelData(1)]), {{ ...report, stalls: player.stalls }}];
        }}""",
        [{name: to_page(samples) for name, samples in sounds.items()}, rate, own_rate or rate],
    )
    return from_page(answer[0]), answer[1]


def stereo(samples: Samples) -> Samples:
    return np.repeat(samples, 2, axis=1) if samples.shape[1] == 1 else samples


def crossfade(before: Samples, after: Samples, at: int) -> Samples:
    """What is heard of two signals with a change at a frame."""
    share = np.clip((np.arange(len(before)) - at) / FADE, 0, 1)[:, None]
    return (before * (1 - share) + after * share).astype(np.float32)


def from_start(samples: Samples, frames: int) -> Samples:
    """What is heard of a sound that is started at once."""
    return np.concatenate([np.zeros((LEAD, 2), np.float32), stereo(samples)])[:frames]


BOTH = 'add("one"); add("two"); choice("one"); choice("two"); player.play()'


@pytest.mark.parametrize("rate", [48_000, 44_100, 32_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_samples_are_played_as_they_are(page: Page, rate: int, channels: int) -> None:
    samples = noise(2.5, rate_hz=rate, channels=channels)
    output, _ = render(page, {"one": samples}, 'add("one"); choice("one"); player.play()', {}, rate=rate)
    lead = round(0.01 * rate)
    np.testing.assert_allclose(output[lead : lead + len(samples)], stereo(samples), atol=EXACT)
    assert not output[:lead].any()
    assert not output[lead + len(samples) :].any()


def test_a_change_keeps_the_place_to_the_sample(page: Page) -> None:
    output, report = render(
        page, {"one": ONE, "two": OTHER}, BOTH,
        {0.8: 'player.choose("two")', 1.6: 'report.time = player.time; player.choose("one")'},
    )  # fmt: skip
    one, two = from_start(ONE, len(output)), from_start(OTHER, len(output))
    expected = crossfade(one, two, round(0.8 * RATE) + LEAD)
    expected = crossfade(expected, one, round(1.6 * RATE) + LEAD)
    np.testing.assert_allclose(output, expected, atol=1e-6)
    assert report["time"] == pytest.approx(1.6 - LEAD / RATE)


def test_versions_are_equally_loud_until_that_is_switched_off(page: Page) -> None:
    lufs = [loudness_lufs([samples]) for samples in (ONE, OTHER)]
    levels = [10 ** (level / 20) for level in equal_levels_db(lufs)]
    setup = f'add("one", {{ lufs: {lufs[0]} }}); add("two", {{ lufs: {lufs[1]} }}); choice("one"); choice("two"); player.play()'
    output, _ = render(
        page,
        {"one": ONE, "two": OTHER},
        setup,
        {0.8: 'player.choose("two")', 1.6: 'player.choose("one")', 2.4: "player.setEqual(false)"},
    )
    one, two = from_start(ONE, len(output)) * levels[0], from_start(OTHER, len(output)) * levels[1]
    expected = crossfade(one, two, round(0.8 * RATE) + LEAD)
    expected = crossfade(expected, one, round(1.6 * RATE) + LEAD)
    expected = crossfade(expected, from_start(ONE, len(output)), round(2.4 * RATE) + LEAD)
    assert levels[0] == pytest.approx(0.5, abs=1e-6)
    np.testing.assert_allclose(output, expected, atol=1e-6)


def test_only_what_has_a_role_in_common_is_compared(page: Page) -> None:
    levels = page.evaluate("""async () => {
        const { Player } = await import("/panel/player.js"), player = new Player();
        const add = (id, role, lufs, seconds) => {
            player.addSound({ id, rate: 8000, channels: [new Float32Array(8000 * seconds)], role, lufs });
            player.addChoice({ id, sounds: [id] });
        };
        add("song", "mix", -20, 8); add("take", "mix", -14, 8); add("short", "mix", -10, 2); add("drums", "drums", -30, 8);
        add("unknown", "mix", null, 8);
        player.addSound({ id: "bass", rate: 8000, channels: [new Float32Array(64000)], role: "mix", lufs: -40 });
        player.addChoice({ id: "set", sounds: ["bass", "drums"] });
        return Object.fromEntries(player.equalLevels());
    }""")
    assert levels == {"song": 0, "take": -6, "short": 0, "drums": 0}


def test_parts_are_mixed(page: Page) -> None:
    setup = """add("one"); add("two"); add("song");
        player.addChoice({ id: "set", sounds: ["one", "two"], along: ["song"] }); player.play()"""
    acts = {
        0.4: 'player.setPart("set", "one", { gain_db: -6 })', 0.8: 'player.setPart("set", "two", { mute: true })',
        1.2: 'player.setPart("set", "two", { solo: true, mute: false })', 1.6: 'player.setPart("set", "two", { solo: false })',
        2.0: 'player.setPart("set", "one", { gain_db: -60 })',
    }  # fmt: skip
    output, _ = render(page, {"one": ONE, "two": OTHER, "song": THIRD}, setup, acts)
    one, two, song = (from_start(each, len(output)) for each in (ONE, OTHER, THIRD))
    quiet = one * 10 ** (-6 / 20)
    mixes = [one + two + song, quiet + two + song, quiet + song, two, quiet + two + song, two + song]
    expected = mixes[0]
    for at, mix in zip(acts, mixes[1:], strict=True):
        expected = crossfade(expected, mix, round(at * RATE) + LEAD)
    np.testing.assert_allclose(output, expected, atol=2e-6)


def test_a_loop_has_no_seam(page: Page) -> None:
    start, end = 24_001, 60_007
    setup = (
        f'add("one"); choice("one"); player.setLoop({{ start_s: {start / RATE}, end_s: {end / RATE} }}); player.play()'
    )
    output, _ = render(page, {"one": ONE}, setup, {})
    loop = ONE[start:end]
    np.testing.assert_allclose(
        output[LEAD:], np.concatenate([ONE[:end], loop, loop, loop])[: len(output) - LEAD], atol=EXACT
    )


def test_a_jump_and_a_pause_fade(page: Page) -> None:
    acts = {0.8: "player.seek(3)", 1.2: "player.pause()", 1.6: "report.time = player.time; player.play()"}
    output, report = render(page, {"one": ONE}, 'add("one"); choice("one"); player.play()', acts)
    silence = np.zeros_like(output)
    at = [round(each * RATE) + LEAD for each in acts]
    after = silence.copy()
    after[at[0] : at[0] + RATE] = ONE[3 * RATE :][: len(after[at[0] : at[0] + RATE])]
    place = 3 * RATE + at[1] - at[0]
    again = silence.copy()
    again[at[2] : at[2] + len(ONE) - place] = ONE[place:][: len(output) - at[2]]
    expected = crossfade(from_start(ONE, len(output)), after, at[0])
    expected = crossfade(expected, silence, at[1])
    expected = crossfade(expected, again, at[2])
    np.testing.assert_allclose(output, expected, atol=1e-6)
    assert report["time"] == pytest.approx(place / RATE)


def test_sound_that_is_generated_has_no_gap(page: Page) -> None:
    setup = """
        const pieces = [0.7, 1.5, 2.2, 3.1, 4].map((s) => Math.round(s * rate)), [left, right] = samples.one;
        let have = 0;
        const more = () => {
            const to = pieces.shift();
            player.append("one", [left.subarray(have, to), right.subarray(have, to)]);
            have = to;
        };
        player.addSound({ id: "one", rate, channels: 2, frames: left.length }); choice("one"); more(); player.play()"""
    output, report = render(page, {"one": ONE}, setup, dict.fromkeys((0.4, 0.8, 1.6, 2.4), "more()"))
    np.testing.assert_allclose(output[LEAD:], ONE[: len(output) - LEAD], atol=EXACT)
    assert report["stalls"] == 0


def test_sound_that_comes_late_goes_on_where_it_ended(page: Page) -> None:
    setup = """
        const [left, right] = samples.one, half = 24001;
        player.addSound({ id: "one", rate, channels: 2, frames: left.length }); choice("one");
        player.append("one", [left.subarray(0, half), right.subarray(0, half)]); player.play();
        const more = () => {
            report.isWaiting = player.isWaiting;
            player.append("one", [left.subarray(half), right.subarray(half)]);
        }"""
    output, report = render(page, {"one": ONE}, setup, {1.2: "more()"})
    half, at = 24_001, round(1.2 * RATE) + LEAD
    silence, late = np.zeros_like(output), np.zeros_like(output)
    late[at:] = ONE[half:][: len(output) - at]
    before = from_start(ONE, len(output))
    before[LEAD + half :] = 0
    expected = crossfade(crossfade(before, silence, LEAD + half - FADE), late, at)
    np.testing.assert_allclose(output, expected, atol=1e-6)
    assert report == {"stalls": 1, "isWaiting": True}


def test_what_plays_goes_on_until_the_other_is_there(page: Page) -> None:
    setup = """
        const [left, right] = samples.two;
        player.addSound({ id: "two", rate, channels: 2, frames: left.length });
        add("one"); choice("one"); choice("two"); player.play()"""
    acts = {0.8: 'player.choose("two"); report.chosen = player.chosen', 1.6: 'player.append("two", [left, right])'}
    output, report = render(page, {"one": ONE, "two": OTHER}, setup, acts)
    one, two = from_start(ONE, len(output)), from_start(OTHER, len(output))
    np.testing.assert_allclose(output, crossfade(one, two, round(1.6 * RATE) + LEAD), atol=1e-6)
    assert report["chosen"] == "one"


def test_sounds_lie_at_their_places(page: Page) -> None:
    part = OTHER[:RATE]
    setup = """add("one"); add("part", { start_s: 0.5 }); add("early", { start_s: -0.25 });
        player.addChoice({ id: "all", sounds: ["one", "part", "early"] }); player.seek(-9); player.play()"""
    output, _ = render(page, {"one": ONE, "part": part, "early": THIRD}, setup, {})
    expected = np.zeros((len(output) + RATE, 2), np.float32)
    for samples, start in ((ONE, 0.25), (part, 0.75), (THIRD, 0)):
        at = LEAD + round(start * RATE)
        expected[at : at + len(samples)] += samples[: len(expected) - at]
    np.testing.assert_allclose(output, expected[: len(output)], atol=1e-6)


def test_another_rate_keeps_its_pitch(page: Page) -> None:
    samples = sine(997, 4, rate_hz=44_100)
    output, _ = render(page, {"one": samples}, 'add("one"); choice("one"); player.play()', {}, own_rate=44_100)
    t = (np.arange(len(output)) - LEAD) / RATE
    inside = slice(LEAD + 100, None)
    np.testing.assert_allclose(output[inside, 0], 0.5 * np.sin(2 * np.pi * 997 * t[inside]), atol=1e-4)


def test_the_end_goes_back_to_the_start(page: Page) -> None:
    output = page.evaluate("""async () => {
        const { Player } = await import("/panel/player.js"), context = new AudioContext({ sampleRate: 48000 });
        const player = new Player({ context }), told = [];
        await context.resume();
        player.addSound({ id: "one", rate: 48000, channels: [new Float32Array(9600)] });
        player.addChoice({ id: "one", sounds: ["one"] });
        player.onTime((time_s) => told.push(time_s));
        const over = new Promise((done) => player.onChange(() => player.isPlaying || done()));
        player.play();
        await over;
        await context.close();
        return { time: player.time, isPlaying: player.isPlaying, told };
    }""")
    assert output["time"] == 0
    assert output["isPlaying"] is False
    assert all(0 <= time <= 0.2 for time in output["told"])
