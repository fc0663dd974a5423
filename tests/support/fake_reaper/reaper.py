"""The fake REAPER that tests hold: tabs, dialogs, scripts, time, processes, and all that went wrong.

with Reaper(tmp_path, rate=44100) as r:
    track = r.project.add_track("Guitar")
    r.form(Style="calm piano")
    r.run("AceBridge_Compose.lua")
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.daemon import PATIENCE_S
from tests.support.fake_reaper import (  # noqa: F401  (they register their functions)
    api,
    behaviour,
    calls_audio,
    calls_dialogs,
    calls_effects,
    calls_envelopes,
    calls_host,
    calls_items,
    calls_media,
    calls_project,
    calls_time,
    calls_tracks,
    calls_transport,
    calls_undo,
    clock,
    imgui,
    imgui_items,
    midi,
)
from tests.support.fake_reaper.api import ApiMisuse
from tests.support.fake_reaper.disk import Disk
from tests.support.fake_reaper.imgui_context import Context
from tests.support.fake_reaper.process import Process
from tests.support.fake_reaper.project import Project
from tests.support.fake_reaper.script import Script
from tests.support.fake_reaper.user import User
from tests.support.paths import REAPER_SCRIPTS as SCRIPTS

_REAL_STEP_S = 0.007
#: After this many ticks a script waits for something slow, and the clock goes with that of the wall: what the script has
#: patience for is then the same on every machine.
_BUSY_TICKS = 100
_LONGEST_VIRTUAL_S = 24 * 3600.0


class LargestTick(NamedTuple):
    """The tick in which a script has called most of REAPER: the script, and how often it called each function."""

    script: str
    by_function: Counter[str]

    @property
    def calls(self) -> int:
        """How many calls those are."""
        return sum(self.by_function.values())


class Reaper:
    """A REAPER of a version on a system (``os``: what GetOS says), with one empty project.

    ``resource`` is the resource folder's name, which may hold anything that a file name may. ``home`` is what the scripts
    and what they start see as the home folder. ``files_of`` is the system whose rules files follow, if another one.
    ``ways``: see `behaviour`. ``extensions``: "SWS" or "ReaImGui".
    ``lua``: "5.3" or "5.4", if another one than that of the version.
    """

    def __init__(
        self, folder: str | Path, *, rate: int = 44100, version: str = "7.40", home: str | Path | None = None,
        os: str = "Other", resource: str = "REAPER", scripts: str | Path = SCRIPTS, lua: str | None = None,
        files_of: str | None = None, ways: dict[str, Any] | None = None, extensions: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        self.folder = Path(folder)
        self.resource = self.folder / resource
        self.resource.mkdir(parents=True, exist_ok=True)
        self.scripts_folder = Path(scripts)
        self.rate, self.version, self.os = rate, version, os
        self.lua = lua or api.lua_of(version)
        self.ways = behaviour.choose(ways)
        self.files = Disk(files_of or os)
        self.device_rate: int | None = rate
        self.environment: dict[str, str] = {}
        if home is not None:
            self.environment.update(HOME=str(home), USERPROFILE=str(home))
        self.clock = clock.Clock()
        self.ticks: list[float] = []
        self.largest_tick = LargestTick("", Counter())
        #: What was looked up since something has changed last: without it a look at 10,000 items takes minutes.
        self.found: dict[Any, Any] = {}
        self.ext: dict[tuple[str, str], str] = {}
        self.persisted: set[tuple[str, str]] = set()
        self.scripts: list[Script] = []
        self.script: Any = None
        self.processes: list[Process] = []
        self.commands: list[tuple[str, int]] = []
        self.actions: list[int] = []
        self.faults: list[str] = []
        self.console = ""
        self.messages: list[str] = []
        self.dialogs: list[tuple[str, list[str], list[str]]] = []
        self.answers: list[int] = []
        self.relaunches: list[str] = []
        self.asked_to_relaunch: list[str] = []
        self.modal: list[str] = []
        self.render_ends: list[str] = []
        self.forms: list[Any] = []
        self.chosen_files: list[str | None] = []
        self.failures: dict[str, Any] = {}
        self.removed: set[str] = set()
        self.pointers: dict[Any, api.Pointer] = {}
        self.destroyed: list[Any] = []
        self.toggles: dict[int, int] = {}
        self.disk_room: int | None = None
        self.gmem: dict[int, float] = {}
        self.command_ids: dict[str, int] = {}
        self.layout_changes = 0
        self.screen_scale = 1.0
        self.screens: list[tuple[int, int, int, int]] = [(0, 0, 1920, 1080)]
        self.clipboard = ""
        self.extensions = extensions
        self.reaimgui = "0.10.0.5"
        self.contexts: list[Context] = []
        self.keyboard: int | None = None
        self.user = User(self)
        self._tabs = self._started = 0
        self.projects: list[Project] = []
        self.project = self.new_tab()

    def __enter__(self) -> Reaper:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Tabs

    def new_tab(self, file: str = "", rate: int | None = None, has_media_folder: bool = True) -> Project:
        """Open another project and show it. ``file`` may be empty (never saved), a name, or a path."""
        self._tabs += 1
        name = f"Song {self._tabs}"
        media = self.folder / name / "Media"
        if file:
            path = self.folder / name / file if not Path(file).is_absolute() else Path(file)
            media = path.parent / "Media"
            file = str(path)
        if has_media_folder:
            media.mkdir(parents=True, exist_ok=True)
        project = Project(media, rate or self.rate, file, self.ways)
        self.projects.append(project)
        self.project = project
        return project

    def select_tab(self, project: Project) -> None:
        """Show a project, as the musician does."""
        assert project in self.projects
        self.show(project)

    def show(self, project: Project) -> None:
        """Show a project. Whether what plays goes on is open (`behaviour`)."""
        if self.ways["tab_switch"] == "stops" and project is not self.project:
            self.project.playing = 0
        self.project = project

    def close_tab(self, project: Project) -> None:
        """Close a project; the last tab leaves an empty one behind."""
        self.projects.remove(project)
        if not self.projects:
            self.new_tab()
        if self.project is project:
            self.project = self.projects[-1]

    # The user

    def form(self, answer: Any = ..., /, **values: Any) -> None:
        """Queue what the next GetUserInputs gets: values by caption (others stay as offered), None for Cancel, or a function
        of the captions and the offered values that returns a list, or None."""
        self.forms.append(values if answer is ... else answer)

    def answer(self, *codes: int) -> None:
        """Queue what the next message boxes return: 1 OK, 2 Cancel, 6 Yes, 7 No."""
        self.answers.extend(codes)

    def answer_task_control(self, *answers: str) -> None:
        """Queue answers to the question that running a script again brings up: "new", "terminate" or "abort"."""
        assert set(answers) <= {"new", "terminate", "abort"}
        self.relaunches.extend(answers)

    def choose_file(self, path: str | Path | None) -> None:
        """Queue what the next file dialog returns; None for Cancel."""
        self.chosen_files.append(None if path is None else str(path))

    def window(self, script: Script | None = None) -> Any:
        """Return the window of a script: of the last one that has one open, or of the last one."""
        scripts = [script] if script else [s for s in self.scripts if s.window.is_open] or self.scripts
        return scripts[-1].window

    def panel(self) -> Context:
        """Return the last context of ReaImGui."""
        return self.contexts[-1]

    def windows(self) -> list[Any]:
        """Return everything of scripts that can have the keyboard."""
        return [*(script.window for script in self.scripts), *(one for one in self.contexts if one.is_alive)]

    # Scripts

    def start(self, name: str | Path = "script.lua", *, code: str | bytes | None = None) -> Script:
        """Start an action by its file name in the folder of the scripts (or by a path, or as ``code``): its main chunk runs."""
        path = Path(name) if Path(name).is_absolute() else self.scripts_folder / name
        source = path.read_bytes() if code is None else code if isinstance(code, bytes) else code.encode()
        if source.startswith(b"#"):
            source = b"--" + source
        for project in self.projects:
            project.settle()
        self._started = len(self.ticks)
        return self.launch(path, source, self._run_timed)

    def launch(
        self, path: Path, source: bytes, run: Callable[[Callable[[], None]], None] = lambda step: step()
    ) -> Script:
        """Start a script, as its action does; scripts may start others too. A copy that runs: see `_starts_beside`."""
        for running in [s for s in self.scripts if (s.path, s.source) == (path, source) and not s.ended]:
            if not self._starts_beside(running):
                return running
        script = Script(self, path, source)
        self.scripts.append(script)
        run(script.start)
        return script

    def _starts_beside(self, running: Script) -> bool:
        """Whether a script starts of which a copy runs. Without action options REAPER asks, and waits for the answer."""
        if running.ended:
            return True
        if running.options & 1:
            running.end()
            return bool(running.options & 2)
        self.asked_to_relaunch.append(running.name)
        with self.dialog("ReaScript task control"):
            self.clock.wait(clock.MODAL_S)
        if not self.relaunches:
            self.fault(
                f"{running.name} is run while it runs: ReaScript task control asks; use r.answer_task_control(...)"
            )
            return False
        answer = self.relaunches.pop(0)
        if answer == "terminate":
            running.end()
        return answer == "new"

    @contextlib.contextmanager
    def dialog(self, title: str) -> Iterator[None]:
        """A dialog is open: other scripts may run meanwhile, and what the musician does is disturbed."""
        self.user.disturb(f"dialog {title!r}")
        asking = self.script
        self.modal.append(title)
        if self.ways["dialog_timers"] and len(self.modal) == 1:
            self._run_scripts(but=asking)
        try:
            yield
        finally:
            self.modal.remove(title)
            self.script = asking

    def _run_scripts(self, but: Any = None) -> None:
        busy = self.clock.busy
        for script in [s for s in self.scripts if s.deferred and not s.ended and s is not but]:
            script.tick()
        self.clock.busy = busy

    def tick(self, count: int = 1) -> None:
        """Let the timer fire: time goes on, deferred functions run. What runs outside gets some real time."""
        for _ in range(count):
            began, is_busy = time.monotonic(), len(self.ticks) - self._started > _BUSY_TICKS
            if any(process.running for process in self.processes):
                time.sleep(clock.TICK_S if is_busy else _REAL_STEP_S)
            elif is_busy:
                time.sleep(_REAL_STEP_S / 5)  # it waits for something that the clock of the wall decides
            self.clock.next_tick(time.monotonic() - began)
            self.user.act()
            for project in self.projects:
                project.move_with_tempo()  # what a script left undone, REAPER does later
            running = [script for script in self.scripts if script.deferred and not script.ended]
            if running:
                self._run_timed(*[script.tick for script in running])
            self._end_frames()

    def _end_frames(self) -> None:
        """Let ReaImGui draw what the scripts of this tick said."""
        for context in self.contexts:
            problem = context.end_frame()
            if problem:
                self.fault(f"{context.label}: {problem}")

    def finish(self, timeout_s: float = PATIENCE_S) -> None:
        """Let time pass until no script has anything deferred. Raises what went wrong."""
        deadline, latest = time.monotonic() + timeout_s, self.clock.now + _LONGEST_VIRTUAL_S
        while waiting := [script.name for script in self.scripts if script.deferred]:
            if time.monotonic() > deadline or self.clock.now > latest:
                raise AssertionError(f"still running: {waiting}; faults: {self.faults}; messages: {self.messages}")
            self.tick()
        self.check()

    def run(
        self, name: str | Path = "script.lua", *, code: str | bytes | None = None, timeout_s: float = PATIENCE_S
    ) -> Script:
        """Start a script and let it finish."""
        script = self.start(name, code=code)
        self.finish(timeout_s)
        return script

    def until(self, condition: Callable[[], Any], timeout_s: float = PATIENCE_S) -> Any:
        """Tick until a condition holds; return what it gave."""
        deadline = time.monotonic() + timeout_s
        while not (found := condition()):
            if time.monotonic() > deadline:
                raise AssertionError(f"waited in vain; faults: {self.faults}; messages: {self.messages}")
            self.tick()
        return found

    def check(self) -> None:
        """Raise ApiMisuse when anything went wrong."""
        if self.faults:
            raise ApiMisuse("\n".join(self.faults))

    def fault(self, message: str) -> None:
        """Remember what went wrong."""
        self.faults.append(message)

    def close(self) -> None:
        """End the scripts, then everything that they started."""
        for script in self.scripts:
            script.end()
        for process in self.processes:
            process.stop()

    def _run_timed(self, *steps: Callable[[], None]) -> None:
        self.clock.busy = 0.0
        for step in steps:
            step()
        self.ticks.append(self.clock.busy * 1000)

    def note_calls(self, script: str, calls: Counter[str]) -> None:
        """Keep what a script has called in one tick, if no tick had more."""
        if sum(calls.values()) > self.largest_tick.calls:
            self.largest_tick = LargestTick(script, Counter(calls))

    def forget_ticks(self) -> None:
        """Begin to look for the largest and the longest tick again."""
        self.largest_tick = LargestTick("", Counter())
        self.ticks.clear()
        self._started = 0

    @property
    def longest_tick_ms(self) -> float:
        """The longest time that the interface was blocked."""
        return max(self.ticks, default=0.0)

    # Other versions, and faults to order

    def knows(self, name: str) -> bool:
        """Return whether this REAPER has a function."""
        extension = api.FUNCTIONS.get(name, {}).get("extension")
        is_there = extension is None or extension in self.extensions
        return is_there and name not in self.removed and api.exists(name, self.version)

    def remove_api(self, *names: str) -> None:
        """Play a REAPER without these functions."""
        self.removed.update(names)

    def fail_next(self, name: str, result: Any = None) -> None:
        """Let the next call of a function do nothing and return ``result``."""
        if name not in api.FUNCTIONS:
            raise KeyError(name)
        self.failures[name] = result

    def disk_full_after(self, count: int | None) -> None:
        """Set how many more bytes scripts may write; None: no limit."""
        self.disk_room = count

    def disk(self, count: int) -> int:
        """Take room on the disk; return how much there was of it."""
        room = count if self.disk_room is None else min(count, self.disk_room)
        if self.disk_room is not None:
            self.disk_room -= room
        self.clock.work(room * clock.BYTE_S)
        return room
