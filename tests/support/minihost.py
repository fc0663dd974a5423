"""The plug-in in minihost, which gives it any transport."""

from __future__ import annotations

import numpy as np

from tests.support.plugin import PARAMETERS, STATES, Samples, read_captures, read_state

RATE_HZ = 48_000
MOST_FRAMES = 4096


class Host:
    """An instance with a transport."""

    def __init__(self, path: str, rate_hz: int = RATE_HZ) -> None:
        import minihost

        self.plugin = minihost.Plugin(path, rate_hz, MOST_FRAMES)
        self.rate_hz = rate_hz
        self.tempo_bpm = 120.0
        self.meter = (4, 4)

    def set(self, name: str, value: float) -> None:
        self.plugin.set_param(PARAMETERS.index(name), value)

    def state(self) -> str:
        return STATES[round(self.plugin.get_param(PARAMETERS.index("state")) * (len(STATES) - 1))]

    def play(self, frame: int, audio: Samples, block_frames: int = 512, *, playing: bool = True) -> Samples:
        """Play audio from a frame on, and return what comes out."""
        output = np.zeros_like(audio)
        for start in range(0, audio.shape[1], block_frames):
            block = np.ascontiguousarray(audio[:, start : start + block_frames])
            out = np.zeros_like(block)
            position = frame + start
            quarters = position / self.rate_hz * self.tempo_bpm / 60
            self.plugin.set_transport(self.tempo_bpm, *self.meter, position, quarters, playing)
            self.plugin.process(block, out)
            output[:, start : start + block_frames] = out
        return output

    def captures(self) -> list[dict[str, str]]:
        """Stop the transport, and return what was captured."""
        self.play(0, np.zeros((2, 64), dtype=np.float32), playing=False)
        return read_captures(read_state(self.plugin.get_state())["captures"])
