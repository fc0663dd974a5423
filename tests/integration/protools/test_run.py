"""``acebridge protools run`` with a real daemon and a fake Pro Tools: from a selection to clips, sample by sample."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from acestep_runtime.audio import decode
from tests.support.daemon import expected_tone, song
from tests.support.fake_protools import PALETTE, FakeProTools, FakeTrack
from tests.support.protools import SEED, START, STOP, add_guitar, clip_on, reference, run
from tests.support.shell import Shell
from tests.support.signals import song as band


@pytest.mark.parametrize("rate_hz", [44_100, 48_000, 96_000])
def test_a_repaint_lands_on_a_new_track_at_its_very_sample(shell: Shell, tmp_path: Path, rate_hz: int) -> None:
    with FakeProTools(tmp_path / "Sitzung", rate_hz) as pro:
        guitar = add_guitar(pro)
        pro.add_track("last")
        run(shell, pro, "repaint", "warm piano", "--context", "0.5")
        context = rate_hz // 2
        source = guitar.audio(START - context, STOP + context)
        region = "--start", str(context / rate_hz), "--end", str((context + STOP - START) / rate_hz)
        ((first, audio),) = reference(
            shell, source, rate_hz, "repaint", *region, "--scope", "region", "--context", "0.5"
        )
        sample, clip = clip_on(pro.track("warm piano"))
        assert sample == START - context + first
        np.testing.assert_array_equal(clip, audio)
        fade = round(0.02 * rate_hz)
        assert (sample, len(clip)) == (START - fade, STOP - START + 2 * fade)
        # At its outer ends the crossfade is the source.
        ends = guitar.audio(sample, sample + len(clip))[[0, -1]]
        np.testing.assert_allclose(clip[[0, -1]], ends, atol=1e-3)
        assert [track.name for track in pro.tracks] == [guitar.name, "warm piano", "last"]
        assert pro.track("warm piano").colour == "#ff0ea5e9"
        assert pro.span == (START, STOP)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("cover", "--strength", "0.5", "-c", "brass band"), ["brass band"]),
        (("extract", "-t", "drums", "-t", "vocals"), ["Drums", "Vocals", "Other"]),
        (("complete", "-t", "synth"), ["Synth"]),
    ],
)
def test_what_works_on_the_whole_selection_is_placed_at_its_start(
    shell: Shell, pro: FakeProTools, guitar: FakeTrack, words: tuple[str, ...], names: list[str]
) -> None:
    run(shell, pro, *words)
    expected = reference(shell, guitar.audio(START, STOP), pro.rate_hz, *words)
    made = [track for track in pro.tracks if track is not guitar]
    assert len(made) == len(expected)
    assert {track.name for track in made} == {*names[: len(made)]}
    found = sorted(clip_on(track)[1].tobytes() for track in made)
    assert {clip_on(track)[0] for track in made} == {START}
    assert found == sorted(audio.tobytes() for _, audio in expected)


def test_a_layer_is_made_for_the_selection_and_gets_the_colour_of_its_role(
    shell: Shell, pro: FakeProTools, guitar: FakeTrack
) -> None:
    pro.add_track("Drums")
    run(shell, pro, "lego", "-t", "drums", "--context", "0.25")
    layer = pro.track("Drums 2")
    sample, audio = clip_on(layer)
    assert (sample, len(audio)) == (START, STOP - START)
    assert layer.colour == PALETTE[0]
    assert pro.track("Drums").clips == []
    assert pro.tracks.index(layer) == pro.tracks.index(guitar) + 1


def test_new_music_begins_at_the_cursor_in_the_rate_of_the_session(shell: Shell, tmp_path: Path) -> None:
    with FakeProTools(tmp_path / "Sitzung", 44_100) as pro:
        pro.span = (12_345, 12_345)
        run(shell, pro, "generate", "夜の歌", "--duration", "0.5")
        sample, audio = clip_on(pro.track("夜の歌"))
        assert sample == 12_345
        np.testing.assert_allclose(audio, expected_tone(SEED, 0.5, rate_hz=44_100), atol=1e-6)


def test_new_music_fills_the_selection_in_the_tempo_of_the_session(shell: Shell, pro: FakeProTools) -> None:
    pro.span, pro.bpm, pro.meter = (START, STOP), 97.5, 3
    run(shell, pro, "generate", "night")
    (file,) = (pro.folder / "AceBridge").iterdir()
    music = shell.json("info", str(file))["recipe"]["fields"]["music"]
    assert music == {"bpm": 97.5, "timesignature": 3, "caption": "night"}
    sample, audio = clip_on(pro.track("night"))
    assert (sample, len(audio)) == (START, STOP - START)


def test_understand_tells_the_tempo_and_marks_it(shell: Shell, pro: FakeProTools, guitar: FakeTrack) -> None:
    done = run(shell, pro, "understand", "--mark")
    assert "  bpm: 120" in done.stdout.splitlines()
    assert pro.tracks == [guitar]
    (location,) = pro.locations
    assert (location["name"], location["span"]) == ("AceBridge understand", (START, STOP))
    assert "bpm: 120" in location["comments"]
    assert pro.counter == "TLType_BarsBeats"


def test_other_takes_are_muted(shell: Shell, pro: FakeProTools, guitar: FakeTrack) -> None:
    arguments = ("protools", "run", "repaint", "x", "-n", "3", "-e", "fake", "--port", str(pro.port), "--context", "0")
    report = json.loads(shell.run(*arguments, "--json").stdout)
    takes = [track for track in pro.tracks if track is not guitar]
    assert {track.name: track.muted for track in takes} == {"x": False, "x take 2": True, "x take 3": True}
    assert {clip["sample"] for clip in report["clips"]} == {clip_on(track)[0] for track in takes}
    assert [clip["track"] for clip in report["clips"]] == ["x", "x take 2", "x take 3"]


def test_a_clip_can_replace_what_is_on_the_track(shell: Shell, pro: FakeProTools, guitar: FakeTrack) -> None:
    old = guitar.audio(0, 240_000)
    run(shell, pro, "repaint", "x", "--context", "0.5", "--replace")
    new = guitar.audio(0, 240_000)
    changed = np.flatnonzero((old != new).any(axis=1))
    assert pro.tracks == [guitar]
    assert START - 960 <= changed[0] <= START < STOP <= changed[-1] + 1 <= STOP + 960
    (bounce,) = (body for name, body in pro.log if name == "BounceTrack")
    assert bounce["automation_options"] == {"render_volume_automation": False, "render_pan_automation": False}


def test_a_mono_track_gets_a_mono_track(shell: Shell, pro: FakeProTools) -> None:
    add_guitar(pro, channels=1)
    run(shell, pro, "cover", "x")
    track = pro.track("x")
    assert (track.channels, clip_on(track)[1].shape) == (1, (STOP - START, 1))


def test_several_tracks_are_added_up(shell: Shell, pro: FakeProTools, guitar: FakeTrack) -> None:
    second = pro.add_track("Bass", channels=1, selected=True)
    pro.put(second, 0, song(5.0, channels=1, seed=1))
    run(shell, pro, "cover", "x")
    both = guitar.audio(START, STOP) + second.audio(START, STOP)
    ((_, audio),) = reference(shell, both, pro.rate_hz, "cover", "-c", "x")
    np.testing.assert_array_equal(clip_on(pro.track("x"))[1], audio)


def test_a_session_without_its_name_in_ascii_keeps_the_audio_beside_it(
    shell: Shell, pro: FakeProTools, guitar: FakeTrack
) -> None:
    del guitar
    run(shell, pro, "cover", "Übung")
    (file,) = (pro.folder / "AceBridge").iterdir()
    assert file.name == f"AceBridge Cover Gitarre Große 🎸 mix {SEED}.wav"
    np.testing.assert_array_equal(decode.read(file), clip_on(pro.track("Übung"))[1])


def test_doctor_tells_what_answers(shell: Shell, pro: FakeProTools) -> None:
    done = shell.run("protools", "doctor", "--port", str(pro.port), "--json")
    findings = {finding["about"]: finding for finding in json.loads(done.stdout)}
    assert findings["Pro Tools"]["says"] == f"its scripting interface 2025.10 answers at port {pro.port}"
    assert findings["session"]["says"] == "Lied, 48000 Hz"
    assert findings["media folder"]["ok"]
    pro.name = None
    findings = json.loads(shell.run("protools", "doctor", "--port", str(pro.port), "--json", code=4).stdout)
    assert findings[-1]["says"] == "No session is open in Pro Tools."


def test_the_draft_engine_plays_a_layer_in_place(shell: Shell, pro: FakeProTools) -> None:
    guitar = pro.add_track("Gitarre", selected=True)
    pro.put(guitar, 0, band(bars=4))
    pro.span = (96_000, 192_000)
    shell.run("protools", "run", "lego", "-t", "drums", "--context", "2", "-e", "draft", "--port", str(pro.port))
    sample, audio = clip_on(pro.track("Drums"))
    assert (sample, audio.shape) == (96_000, (96_000, 2))
    assert 0.001 < np.sqrt(np.mean(audio**2)) < 0.5
