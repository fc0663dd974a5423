"""What actions send from a real Ardour: faders, processors, mono tracks, mutes; and what they say when they cannot."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import numpy as np
import pytest
import soundfile

from tests.support import ardour
from tests.support.ardour_studio import SECOND_TRACK, SONG_AT, ArdourStudio, ardour_studio, read
from tests.support.daemon import until
from tests.support.signals import Samples
from tests.support.window import xdotool

pytestmark = pytest.mark.host

RATE_HZ = 48_000
#: The fades that Ardour gives each region, in frames.
FADE = 64
FIRST, LAST = SONG_AT + RATE_HZ + 5, SONG_AT + 3 * RATE_HZ + 9


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArdourStudio]:
    with ardour_studio(tmp_path_factory.mktemp("studio"), RATE_HZ) as studio:
        yield studio


def source_mix(studio: ArdourStudio, action: str) -> Samples:
    """What the task of an action hears: the mix that its command made."""
    folder = studio.act(action)
    return read(folder / "mix-1.wav")


def mute(studio: ArdourStudio, state: int) -> None:
    """Mute the song's track or not; Ardour does it in another thread."""
    studio.ardour.run(f"""
    Session:route_by_name("Song"):mute_control():set_value({state}, PBD.GroupControlDisposition.NoGroup)
    """)
    wanted = [["true" if state else "false"]]
    until(lambda: studio.ardour.run('say(tostring(Session:route_by_name("Song"):muted()))') == wanted, "mute")


def test_what_is_sent_has_the_fader_and_not_the_muted_track(studio: ArdourStudio) -> None:
    studio.ardour.run("""
    Session:route_by_name("Song"):gain_control():set_value(0.5, PBD.GroupControlDisposition.NoGroup)
    """)
    studio.select(FIRST, LAST)
    expected = 0.5 * studio.song[FIRST - SONG_AT : LAST - SONG_AT]
    assert np.array_equal(source_mix(studio, "Extract stems (no dialog)"), expected)
    studio.ardour.run("""
    Session:route_by_name("Song"):gain_control():set_value(1, PBD.GroupControlDisposition.NoGroup)
    """)
    mute(studio, 1)
    studio.select(FIRST, LAST)  # Ardour has selected the new tracks
    said = studio.messages
    studio.ardour.act("AceBridge: Extract stems (no dialog)")
    studio.wait_for_sentence("No track sounds in the selection.", said)
    mute(studio, 0)


def test_a_track_with_a_processor_is_bounced_behind_it(studio: ArdourStudio) -> None:
    studio.ardour.run("""
    local processor = ARDOUR.LuaAPI.new_luaproc(Session, "ACE Amplifier")
    assert(not processor:isnil())
    assert(Session:route_by_name("Song"):add_processor_by_index(processor, 0, nil, true) == 0)
    assert(ARDOUR.LuaAPI.set_processor_param(processor, 0, -6))
    """)
    sound = studio.bounce()
    assert not np.array_equal(sound[SONG_AT : studio.end], studio.song)
    studio.select(FIRST, LAST)
    sent = source_mix(studio, "Extract stems (no dialog)")
    assert np.allclose(sent, sound[FIRST:LAST], atol=1e-6)
    studio.select(FIRST, LAST)
    studio.enter("repaint", style="piano")
    folder = studio.act("Repaint (no dialog)")
    sound = read(folder / "source-1.wav")[FADE:-FADE]
    assert np.array_equal(sound, studio.song[FADE:-FADE]), "a repaint is made before the processors"
    studio.undo()
    studio.ardour.run("""
    local song = Session:route_by_name("Song")
    song:remove_processor(song:nth_plugin(0), nil, true)
    """)
    assert studio.ardour.run('say(tostring(Session:route_by_name("Song"):nth_plugin(0):isnil()))') == [["true"]]


def test_each_take_of_a_repaint_is_a_playlist(studio: ArdourStudio) -> None:
    before, count = studio.bounce(), len(studio.playlists())
    studio.select(FIRST, LAST)
    studio.enter("repaint", style="piano", takes=3)
    folder = studio.act("Repaint (no dialog)")
    assert len(studio.playlists()) == count + 3
    results = [read(output["file"]) for output in studio.outputs(folder)]
    assert len(results) == 3
    inside = slice(FIRST - SONG_AT, LAST - SONG_AT)
    assert np.array_equal(studio.bounce()[FIRST:LAST], results[0][inside])
    for number in (1, 2):
        studio.ardour.act("AceBridge: Previous playlist")
        sound = studio.bounce()
        assert np.array_equal(sound[FIRST:LAST], results[number][inside])
        assert np.array_equal(sound[: FIRST - 2000], before[: FIRST - 2000])
    studio.undo()
    assert np.array_equal(studio.bounce(), before), "one step takes back all takes"


def test_a_mono_track_is_repainted_in_mono(studio: ArdourStudio) -> None:
    studio.ardour.run("""
    Session:new_audio_track(1, 1, nil, 1, "Mono", ARDOUR.PresentationInfo.max_order, ARDOUR.TrackMode.Normal, true)
    """)
    file = studio.ardour.folder / "voice.wav"
    soundfile.write(file, studio.song[:, :1], RATE_HZ, subtype="FLOAT")
    studio.ardour.import_audio(file, SONG_AT, "Mono")
    studio.enter("repaint", style="voice")
    before = studio.bounce("Mono")[:, :1]
    studio.select(FIRST, LAST, "Mono")
    (output,) = studio.outputs(studio.act("Repaint (no dialog)"))
    after, result = studio.bounce("Mono")[:, :1], read(output["file"])
    assert result.shape[1] == 1
    assert np.array_equal(after[FIRST:LAST], result[FIRST - SONG_AT : LAST - SONG_AT])
    assert np.array_equal(after[: FIRST - 2000], before[: FIRST - 2000])
    assert np.array_equal(after[LAST + 2000 :], before[LAST + 2000 :])


def test_lyrics_become_ranges(studio: ArdourStudio) -> None:
    studio.select(SONG_AT, studio.end)
    studio.enter("lyrics", lyrics="[Verse] / La la la / Oh oh oh")
    folder = studio.begin("Lyrics to ranges (no dialog)")
    until(lambda: folder.name in studio.messages.partition(f"sent as {folder.name}")[2], studio.messages)
    ranges = studio.ardour.run("""
    for place in Session:locations():list():iter() do
      if place:is_range_marker() then say(place:name(), place:start():samples(), place:_end():samples()) end
    end
    """)
    facts = studio.result(folder)["parts"][0]["takes"][0]["metadata"]
    wanted = [(f"[{section['name']}]", section) for section in facts["sections"]] + [
        (line["text"], line) for line in facts["lines"]
    ]
    assert [name for name, *_ in ranges] == [name for name, _ in wanted]
    for (_, first, last), (_, span) in zip(ranges, wanted, strict=True):
        assert abs(int(first) - SONG_AT - span["start_s"] * RATE_HZ) <= 1
        assert abs(int(last) - SONG_AT - span["end_s"] * RATE_HZ) <= 1


@pytest.mark.parametrize(
    ("track", "action", "sentence"),
    [
        (SECOND_TRACK, "Repaint (no dialog)", "There is no region in the selection."),
        (SECOND_TRACK, "Cover (no dialog)", "No track sounds in the selection."),
        (SECOND_TRACK, "Extend (no dialog)", f'There is no audio on the track "{SECOND_TRACK}".'),
        (SECOND_TRACK, "Next playlist", "The selected track has one playlist only."),
        ("Song", "Prepend (no dialog)", "There are only 0.5 s before the music"),
        ("Song", "Cancel", "No AceBridge job is running in this session."),
        ("Song", "Job list", "No AceBridge job is open in this session."),
        ("Song", "Place results", "There is no AceBridge job in this session."),
    ],
)
def test_what_cannot_be_done_is_said(studio: ArdourStudio, track: str, action: str, sentence: str) -> None:
    studio.select(FIRST, LAST, track)
    said, jobs = studio.messages, studio.jobs
    studio.ardour.act(f"AceBridge: {action}")
    studio.wait_for_sentence(sentence, said)
    assert studio.jobs == jobs


def test_the_doctor_says_what_it_finds(studio: ArdourStudio) -> None:
    said = studio.messages
    studio.ardour.act("AceBridge: Doctor")
    studio.wait_for_sentence("ok  scripts: ", said)


def test_an_action_runs_once_whatever_becomes_of_its_messages(
    studio: ArdourStudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    said, send = studio.messages, studio.ardour.send
    lost: list[str] = []

    def lose_the_first(address: str, *arguments: str | int | float) -> None:
        if lost:
            send(address, *arguments)  # and again, as often as the test looks
        lost.append(address)

    with monkeypatch.context() as patch:
        patch.setattr(ardour, "_REPEAT_S", 0.0)
        patch.setattr(studio.ardour, "send", lose_the_first)
        studio.ardour.act("AceBridge: Doctor")
        studio.wait_for_sentence("ok  scripts: ", said)
        studio.ardour.run('say("the messages before this one have been taken")')
    assert len(lost) > 2
    assert studio.messages.removeprefix(said).count("ok  scripts: ") == 1


def find_window(studio: ArdourStudio, title: str) -> str:
    """Return the number of a window as soon as it is shown."""
    screen = {**os.environ, "DISPLAY": studio.ardour.display}

    def search() -> list[str]:
        command = ["xdotool", "search", "--onlyvisible", "--name", title]
        return subprocess.run(command, env=screen, stdout=subprocess.PIPE, text=True, check=False).stdout.split()

    return until(search, f"the window {title}")[-1]


def press(studio: ArdourStudio, window: str, *keys: str) -> None:
    screen = {**os.environ, "DISPLAY": studio.ardour.display}
    xdotool(screen, "windowfocus", "--sync", window, *keys)


def test_a_dialog_asks_again_until_its_values_are_allowed(studio: ArdourStudio) -> None:
    studio.select(FIRST, LAST)
    studio.enter("repaint", style="old words", takes=1)
    jobs = studio.jobs
    studio.ardour.act("AceBridge: Repaint")
    dialog = find_window(studio, "AceBridge: Repaint")
    press(studio, dialog, "key", "ctrl+a", "type", "--delay", "20", "sad waltz")
    xdotool({**os.environ, "DISPLAY": studio.ardour.display}, "key", "Tab", "Tab", "ctrl+a", "type", "99")
    press(studio, dialog, "key", "alt+o")
    until(lambda: is_gone(studio, dialog), "the dialog is closed")
    message = find_window(studio, "AceBridge: Repaint")
    press(studio, message, "key", "alt+c")
    until(lambda: is_gone(studio, message), "the message is closed")
    again = find_window(studio, "AceBridge: Repaint")
    press(studio, again, "key", "Tab", "Tab", "ctrl+a", "type", "1")
    press(studio, again, "key", "alt+o")
    (folder,) = until(lambda: [job for job in studio.jobs if job not in jobs], "the job")
    studio.wait(folder)
    fields = studio.request(folder)["parts"][0]["fields"]
    assert fields["music"]["caption"] == "sad waltz"
    assert fields["output"]["takes"] == 1


def test_a_dialog_is_cancelled(studio: ArdourStudio) -> None:
    jobs, messages = studio.jobs, studio.messages
    studio.ardour.act("AceBridge: Cover")
    dialog = find_window(studio, "AceBridge: Cover")
    press(studio, dialog, "key", "Escape")
    until(lambda: is_gone(studio, dialog), "the dialog is closed")
    assert studio.ardour.run('say("on")') == [["on"]]
    assert (studio.jobs, studio.messages) == (jobs, messages)


def is_gone(studio: ArdourStudio, window: str) -> bool:
    screen = {**os.environ, "DISPLAY": studio.ardour.display}
    command = ["xdotool", "search", "--onlyvisible", "--name", "AceBridge"]
    found = subprocess.run(command, env=screen, stdout=subprocess.PIPE, text=True, check=False).stdout.split()
    return window not in found


def test_a_message_of_the_hook_comes_in_a_window_and_jobs_go_on(studio: ArdourStudio) -> None:
    studio.set(messages="window")
    try:
        studio.ardour.act("AceBridge: Doctor")
        window = find_window(studio, "^AceBridge$")
        press(studio, window, "key", "alt+c")
        until(lambda: is_gone(studio, window), "the message is closed")
    finally:
        studio.set()
    studio.select(FIRST, LAST)
    studio.enter("repaint", style="piano")
    assert studio.outputs(studio.act("Repaint (no dialog)"))
