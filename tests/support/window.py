"""A screen without a monitor, and a small host that shows the plug-in's window on it; xdotool types and clicks."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from PIL import ImageGrab

from tests.support.daemon import PATIENCE_S, until
from tests.support.plugin import PARAMETERS


def start_screen(size: str = "1280x800x24") -> tuple[subprocess.Popen[bytes], str]:
    """Start an X server and return it with the name of its display."""
    reading, writing = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writing), "-screen", "0", size, "-nolisten", "tcp", "-noreset"],
        pass_fds=[writing], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(writing)
    with os.fdopen(reading) as numbers:
        assert select.select([numbers], [], [], PATIENCE_S)[0], "the X server names no display"
        return server, f":{int(numbers.readline())}"


def blue_at(display: str, at: tuple[int, int]) -> int:
    """Return how blue a point of the screen is, 0 to 255: what can be pressed, and what has the keyboard, is blue."""
    pixel = ImageGrab.grab((*at, at[0] + 1, at[1] + 1), xdisplay=display).convert("RGB").getpixel((0, 0))
    assert isinstance(pixel, tuple)
    return int(pixel[2])


def xdotool(environment: Mapping[str, str], *arguments: str | float) -> str:
    """Do this with mouse and keyboard of a screen, and return what is said about it."""
    words = [str(round(word) if isinstance(word, float) else word) for word in arguments]
    done = subprocess.run(
        ["xdotool", *words], env=dict(environment), check=True, timeout=PATIENCE_S, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


def screen_environment(display: str, home: Path) -> dict[str, str]:
    """Return the environment of a host on a screen, with a data folder in ``home`` and a key that composes text."""
    compose = home / "compose"
    compose.write_text('<Multi_key> <e> : "é"\n<Multi_key> <j> : "日本語の歌詞"\n', "utf-8")
    return {
        **os.environ,
        "DISPLAY": display,
        "ACEBRIDGE_HOME": str(home / "data"),
        "XCOMPOSEFILE": str(compose),
        "LIBGL_ALWAYS_SOFTWARE": "1",
        # What OpenGL's drivers keep until the end is not ours to free.
        "ASAN_OPTIONS": "detect_leaks=0",
        "UBSAN_OPTIONS": "print_stacktrace=1",
    }


class Program:
    """A program that answers each line with a line. Nothing waits for it longer than the tests' patience."""

    def __init__(self, *command: str, environment: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=sys.stderr, env=dict(environment)
        )
        self._answer = b""
        self._asked = "nothing yet"
        self.read("ready")

    def line(self) -> str:
        """Return the next line."""
        assert self.process.stdout
        while b"\n" not in self._answer:
            is_there = select.select([self.process.stdout], [], [], PATIENCE_S)[0]
            assert is_there, f"{self} says nothing; it was asked {self._asked!r} last"
            part = os.read(self.process.stdout.fileno(), 65536)
            assert part, f"{self} has ended with {self.process.wait(PATIENCE_S)}; it was asked {self._asked!r} last"
            self._answer += part
        line, _, self._answer = self._answer.partition(b"\n")
        return line.decode()

    def read(self, start: str) -> str:
        """Return the next line that begins with ``start``, and leave out those before it."""
        while not (line := self.line()).startswith(start):
            pass
        return line

    def tell(self, line: str) -> None:
        assert self.process.stdin
        self._asked = line
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()

    def ask(self, line: str) -> str:
        self.tell(line)
        return self.line()

    def close(self) -> None:
        """End it, and see that it has ended well."""
        assert self.process.stdin
        self.process.stdin.close()
        assert self.process.wait(PATIENCE_S) == 0
        self.close_pipes()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE_S)
        self.close_pipes()

    def close_pipes(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe and not pipe.closed:
                pipe.close()

    def __str__(self) -> str:
        return f"{self.process.args}"


class WindowHost(Program):
    """The host of the tests (tests/hosts/plugin/cpp/window_host.cpp) with the plug-in's window at the screen's corner."""

    def __init__(self, host: Path, plugin: Path, environment: Mapping[str, str], scale: float = 1) -> None:
        self.environment = dict(environment)
        self.scale = scale
        super().__init__(str(host), str(plugin), str(scale), environment=environment)

    def get(self, name: str) -> float:
        return float(self.ask(f"get {PARAMETERS.index(name)}"))

    def state(self, key: str) -> str:
        return self.ask(f"state {key}").replace("\\n", "\n").replace("\\\\", "\\")

    def until_state(self, key: str, text: str) -> None:
        until(lambda: self.state(key) == text, f"{key} to be {text!r}, not {self.state(key)!r}")

    def until_parameter(self, name: str, value: float) -> None:
        until(lambda: abs(self.get(name) - value) < 1e-6, f"{name} to be {value}, not {self.get(name)}")

    def xdotool(self, *arguments: str | float) -> None:
        xdotool(self.environment, *arguments)

    def move(self, x: float, y: float) -> None:
        """Move the mouse to a point of the window, in the window's own pixels."""
        self.xdotool("mousemove", x * self.scale, y * self.scale)

    def click(self, x: float, y: float, times: int = 1) -> None:
        """Click, several times as one burst: however busy the machine is, no time passes between them."""
        self.move(x, y)
        self.xdotool("click", "--repeat", times, "--delay", 0, 1)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        self.move(*start)
        self.xdotool("mousedown", 1)
        self.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
        self.move(*end)
        self.xdotool("mouseup", 1)

    def press(self, *keys: str) -> None:
        self.xdotool("key", "--delay", 10, *keys)

    def type(self, text: str) -> None:
        self.xdotool("type", "--delay", 15, text)

    def settle(self) -> None:
        """Wait until the window has taken in all that has been clicked and typed."""
        assert self.ask("settle") == "settled"

    def shot(self, file: Path) -> None:
        """Write a picture of the window (PPM)."""
        assert self.ask(f"shot {file}") == str(file)
