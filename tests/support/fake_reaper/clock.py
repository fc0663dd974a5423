"""Virtual time: what a script's work would cost REAPER's user interface, the same on every machine.

No public source says what REAPER's own calls cost. These costs are assumed, rather high than low, and prove that scripts
spread their work, not how long a tick lasts in a real REAPER, as docs/reaper.md says: a Lua instruction 15 ns, a value
through ``string.pack`` and its like 15 ns, an API call 2 us, a value from an audio accessor 25 ns, a byte to disk 1 ns, the
start of a process 1 ms.
"""

from __future__ import annotations

INSTRUCTION_S = 15e-9
VALUE_S = 15e-9
CALL_S = 2e-6
SAMPLE_S = 25e-9
BYTE_S = 1e-9
PROCESS_S = 1e-3
TICK_S = 1 / 30
MODAL_S = 2.0


class Clock:
    """``now`` is what ``reaper.time_precise`` says; ``busy`` is what the present tick has cost so far."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.busy = 0.0

    def work(self, seconds: float) -> None:
        """The interface is blocked that long."""
        self.now += seconds
        self.busy += seconds

    def wait(self, seconds: float) -> None:
        """Time passes while the interface is free, or while a dialog waits for the user."""
        self.now += seconds

    def next_tick(self, at_least: float = 0.0) -> None:
        """Go on to the next tick of the timer."""
        self.now = max((int(self.now / TICK_S + 1e-9) + 1) * TICK_S, self.now + at_least)
