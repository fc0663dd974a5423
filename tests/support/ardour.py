"""A real Ardour without a screen: a home of its own, the Dummy audio backend, the OSC surface on, and no dialog in the way.

What was tried: Ardour 7.3 of Debian 12. Two things of its state are written here because only clicks would set them: which
audio backend starts with the program, and which Lua scripts are hooks and actions (``ui_scripts``, Lua text in base64).
"""

from __future__ import annotations

import base64
import math
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from xml.sax.saxutils import quoteattr

from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from tests.support.daemon import PATIENCE_S, until

ARDOUR = shutil.which("ardour")
#: ``ardour7-lua`` makes sessions without a window; its number is that of the program's configuration folder.
LUA = next((path for path in sorted(Path("/usr/bin").glob("ardour[0-9]*-lua"))), None)
#: What ends a program together with the tests, also when these are killed.
_WITH_PARENT = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
#: The place of `LuaTimerDS`, ten times a second, among the signals of a hook.
_TIMER_SIGNAL = 49
_SIGNALS = 51
#: Places for actions.
_PLACES = 32
#: After this time a message that Ardour has not taken is sent again.
_REPEAT_S = 10.0

_CONFIG = """<?xml version="1.0" encoding="UTF-8"?>
<Ardour>
  <Config>
    <Option name="try-autostart-engine" value="1"/>
    <Option name="hide-dummy-backend" value="0"/>
    <Option name="osc-port" value="{port}"/>
    <Option name="discover-plugins-on-start" value="0"/>
    <Option name="save-history" value="0"/>
    <Option name="check-announcements" value="0"/>
    <Option name="use-transport-fades" value="{fades}"/>
    <Option name="loop-fade-choice" value="{loop_fade}"/>
  </Config>
  <ControlProtocols>
    <Protocol name="Open Sound Control (OSC)" active="1" feedback="0" debugmode="0" address-only="0" remote-port="8000"
      banksize="0" striptypes="159" gainmode="0" send-page-size="0" plug-page-size="0"/>
  </ControlProtocols>
  <Extra>
    <AudioMIDISetup>
      <EngineStates>
        <State backend="None (Dummy)" driver="Normal Speed" device="Silence" input-device="" output-device=""
          sample-rate="{rate_hz}" buffer-size="1024" n-periods="0" input-latency="0" output-latency="0" lm-input=""
          lm-output="" active="1" use-buffered-io="0" midi-option="1 in, 1 out, Silence" lru="1">
          <MIDIDevices/>
        </State>
      </EngineStates>
    </AudioMIDISetup>
  </Extra>
</Ardour>
"""

#: Makes a session with one stereo track; run by ``ardour7-lua``.
_MAKE_SESSION = """
AudioEngine:set_backend("None (Dummy)", "", "")
local session = create_session(arg[1], arg[2], tonumber(arg[3]))
assert(session, "the session cannot be made")
session:new_audio_track(2, 2, nil, 1, arg[4], ARDOUR.PresentationInfo.max_order, ARDOUR.TrackMode.Normal, true)
@SETUP@
session:save_state("")
close_session()
"""

#: A hook that makes a file as soon as the window is there and the session is open. A message to the surface before that, while
#: Ardour still makes the surface, has left it without an answer for good.
_SAY_READY = """
ardour { ["type"] = "EditorHook", name = "Ready" }
function signals() return LuaSignal.Set():add({ [LuaSignal.LuaTimerDS] = true }) end
function factory()
  local is_ready = false
  return function()
    if not is_ready then io.open(@FILE@, "w"):close() end
    is_ready = true
  end
end
"""

#: An action that runs a file of the test inside Ardour; ``say`` writes a line of the answer.
_RUN_FILE = """
ardour { ["type"] = "EditorAction", name = "Run the test's file" }
function factory() return function()
  if not os.rename("@FILE@", "@FILE@.now") then return end -- the message came twice
  local out = io.open("@ANSWER@.part", "w")
  local function say(...) out:write(table.concat({...}, "\\t"), "\\n") end
  local step, why = loadfile("@FILE@.now")
  local ok = step ~= nil
  if ok then ok, why = pcall(step, say) end
  if not ok then say("FAULT", tostring(why)) end
  out:close()
  os.rename("@ANSWER@.part", "@ANSWER@")
end end
"""

#: What follows the source of an action: it runs once for each wish, a file of its own.
_ONCE_A_WISH = """
local make = factory
function factory(...)
  local act = make(...)
  return function(...)
    if os.rename(@FILE@, @FILE@ .. ".now") then return act(...) end -- else the message came twice
  end
end
"""


def message(address: str, *arguments: str | int | float) -> bytes:
    """Return the bytes of an OSC message: text, 32-bit integers and floats."""
    builder = OscMessageBuilder(address)
    for argument in arguments:
        builder.add_arg(argument)
    return builder.build().dgram


def free_port() -> int:
    """Return a UDP port that nobody has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _lua_text(text: str) -> str:
    quoted = "".join(
        char if " " <= char <= "~" and char not in '"\\' else "".join(f"\\{byte:03}" for byte in char.encode())
        for char in text
    )
    return f'"{quoted}"'


def _compile(source: str) -> str:
    """Return what Ardour keeps of a script: a chunk that takes parameters and returns the script's function."""
    return _lua_text(f"local ardour = function() end\n{source}\nreturn factory(...)\n")


def ui_scripts(actions: Mapping[str, str], hooks: Mapping[str, str]) -> str:
    """Return the file ``ui_scripts`` of a user who has clicked these actions and hooks (name → source)."""
    state = "scripts = {} " + "".join(
        f'scripts[{number}] = {{}} scripts[{number}]["n"] = {_lua_text(name)} scripts[{number}]["s"] = {_lua_text(source)} '
        f'scripts[{number}]["f"] = {_compile(source)} scripts[{number}]["c"] = "" scripts[{number}]["a"] = {{}} '
        for number, (name, source) in enumerate(actions.items(), 1)
    )
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<UIScripts>"]
    lines.append(f'<ActionScript lua="Lua 5.3">{base64.b64encode(state.encode()).decode()}</ActionScript>')
    lines.append("<ActionHooks>")
    for number, (name, source) in enumerate(hooks.items(), 900_000):
        hook = f's = {{}} s["n"] = {_lua_text(name)} s["s"] = {_lua_text(source)} s["f"] = {_compile(source)} s["a"] = {{}} '
        signals = f"{1 << _TIMER_SIGNAL:0{_SIGNALS}b}"
        lines.append(
            f'<LuaCallback lua="Lua 5.3" id="{number}" name={quoteattr(name)} signals="{signals}">'
            f"{base64.b64encode(hook.encode()).decode()}</LuaCallback>"
        )
    return "\n".join([*lines, "</ActionHooks>", "</UIScripts>"])


class Ardour:
    """A running Ardour with one session, and what a test does to it.

    Without ``fades`` the track sounds as it is where the transport starts and stops, and where a loop wraps. Its programs have
    ``variables`` in their environment, beside those of the test.
    """

    def __init__(
        self,
        folder: Path,
        *,
        rate_hz: int = 48_000,
        track: str = "Song",
        fades: bool = True,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        assert ARDOUR, "there is no ardour here: apt-get install ardour xvfb"
        assert LUA, "there is no ardour here: apt-get install ardour xvfb"
        self.folder, self.rate_hz, self.track, self.fades = folder, rate_hz, track, fades
        self.home = folder / "home"
        self.session = folder / "session"
        self.port = free_port()
        self.config = self.home / ".config" / re.sub(r"-lua$", "", LUA.name)
        (self.config / "scripts").mkdir(parents=True)
        (self.home / ".cache" / self.config.name).mkdir(parents=True)
        (self.config / f".a{self.config.name.removeprefix('ardour')}").touch()  # it has been started before: no welcome
        self.display = ""
        self._processes: list[subprocess.Popen[bytes]] = []
        self._actions: list[str] = []
        outside = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
        own = {"HOME": str(self.home), "XDG_RUNTIME_DIR": str(self.home)}
        self._environment = {**outside, **own, **(variables or {})}

    # Life

    @contextmanager
    def running(self, hooks: Mapping[str, str], actions: Mapping[str, str] | None = None) -> Iterator[None]:
        """Run it with these hooks and actions (name → source) at work; nothing of it is left afterwards."""
        try:
            self.start(hooks, actions)
            yield
        finally:
            self.stop()

    def start(self, hooks: Mapping[str, str], actions: Mapping[str, str] | None = None) -> None:
        """Make the session and open it, with these hooks and actions (name → source) at work."""
        self.make_session()
        self.open(hooks, actions)

    def make_session(self, setup: str = "") -> None:
        """Make the session; ``setup`` is Lua that finds it as ``session``."""
        self.run_without_window(_MAKE_SESSION.replace("@SETUP@", setup), self.rate_hz, self.track)

    def run_without_window(self, script: str, *arguments: str | int) -> None:
        """Run Lua in ``ardour7-lua``; its ``arg`` holds the session's folder, its name, then these arguments."""
        assert LUA
        self._write_config()
        file = self.folder / "without_window.lua"
        file.write_text(script, "utf-8")
        self.run_program(LUA, file, self.session, self.session.name, *map(str, arguments))

    def run_program(self, *command: str | Path, **variables: str) -> None:
        """Run a program of Ardour's to its end, with these variables in its environment."""
        done = subprocess.run(
            command,
            env={**self._environment, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE_S,
        )
        said = f"{done.stdout.decode(errors='replace')}\n{done.stderr.decode(errors='replace')}"
        assert done.returncode == 0, f"{' '.join(map(str, command))} ended with {done.returncode}:\n{said}"

    def open(self, hooks: Mapping[str, str], actions: Mapping[str, str] | None = None) -> None:
        """Open the session that was made, with these hooks and actions (name → source) at work."""
        assert ARDOUR
        self._mend_session()
        self._ready.unlink(missing_ok=True)  # of an Ardour that ran before
        self._write_config()  # the command has written its own
        action = _RUN_FILE.replace("@FILE@", str(self._file)).replace("@ANSWER@", str(self._answer))
        ready = _SAY_READY.replace("@FILE@", _lua_text(str(self._ready)))
        self._actions = ["Run the test's file", *(actions or {})]
        assert len(self._actions) <= _PLACES, f"Ardour has {_PLACES} places for actions, not {len(self._actions)}"
        once = {
            name: source + _ONCE_A_WISH.replace("@FILE@", _lua_text(str(self._wish(name))))
            for name, source in (actions or {}).items()
        }
        scripts = ui_scripts({self._actions[0]: action, **once}, {"Ready": ready, **hooks})
        (self.config / "ui_scripts").write_text(scripts, "utf-8")
        self.display = f":{self._start_display()}"
        with (self.folder / "ardour.log").open("wb") as log:
            self._processes.append(
                subprocess.Popen(
                    [*_WITH_PARENT, ARDOUR, "-n", "-a", str(self.session)], env={**self._environment, "DISPLAY": self.display},
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                )
            )  # fmt: skip
        self._wait_for_surface()

    def stop(self) -> None:
        """End it and its display."""
        for process in reversed(self._processes):
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    @property
    def log(self) -> str:
        return (self.folder / "ardour.log").read_text("utf-8", errors="replace")

    # What a test does

    def send(self, address: str, *arguments: str | int | float) -> None:
        """Send an OSC message to Ardour."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            out.sendto(message(address, *arguments), ("127.0.0.1", self.port))

    def run(self, code: str) -> list[list[str]]:
        """Run Lua inside Ardour, where ``say`` is a function; return the lines that it said, each split at tabs."""
        self._answer.unlink(missing_ok=True)
        self._file.write_text("local say = ...\n" + code, "utf-8")
        self._press(1, self._file)
        until(lambda: self._answer.exists() or self._has_ended, f"Ardour's answer; its log: {self.log}")
        assert self._answer.exists(), f"Ardour ended with {self._processes[-1].returncode}; its log: {self.log}"
        lines = [line.split("\t") for line in self._answer.read_text("utf-8").splitlines()]
        assert not [line for line in lines if line[0] == "FAULT"], lines
        return lines

    def act(self, name: str) -> None:
        """Run one of the actions, as a user does from the menu or by a key; it has begun when this returns."""
        self._wish(name).touch()
        self._press(self._actions.index(name) + 1, self._wish(name))

    def _press(self, place: int, file: Path) -> None:
        """Have the action in a place take a file, by a message that is sent again where Ardour loses it."""
        asked = -math.inf

        def is_taken() -> bool:
            nonlocal asked
            if file.exists() and time.monotonic() - asked > _REPEAT_S:
                self.send("/access_action", f"LuaAction/script-{place}")
                asked = time.monotonic()
            return not file.exists() or self._has_ended

        until(is_taken, f"Ardour's action {place}; its log: {self.log}")
        assert not file.exists(), f"Ardour ended with {self._processes[-1].returncode}; its log: {self.log}"

    @property
    def _has_ended(self) -> bool:
        return self._processes[-1].poll() is not None

    def set_loop(self, first: int, last: int) -> None:
        """Set the loop, by a message that is sent again where Ardour loses it."""

        def is_set() -> bool:
            self.send("/loop_location", first, last)
            rows = self.run("""
            local loop = Session:locations():auto_loop_location()
            if loop then say(loop:start():samples(), loop:_end():samples()) end
            """)
            return rows == [[str(first), str(last)]]

        until(is_set, "the loop")

    def import_audio(self, path: Path, position: int, track: str = "") -> None:
        """Import a file as a user does with Session > Import and put it on a track at a sample."""
        self.run(f"""
        local files = C.StringVector()
        files:push_back({_lua_text(str(path))})
        Editor:do_import(files, Editing.ImportDistinctFiles, Editing.ImportAsRegion, ARDOUR.SrcQuality.SrcBest,
          ARDOUR.MidiTrackNameSource.SMFTrackName, ARDOUR.MidiTempoMapDisposition.SMFTempoIgnore, Temporal.timepos_t(0),
          ARDOUR.PluginInfo(), ARDOUR.Track(), false)
        local playlist = Session:route_by_name({_lua_text(track or self.track)}):to_track():playlist()
        for _, region in ARDOUR.RegionFactory.regions():iter() do
          if region:whole_file() and region:name():find({_lua_text(path.stem)}, 1, true) then
            local copy = ARDOUR.RegionFactory.clone_region(region, true, false)
            playlist:add_region(copy, Temporal.timepos_t({position}), 1, false)
          end
        end
        """)

    def embed_audio(self, path: Path, position: int, trim: int) -> None:
        """Put a file on the track at a sample without a copy, as a user does who drags it there; leave out ``trim`` samples."""
        self.run(f"""
        local files = C.StringVector()
        files:push_back({_lua_text(str(path))})
        Editor:do_embed(files, Editing.ImportDistinctFiles, Editing.ImportAsRegion, Temporal.timepos_t(0),
          ARDOUR.PluginInfo(), ARDOUR.Track())
        local playlist = Session:route_by_name({_lua_text(self.track)}):to_track():playlist()
        for _, region in ARDOUR.RegionFactory.regions():iter() do
          local audio = region:to_audioregion()
          if region:whole_file() and audio:source(0):to_filesource():path() == {_lua_text(str(path))} then
            local copy = ARDOUR.RegionFactory.clone_region(region, true, false)
            playlist:add_region(copy, Temporal.timepos_t({position}), 1, false)
          end
        end
        playlist:top_region_at(Temporal.timepos_t({position})):trim_front(Temporal.timepos_t({position + trim}))
        """)

    # Parts

    @property
    def _ready(self) -> Path:
        return self.folder / "ready"

    @property
    def _file(self) -> Path:
        return self.folder / "step.lua"

    @property
    def _answer(self) -> Path:
        return self.folder / "answer.txt"

    def _wish(self, action: str) -> Path:
        return self.folder / f"wish-{self._actions.index(action) + 1}"

    def _write_config(self) -> None:
        fades = {"fades": int(self.fades), "loop_fade": "XFadeLoop" if self.fades else "NoLoopFade"}
        (self.config / "config").write_text(_CONFIG.format(port=self.port, rate_hz=self.rate_hz, **fades), "utf-8")

    def _mend_session(self) -> None:
        """Turn the surface on in the session, which overrides the configuration, and drop what makes a dialog wait."""
        file = self.session / f"{self.session.name}.ardour"
        text = re.sub(r"<EngineHints[^\n]*\n", "\n", file.read_text("utf-8"))
        text = re.sub(r'(Protocol name="Open Sound Control \(OSC\)" active=)"0"', r'\1"1"', text)
        file.write_text(text, "utf-8")

    def _start_display(self) -> int:
        reading, writing = os.pipe()
        self._processes.append(
            subprocess.Popen(
                [*_WITH_PARENT, "Xvfb", "-displayfd", str(writing), "-screen", "0", "1280x800x24", "-nolisten", "tcp"],
                pass_fds=[writing], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )
        )  # fmt: skip
        os.close(writing)
        with os.fdopen(reading) as numbers:
            return int(numbers.readline())

    def _wait_for_surface(self) -> None:
        ardour = self._processes[-1]
        until(lambda: self._ready.exists() or ardour.poll() is not None, "Ardour's window")
        deadline = time.monotonic() + PATIENCE_S
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            probe.settimeout(1.0)
            while time.monotonic() < deadline:
                assert ardour.poll() is None, self.log
                try:
                    probe.sendto(message("/strip/list"), ("127.0.0.1", self.port))
                    OscMessage(probe.recvfrom(65536)[0])
                    return
                except (TimeoutError, ConnectionError):
                    pass
        raise AssertionError(f"Ardour does not answer: {self.log}")
