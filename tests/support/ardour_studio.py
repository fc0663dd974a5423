"""Ardour with the scripts of AceBridge and a daemon: what tests of its actions do and compare."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from acebridge.hosts.ardour.scripts import JOBS_HOOK, SCRIPTS
from tests.support.ardour import Ardour
from tests.support.daemon import Daemon, daemon_at, until
from tests.support.shell import COMMAND
from tests.support.signals import Samples, song

#: Where the song lies on the track, in frames: on no round number, so that nothing comes out right by chance.
SONG_AT = 24_001
#: The tempo of the session, from its start and from a bar after the song on.
BPM, LATER_BPM = 120, 90
SECOND_TRACK = "Dröms 'n' bass"
#: The dialogs that are there where a test names no others: Ardour has 32 places for actions.
DIALOGS = ("Repaint", "Cover")
_NAMES = {script.name for script in SCRIPTS}
#: The crossfade of a repaint on each side, in ms, beyond the stretch.
CROSSFADE_MS = 20

_SECOND_TRACK = f"""
session:new_audio_track(2, 2, nil, 1, "{SECOND_TRACK}", ARDOUR.PresentationInfo.max_order, ARDOUR.TrackMode.Normal, true)
"""


def install_scripts(home: Path) -> None:
    """Install the scripts as a user does."""
    environment = {**os.environ, "HOME": str(home)}
    environment.pop("XDG_CONFIG_HOME", None)
    subprocess.run([*COMMAND, "host", "install", "ardour"], env=environment, capture_output=True, check=True)


def read(path: str | Path) -> Samples:
    return soundfile.read(path, dtype="float32", always_2d=True)[0]


class ArdourStudio:
    """An Ardour with a song on its first track, an empty second one, and the daemon that its jobs go to."""

    def __init__(self, ardour: Ardour, daemon: Daemon, audio: Samples) -> None:
        self.ardour, self.daemon, self.song = ardour, daemon, audio
        self.own = ardour.config / "acebridge"
        self.end = SONG_AT + len(audio)
        self._bounces = 0

    # What a musician does

    def open(self, *, with_hook: bool = True, dialogs: Collection[str] = DIALOGS) -> None:
        """Open the session with all actions but those whose dialogs are not wanted, and with the hook or without it."""
        texts = {
            script.name: (self.ardour.config / "scripts" / script.file).read_text("utf-8")
            for script in SCRIPTS
            if f"{script.name} (no dialog)" not in _NAMES or script.name.removeprefix("AceBridge: ") in dialogs
        }
        hook = {JOBS_HOOK.name: texts.pop(JOBS_HOOK.name)}
        (self.own / "hook.txt").unlink(missing_ok=True)
        self.ardour.open(hook if with_hook else {}, texts)
        if with_hook:
            until(lambda: (self.own / "hook.txt").exists(), "the hook")

    def set(self, **settings: Any) -> None:
        (self.own / "settings.json").write_text(json.dumps({"messages": "log", "engine": "draft", **settings}), "utf-8")

    def enter(self, action: str, **values: Any) -> None:
        """Be the dialog in which these values were entered last."""
        file = self.own / "values.json"
        known = json.loads(file.read_text("utf-8")) if file.exists() else {}
        file.write_text(json.dumps({**known, action: values}), "utf-8")

    def select(self, first: int, last: int, track: str = "Song") -> None:
        """Select a range and one track: the range by way of the loop, the track by stepping to it."""
        self.ardour.set_loop(first, last)

        def is_selected() -> bool:
            found = self.ardour.run(f"""
            local selection = Editor:get_selection()
            if selection.time:start_sample() ~= {first} or selection.time:end_sample() ~= {last} then
              Editor:access_action("Editor", "select-loop-range")
            end
            Editor:access_action("Editor", "select-next-route")
            local names = {{}}
            for route in selection.tracks:routelist():iter() do names[#names + 1] = route:name() end
            selection = Editor:get_selection()
            say(selection.time:start_sample(), selection.time:end_sample(), table.concat(names, ","))
            """)
            return found == [[str(first), str(last), track]]

        until(is_selected, f"the selection of {[first, last, track]}")

    def select_regions(self, *positions: int, track: str = "Song") -> None:
        """Select the regions of a track that begin at these samples, and nothing else."""
        wanted = ", ".join(f"[{position}] = true" for position in positions)
        rows = self.ardour.run(f"""
        local wanted, list = {{ {wanted} }}, ArdourUI.SelectionList()
        for region in Session:route_by_name("{track}"):to_track():playlist():region_list():iter() do
          if wanted[region:position():samples()] then list:push_back(Editor:regionview_from_region(region)) end
        end
        Editor:set_selection(list, ArdourUI.SelectionOp.Set)
        for region in Editor:get_selection().regions:regionlist():iter() do say(region:position():samples()) end
        """)
        assert sorted(int(position) for (position,) in rows) == sorted(positions)

    def act(self, name: str) -> Path:
        """Run an action that makes a job; return the job's folder as soon as its result is placed."""
        folder = self.begin(name)
        self.wait(folder)
        return folder

    def begin(self, name: str) -> Path:
        before = set(self.jobs)
        self.ardour.act(f"AceBridge: {name}")
        until(lambda: set(self.jobs) - before or self.fault, f"the job of {name}")
        assert not self.fault, self.messages
        (folder,) = set(self.jobs) - before
        return folder

    def wait(self, folder: Path, ending: str = "placed") -> None:
        """Wait until a job has ended, and in this way."""
        endings = rf"(placed|failed|cancelled) {folder.name}"
        until(lambda: re.search(endings, self.messages), f"the end of the job; {self.messages}")
        assert f"{ending} {folder.name}" in self.messages, self.messages

    def wait_for_sentence(self, sentence: str, said: str) -> None:
        """Wait until a sentence comes after what was ``said`` before."""
        until(lambda: sentence in self.messages.removeprefix(said), f"{sentence!r}, not {self.messages!r}")

    # What a test compares

    @property
    def messages(self) -> str:
        file = self.own / "messages.txt"
        return file.read_text("utf-8") if file.exists() else ""

    @property
    def fault(self) -> str:
        return "\n".join(line for line in self.messages.splitlines() if "fault" in line)

    def messages_since(self, folder: Path) -> str:
        """What was said since a job was sent."""
        return self.messages.partition(f"sent as {folder.name}\n")[2]

    @property
    def jobs(self) -> list[Path]:
        return sorted(path for path in (self.own / "jobs").iterdir() if path.is_dir())

    def tracks(self) -> list[str]:
        return [
            name for (name,) in self.ardour.run("for route in Session:get_tracks():iter() do say(route:name()) end")
        ]

    def playlists(self, track: str = "Song") -> list[str]:
        """Names of the playlists of a track; that which plays comes first."""
        rows = self.ardour.run(f"""
        local track = Session:route_by_name("{track}"):to_track()
        say(track:playlist():name())
        for playlist in Session:playlists():playlists_for_track(track):iter() do
          if playlist:name() ~= track:playlist():name() then say(playlist:name()) end
        end
        """)
        return [name for (name,) in rows]

    def bounce(self, track: str = "Song", last: int | None = None) -> Samples:
        """What a track sounds like from the start of the session on, behind all its processors."""
        self._bounces += 1
        rows = self.ardour.run(f"""
        local route = Session:route_by_name("{track}")
        local region = route:to_track():bounce_range(
          0, {last or self.end + 48_000}, ARDOUR.InterThreadInfo(), route:main_outs(), false, "check {self._bounces}")
        region = region:to_audioregion()
        for channel = 0, region:n_channels() - 1 do say(region:source(channel):to_filesource():path()) end
        """)
        return np.concatenate([read(path) for (path,) in rows], axis=1)

    def undo(self) -> None:
        self.ardour.run("Editor:undo(1)")

    def request(self, folder: Path) -> dict[str, Any]:
        return dict(json.loads((folder / "request.json").read_text("utf-8")))

    def result(self, folder: Path) -> dict[str, Any]:
        return dict(json.loads((folder / "result.json").read_text("utf-8")))

    def seeds(self, folder: Path) -> list[int]:
        return [take["seed"] for part in self.result(folder)["parts"] for take in part["takes"]]

    def outputs(self, folder: Path) -> list[dict[str, Any]]:
        return [
            output
            for part in self.result(folder)["parts"]
            for take in part["takes"]
            for output in take.get("outputs", [])
        ]


@contextmanager
def ardour_studio(folder: Path, rate_hz: int) -> Iterator[ArdourStudio]:
    """Run Ardour with two tracks, a song on the first one, a change of tempo behind it, and a daemon."""
    audio = song(bpm=BPM, bars=5, rate_hz=rate_hz)
    file = folder / "song ä.wav"
    soundfile.write(file, audio, rate_hz, subtype="FLOAT")
    with daemon_at(folder / "daten") as daemon:
        ardour = Ardour(folder, rate_hz=rate_hz, variables={"ACEBRIDGE_HOME": str(daemon.home)})
        install_scripts(ardour.home)
        studio = ArdourStudio(ardour, daemon, audio)
        studio.set()
        try:
            ardour.make_session(_SECOND_TRACK)
            studio.open()
            ardour.import_audio(file, SONG_AT)
            change = studio.end + rate_hz
            ardour.run(f"""
            local map = Temporal.TempoMap.fetch_writable()
            map:set_tempo(Temporal.Tempo({LATER_BPM}, {LATER_BPM}, 4), Temporal.timepos_t({change}))
            Temporal.TempoMap.update(map)
            """)
            yield studio
        finally:
            ardour.stop()
