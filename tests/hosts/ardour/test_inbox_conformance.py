"""The hook of a real Ardour gets everything right that the protocol asks of a watcher of an inbox."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from acebridge.hosts.ardour.scripts import Script, assemble
from tests.support.ardour import Ardour
from tests.support.daemon import until
from tests.support.inbox_conformance import RATE_HZ, InboxConformance, Watcher

pytestmark = pytest.mark.host

#: The part of the hook that looks into the inbox, each time a second later.
LOOK = Script(
    "look.lua", "Look", "",
    """return (function()
      local session, seconds = import("session"), 0
      function session.now() seconds = seconds + 1 return seconds end
      local inbox = import("inbox")
      return function() inbox.look() end
    end)()""",
)  # fmt: skip


class ArdourWatcher:
    """What the hook does, in the session that is open in Ardour: each watcher has an instance of its own."""

    def __init__(self, number: int, ardour: Ardour, own: Path) -> None:
        self.inbox, self._number, self._ardour = own / "inbox", number, ardour
        self._files: list[tuple[str, float]] = []
        script = ardour.folder / f"look-{number}.lua"
        script.write_text(assemble(LOOK, own), "utf-8")
        ardour.run(f"""
        ardour = function() end
        loadfile("{script}")()
        watchers = watchers or {{}}
        watchers[{number}] = factory()
        """)

    def look(self) -> None:
        before = self._list_placements()
        self._ardour.run(f"watchers[{self._number}]()")
        self._files += [file for file in self._list_placements() if file not in before]

    def record(self, on: bool) -> None:
        state = "true" if on else "false"
        self._ardour.run(f"""
        Session:route_by_name("Song"):to_track():rec_enable_control():set_value({int(on)}, PBD.GroupControlDisposition.NoGroup)
        """)
        self._ardour.send("/rec_enable_toggle")
        self._ardour.send("/transport_play" if on else "/transport_stop")
        until(lambda: self._ardour.run("say(tostring(Session:actively_recording()))") == [[state]], "the recording")

    def list_files(self) -> list[tuple[str, float]]:
        return list(self._files)

    def die(self) -> None:
        self.record(False)  # as when its Ardour ends; it does nothing unless it is asked to look

    def _list_placements(self) -> list[tuple[str, float]]:
        rows = self._ardour.run("""
        for route in Session:get_tracks():iter() do
          for region in route:to_track():playlist():region_list():iter() do
            local file = region:to_audioregion():source(0):to_filesource():path()
            if file:find("tone", 1, true) then say(file, region:position():samples()) end
          end
        end
        """)
        return [(path, int(position) / RATE_HZ) for path, position in rows]


@pytest.fixture(scope="module")
def ardour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ardour]:
    """Run an Ardour without the hook."""
    folder = tmp_path_factory.mktemp("ardour")
    ardour = Ardour(folder, rate_hz=RATE_HZ)
    with ardour.running({}):
        yield ardour


class TestArdourWatcher(InboxConformance):
    """The hook of Ardour's scripts."""

    @pytest.fixture
    def open_watcher(self, ardour: Ardour, tmp_path: Path) -> Callable[[], Watcher]:
        numbers = count()
        return lambda: ArdourWatcher(next(numbers), ardour, tmp_path / "acebridge")
