"""The player: what a person does with the sound. Every method may be called from any thread.

A thread of the player's own, the feeder, fills the ring and watches over the stream. Every jump in the music is a new ring: it
is filled first, then offered to the renderer, which fades to it in its next buffer.
"""

from __future__ import annotations

import threading
import time
from dataclasses import replace

from acebridge.errors import AceBridgeError
from acebridge.hosts.monitor.device import LATENCY_S, NoSound, OpenOutput, Output, OutputRequest, open_output
from acebridge.hosts.monitor.equal_loudness import equal_gains
from acebridge.hosts.monitor.filler import Filler
from acebridge.hosts.monitor.plan import Loop, Plan
from acebridge.hosts.monitor.recording import Recording
from acebridge.hosts.monitor.renderer import Renderer
from acebridge.hosts.monitor.ring import Ring
from acebridge.hosts.monitor.status import State, Status, Underruns
from acestep_runtime.errors import InvalidValue
from acestep_runtime.units import db_to_gain, seconds_to_frames

#: How much the ring holds: more than the feeder is ever late by.
RING_S = 1.0
#: A stream that plays nothing is closed after this time: other programs may want the device.
IDLE_S = 30.0
MIN_LEVEL_DB, MAX_LEVEL_DB = -90.0, 12.0
_SHORTEST_LOOP_S = 0.01
_FEED_S = 0.02
#: Silence behind the last sample, beyond the latency: a device that recovers from an underrun plays later than it says.
_DRAIN_S = 0.25
_IDLE_RATE_HZ = 48_000
#: The number of the source among the choices; takes count from 1.
SOURCE = 0


class Player:
    """Plays one of several choices: 0 is the source, 1 and up are takes, in the order in which they are added.

    With ``matches`` the choices are played at equal loudness. ``continues`` plays the next take when one ends. A context
    manager that ends the stream and removes the recordings.
    """

    def __init__(
        self,
        *,
        device: str = "",
        latency_s: float = LATENCY_S,
        matches: bool = True,
        continues: bool = True,
        opener: OpenOutput = open_output,
    ) -> None:
        #: The choice to begin with; ``None`` for the first take that comes.
        self.first: int | None = None
        #: Jobs that takes are still to come from: the end of the last one is then not the end.
        self._jobs = 0
        self._choices: dict[int, Recording] = {}
        self._request = OutputRequest(_IDLE_RATE_HZ, latency_s, device)
        self._matches, self._continues, self._opener = matches, continues, opener
        self._lock = threading.RLock()
        self._wake = threading.Event()
        self._done = threading.Event()
        self._state = State.stopped
        self._error: AceBridgeError | None = None
        self._output: Output | None = None
        self._renderer = Renderer(_IDLE_RATE_HZ)
        self._rate_hz = _IDLE_RATE_HZ
        self._ring: Ring | None = None
        self._plan = Plan(-1, 0, 0)
        #: Where to begin, in seconds, when it plays next; ``None`` for the start of the choice.
        self._cue_s: float | None = None
        self._loop_s: tuple[float, float] | None = None
        self._level_db = 0.0
        self._epoch = 0
        self._restarts = 0
        self._filler = Filler(_IDLE_RATE_HZ)
        self._past = Underruns()
        self._feeder: threading.Thread | None = None
        self._active_at = 0.0

    def __enter__(self) -> Player:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- what can be played ----

    def add(self, recording: Recording, number: int | None = None) -> int:
        """Add a choice and return its number: the next take's, or ``number``, which it replaces."""
        with self._lock:
            taken = max((*self._choices, SOURCE))
            number = taken + 1 if number is None else number
            if number in self._choices:
                self._choices[number].close()
            self._choices[number] = recording
            recording.on_growth = self._wake.set
            first = number == self.first if self.first is not None else number != SOURCE or not self._jobs
            if number == self._plan.choice or (self._plan.choice not in self._choices and first):
                self._plan = Plan(number, 0, 0)
                self._ring = None
                if self._state is State.playing:
                    self._begin()
            self._wake.set()
            return number

    def expect(self, jobs: int) -> None:
        """Expect takes of another job (1), or of one job less (-1)."""
        with self._lock:
            self._jobs += jobs
            self._wake.set()

    def clear(self) -> None:
        """Stop, and remove all choices."""
        with self._lock:
            self._finish(State.stopped)
            for recording in self._choices.values():
                recording.close()
            self._choices.clear()
            self._plan, self._ring, self._cue_s, self._loop_s = Plan(-1, 0, 0), None, None, None
            self._renderer.offered = None

    @property
    def choices(self) -> dict[int, str]:
        """The names of the choices by number."""
        with self._lock:
            return {number: recording.name for number, recording in sorted(self._choices.items())}

    # ---- transport ----

    def open(self, rate_hz: int = _IDLE_RATE_HZ) -> None:
        """Open the stream before there is anything to play, so that the device is awake by then. Raises `NoSound`."""
        with self._lock:
            if self._output is None:
                self._open(replace(self._request, rate_hz=rate_hz))

    def play(self) -> None:
        """Play from where it stands, or wait for the first audio. Raises `NoSound`."""
        with self._lock:
            recording = self._choices.get(self._plan.choice)
            self.open(recording.rate_hz if recording else self._request.rate_hz)
            if self._state is not State.playing:
                resumes = self._state is State.paused and self._cue_s is None and self._ring is not None
                self._state = State.playing
                self._done.clear()
                if recording is not None and not resumes:
                    self._begin()
            self._renderer.playing = True
            self._wake.set()

    def pause(self) -> None:
        """Fade out and stay."""
        with self._lock:
            if self._state is State.playing:
                self._renderer.playing = False
                self._state = State.paused

    def stop(self) -> None:
        """Fade out and go back to the start."""
        with self._lock:
            self._finish(State.stopped)

    def seek(self, position_s: float) -> None:
        """Go to a time of the source's time line, at most to the choice's start or end. Raises `InvalidValue`."""
        with self._lock:
            self._cue_s = _finite("position", position_s)
            if self._state is State.ended:
                self._state = State.paused
            if self._state is State.playing and self._plan.choice in self._choices:
                self._begin()

    def loop(self, start_s: float, end_s: float) -> None:
        """Repeat a region; `unloop` ends that. Raises `InvalidValue` for an end that is not behind the start."""
        with self._lock:
            if _finite("loop end", end_s) < _finite("loop start", start_s) + _SHORTEST_LOOP_S:
                raise InvalidValue(
                    "loop end", f"{end_s:g} s", f"later than the loop's start, {start_s:g} s, by 0.01 s",
                    remedy="Give the start first, then the end.",
                )  # fmt: skip
            self._set_loop((start_s, end_s))

    def unloop(self) -> None:
        """Repeat nothing."""
        with self._lock:
            self._set_loop(None)

    def _set_loop(self, loop_s: tuple[float, float] | None) -> None:
        self._loop_s = loop_s
        if self._ring is None:
            return
        loop, frame = self._loop_frames(), self._plan.frame_at(self._ring.index)
        if loop is not None and frame >= loop.end:
            self._cue_s = loop.start / self._rate_hz
            if self._state is State.playing:
                self._begin()
        else:
            self._offer(replace(self._plan, index=self._ring.index, frame=frame, loop=loop))

    def select(self, number: int) -> None:
        """Change to another choice at the same place of the music, without a gap. Raises `InvalidValue` for an unknown one."""
        with self._lock:
            if number not in self._choices:
                known = ", ".join(f"{each} ({name})" for each, name in self.choices.items()) or "nothing yet"
                raise InvalidValue("choice", number, known, remedy="0 is the source, takes count from 1.")
            if number == self._plan.choice:
                return
            if self._ring is None:
                self._plan = Plan(number, 0, 0)
                return
            index, frame = self._ring.index, self._plan.frame_at(self._ring.index)
            plan = replace(self._plan, choice=number, index=index, frame=frame)
            if self._state is State.ended:
                self._plan, self._cue_s, self._state = plan, None, State.stopped
            else:
                self._offer(plan)

    # ---- level, device ----

    def set_level(self, level_db: float) -> None:
        """Set the level; 0 dB leaves samples as they are. Raises `InvalidValue` outside -90 to 12 dB."""
        with self._lock:
            if not MIN_LEVEL_DB <= _finite("level", level_db) <= MAX_LEVEL_DB:
                raise InvalidValue("level", f"{level_db:g} dB", f"{MIN_LEVEL_DB:g} to {MAX_LEVEL_DB:g} dB")
            self._level_db = level_db
            self._renderer.level = db_to_gain(level_db)

    def set_device(self, device: str) -> None:
        """Go on with another device, given as a part of its name or its number. Raises `NoSound`; then the old one stays."""
        with self._lock:
            before = self._request
            self._request = replace(before, device=device)
            if self._output is None:
                return
            self._cue_s = self._position_s()
            self._close_output()
            try:
                self._reopen(self._request)
            except NoSound:
                self._request = before
                self._reopen(before)
                raise

    def _reopen(self, request: OutputRequest) -> None:
        recording = self._choices.get(self._plan.choice)
        self._open(replace(request, rate_hz=recording.rate_hz if recording else request.rate_hz))
        if self._state is State.playing and recording is not None:
            self._begin()

    # ---- what it does ----

    def status(self) -> Status:
        """Return what the player does now."""
        with self._lock:
            recording = self._choices.get(self._plan.choice)
            start_s = recording.start_frame / recording.rate_hz if recording else 0.0
            end_s = start_s + (recording.frames / recording.rate_hz if recording else 0.0)
            return Status(
                self._state,
                self._plan.choice,
                recording.name if recording else "",
                self._position_s(),
                start_s,
                end_s,
                self._level_db,
                self._underruns(),
            )

    @property
    def latency_s(self) -> float:
        """The time from the renderer to the ear."""
        with self._lock:
            return self._output.latency_s if self._output is not None else self._request.latency_s

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the end of the music or a stop; return whether it came. Raises `NoSound` when the device was lost."""
        done = self._done.wait(timeout_s)
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        return done

    def close(self) -> None:
        """End the stream and remove the recordings."""
        with self._lock:
            self._close_output()
            self.clear()
            feeder, self._feeder = self._feeder, None
            self._wake.set()
        if feeder is not None and feeder is not threading.current_thread():
            feeder.join()

    # ---- inside ----

    def _open(self, request: OutputRequest) -> None:
        output = self._opener(request)
        renderer = Renderer(output.rate_hz, output.preroll_s)
        renderer.level, renderer.playing = self._renderer.level, self._state is State.playing
        self._renderer, self._rate_hz, self._ring = renderer, output.rate_hz, None
        self._filler = Filler(output.rate_hz)
        self._output = output
        self._active_at = time.monotonic()
        output.start(renderer.render)
        if self._feeder is None:
            self._feeder = threading.Thread(target=self._feed_on, name="monitor feeder", daemon=True)
            self._feeder.start()

    def _close_output(self) -> None:
        output, self._output = self._output, None
        if output is not None:
            output.close()
            self._past = self._underruns()
            self._renderer = Renderer(self._rate_hz)
            self._renderer.level = db_to_gain(self._level_db)
            self._ring = None

    def _underruns(self) -> Underruns:
        now, past = self._renderer, self._past
        return Underruns(
            past.ring + now.underruns,
            past.missing_s + now.missing_frames / self._rate_hz,
            past.device + now.device_underruns,
        )

    def _position_s(self) -> float:
        recording = self._choices.get(self._plan.choice)
        if self._state in (State.playing, State.paused) and self._ring is not None and self._cue_s is None:
            return self._plan.frame_at(self._ring.index) / self._rate_hz
        if self._cue_s is not None or recording is None:
            return self._cue_s or 0.0
        frames = recording.frames if self._state is State.ended else 0
        return (recording.start_frame + frames) / recording.rate_hz

    def _gain_of(self, number: int) -> float:
        return equal_gains(self._choices).get(number, 1.0) if self._matches else 1.0

    def _loop_frames(self) -> Loop | None:
        if self._loop_s is None:
            return None
        return Loop(*(seconds_to_frames(time_s, self._rate_hz) for time_s in self._loop_s))

    def _begin(self) -> None:
        """Begin the choice at the cue, else at the start of the loop or the choice."""
        choice, rate_hz, loop = self._plan.choice, self._rate_hz, self._loop_frames()
        recording = self._choices[choice]
        start, end = recording.start_at(rate_hz), recording.end_at(rate_hz)
        frame = start if loop is None else loop.start
        if self._cue_s is not None:
            frame = min(max(seconds_to_frames(self._cue_s, rate_hz), start), max(start, end))
        self._cue_s = None
        self._jump(Plan(choice, 0, frame, loop), clean=frame == start)

    def _jump(self, plan: Plan, *, clean: bool = False) -> None:
        """Go on with another stretch of music than what is played."""
        self._epoch += 1
        self._offer(plan, clean=clean)

    def _offer(self, plan: Plan, *, clean: bool = False) -> None:
        """Fill a new ring and hand it to the renderer. In one epoch, it is the same stretch of music in another version."""
        size = round(max(RING_S, 2 * self.latency_s) * self._rate_hz)  # a device asks for its whole latency at once
        ring = Ring(size, origin=plan.index, epoch=self._epoch, clean=clean)
        self._ring, self._plan = ring, plan
        self._restarts = self._choices[plan.choice].restarts
        self._filler.begin(ring, plan, self._choices[plan.choice], self._gain_of(plan.choice))
        self._renderer.offered = ring

    def _feed_on(self) -> None:
        """Keep the ring full until the player is closed."""
        me = threading.current_thread()
        while True:
            self._wake.wait(_FEED_S)
            self._wake.clear()
            with self._lock:
                if self._feeder is not me:
                    return
                if self._output is not None:
                    self._watch(self._output)
                if self._ring is not None and self._plan.choice in self._choices:
                    self._renew(self._ring)
                    choice = self._plan.choice
                    self._filler.fill(self._ring, self._plan, self._choices[choice], self._gain_of(choice))
                    self._end_or_continue(self._ring)
                elif self._state is State.playing and not self._jobs:
                    self._finish(State.ended)  # nothing has come, and nothing will

    def _watch(self, output: Output) -> None:
        """End when the device is gone; give it back when nothing has been played for a while."""
        now = time.monotonic()
        if output.is_lost():
            self._lose(output)
        elif self._state in (State.stopped, State.ended):
            if now - self._active_at > IDLE_S:
                self._close_output()
        else:
            self._active_at = now

    def _lose(self, output: Output) -> None:
        self._cue_s = self._position_s()
        self._error = NoSound(
            f"The output device {output.device} is gone.",
            remedy="Connect it again or choose another one, then play on: the place is kept.",
        )
        self._close_output()
        self._finish(State.paused)

    def _renew(self, ring: Ring) -> None:
        """Play what became void again, from the same place on."""
        plan, index = self._plan, ring.index
        if self._choices[plan.choice].restarts != self._restarts:
            self._jump(replace(plan, index=index, frame=plan.frame_at(index)))

    def _end_or_continue(self, ring: Ring) -> None:
        if self._state is not State.playing or not ring.finished or ring.readable() or self._renderer.ring is not ring:
            return
        number = self._plan.choice
        if self._continues and number != SOURCE:
            if number + 1 in self._choices:
                self._plan = Plan(number + 1, 0, 0)
                self._begin()
                return
            if self._jobs:
                return
        drain_s = self.latency_s + _DRAIN_S
        if self._renderer.silent_frames >= drain_s * self._rate_hz:  # the device has played all of it
            self._finish(State.ended)

    def _finish(self, state: State) -> None:
        self._renderer.playing = False
        self._state = state
        if state is State.stopped:
            self._cue_s = None
        self._done.set()


def _finite(name: str, value: float) -> float:
    if value != value or abs(value) > 1e9:
        raise InvalidValue(name, value, "a number of seconds or decibels")
    return value
