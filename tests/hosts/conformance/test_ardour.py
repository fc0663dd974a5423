"""The scripts for Ardour, in a real one: it runs once for all checks, and is closed and opened where a check asks for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from acestep_runtime.audio.samples import Samples
from tests.support.ardour import Ardour
from tests.support.ardour_studio import ArdourStudio, install_scripts
from tests.support.conformance import FIRST, LAST, LENGTH, RATE_HZ, HostConformance, Scene, begins_at_position
from tests.support.daemon import Daemon, until

pytestmark = pytest.mark.host

_SECOND_TRACK = """
session:new_audio_track(1, 2, nil, 1, "{}", ARDOUR.PresentationInfo.max_order, ARDOUR.TrackMode.Normal, true)
"""


class ArdourHost:
    """A session with each track's audio in a region: a repaint is a copy of the track's playlist."""

    begins_at = staticmethod(begins_at_position)

    def __init__(self, studio: ArdourStudio, scene: Scene) -> None:
        self.studio = studio
        self._names = [track.name for track in scene.tracks]
        for name in self._names:
            self._use(name, name)  # the playlist that a track has from its start
        self._known = {name: set(studio.playlists(name)) for name in self._names}
        self._begin = len(studio.messages)

    def repaint(self, track: int, caption: str, engine: str) -> Path:
        self.studio.set(engine=engine)
        self.studio.select(FIRST, LAST, self._names[track])
        self.studio.enter("repaint", style=caption)
        folder = self.studio.begin("Repaint (no dialog)")
        until(lambda: (folder / "request.json").exists(), "the request")
        return folder

    def settle(self, job: Path) -> None:
        end = rf"(placed|failed|cancelled) {job.name}|The result is of version"
        until(lambda: re.search(end, self.messages()), "the end of the job")

    def cancel(self, job: Path) -> None:
        self.studio.ardour.act("AceBridge: Cancel")
        until(lambda: (job / "cancel").exists(), "the wish")

    def close(self) -> None:
        self.studio.ardour.run('Session:save_state("")')
        self.studio.ardour.stop()

    def open(self) -> None:
        self.studio.open()

    def plays(self, *, results: bool = True) -> list[Samples]:
        played = []
        for name in self._names:
            chosen = self.studio.playlists(name)[0]
            if not results:
                self._use(name, name)
            played.append(self.studio.bounce(name, LENGTH))
            self._use(name, chosen)
        return played

    def results(self) -> list[Path]:
        found = []
        for name in self._names:
            rows = self.studio.ardour.run(f"""
            local track = Session:route_by_name("{name}"):to_track()
            for playlist in Session:playlists():playlists_for_track(track):iter() do
              for region in playlist:region_list():iter() do
                say(playlist:name(), region:to_audioregion():source(0):to_filesource():path())
              end
            end
            """)
            own = {path for playlist, path in rows if playlist in self._known[name]}
            found += [Path(path) for playlist, path in rows if playlist not in self._known[name] and path not in own]
        assert self.studio.tracks() == self._names
        return found

    def messages(self) -> str:
        return self.studio.messages[self._begin :]

    def _use(self, track: str, playlist: str) -> None:
        """Have a track play one of its playlists."""
        self.studio.ardour.run(f"""
        local track = Session:route_by_name("{track}"):to_track()
        for playlist in Session:playlists():playlists_for_track(track):iter() do
          if playlist:name() == "{playlist}" then track:use_playlist(ARDOUR.DataType("audio"), playlist, false) end
        end
        """)


class TestArdour(HostConformance):
    """Ardour, as it is installed here."""

    @pytest.fixture(scope="class")
    @classmethod
    def studio(cls, scene: Scene, daemon: Daemon, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArdourStudio]:
        """The session, open in Ardour with the scripts."""
        folder = tmp_path_factory.mktemp("ardour") / "스튜디오 'n' one"
        folder.mkdir()
        first, second = scene.tracks
        ardour = Ardour(folder, rate_hz=RATE_HZ, track=first.name, variables={"ACEBRIDGE_HOME": str(daemon.home)})
        install_scripts(ardour.home)
        studio = ArdourStudio(ardour, daemon, first.audio)
        studio.set()
        try:
            ardour.make_session(_SECOND_TRACK.format(second.name))
            studio.open()
            for track in scene.tracks:
                ardour.import_audio(track.file, track.at, track.name)
            ardour.run("""
            for route in Session:get_tracks():iter() do
              for region in route:to_track():playlist():region_list():iter() do
                region:to_audioregion():set_fade_in_active(false)
                region:to_audioregion():set_fade_out_active(false)
              end
            end
            """)
            yield studio
        finally:
            ardour.stop()

    @pytest.fixture
    def host(self, studio: ArdourStudio, scene: Scene) -> ArdourHost:
        return ArdourHost(studio, scene)
