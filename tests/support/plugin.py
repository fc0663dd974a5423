"""The plug-in for tests: builds of it, and the state that its hosts save, written and read without its code."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import filelock
import numpy as np
import numpy.typing as npt
import soundfile

ROOT = Path(__file__).parents[2]
BUILDS = ROOT / "build"
CPP = ROOT / "tests/hosts/plugin/cpp"
PARAMETERS = (
    "task",
    "track",
    "strength",
    "takes",
    "take",
    "mode",
    "seed",
    "capture",
    "go",
    "cancel",
    "progress",
    "state",
    "match_loudness",
    "variation",
    "vary",
)
STATES = (
    "ready",
    "waiting",
    "capturing",
    "full",
    "lost",
    "working",
    "done",
    "failed",
    "missing",
    "damaged",
    "newer",
)
#: Values of Mode as VST3's numbers from 0 to 1: a choice or a whole number is its place among its values.
OFF, REPLACE, ADD = 0.0, 0.5, 1.0

Samples = npt.NDArray[np.float32]


# ---- builds ----


def build(folder: Path, source: Path, *options: str, targets: tuple[str, ...] = ("all",)) -> Path:
    """Build a CMake project in ``folder``, what has changed since the last time; other processes wait."""
    folder.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(folder / "lock"):
        _run("cmake", "-S", str(source), "-B", str(folder), *options)
        _run("cmake", "--build", str(folder), "--parallel", "2", "--target", *targets)
    return folder


def _run(*command: str) -> None:
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, f"{' '.join(command)}\n{result.stdout}\n{result.stderr}"


def build_plugin() -> Path:
    """Return the folder with the three formats, as ``make plugin`` builds them."""
    return build(BUILDS / "plugin", ROOT / "vst3_plugin") / "bin"


def copy_plugin(folder: Path) -> Path:
    """Build the plug-in, and return a folder with a copy of the three formats: a host that has loaded one must not see the next
    build, which writes into the file that the host has mapped."""
    build_plugin()
    with filelock.FileLock(BUILDS / "plugin/lock"):
        return shutil.copytree(BUILDS / "plugin/bin", folder / "bin")


def build_sanitized(*targets: str) -> Path:
    """Build C++ tests, and the plug-in with them, under the sanitizers of addresses and of undefined behaviour."""
    options = ("-DSANITIZE=address,undefined", "-DWITH_FORMATS=ON")
    return build(BUILDS / "plugin-tests/address", CPP, *options, targets=targets)


# ---- the state of a VST3 plug-in, as JUCE's hosts keep it ----

_DIGITS = ".ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+"
_XML = '<?xml version="1.0" encoding="UTF-8"?> <VST3PluginState><IComponent>{}</IComponent></VST3PluginState>'


def _decode_juce(text: str) -> bytes:
    """Decode JUCE's base 64: the length, a point, then six bits a character, the lowest first."""
    length, _, digits = text.partition(".")
    values = np.array([_DIGITS.index(digit) for digit in digits], dtype=np.uint8)
    bits = (values[:, None] >> np.arange(6)) & 1
    return np.packbits(bits.ravel().astype(np.uint8), bitorder="little").tobytes()[: int(length)]


def _encode_juce(data: bytes) -> str:
    bits = np.unpackbits(np.frombuffer(data, dtype=np.uint8), bitorder="little")
    bits = np.pad(bits, (0, -len(bits) % 6)).reshape(-1, 6)
    return f"{len(data)}." + "".join(_DIGITS[value] for value in bits @ (1 << np.arange(6)))


def read_state(state: bytes) -> dict[str, str]:
    """Return what the plug-in saved: texts and parameters by their keys."""
    match = re.search(rb"<IComponent>(.*?)</IComponent>", state)
    assert match, state
    return read_chunk(_decode_juce(match[1].decode()))


def make_state(**texts: str) -> bytes:
    """Return a state with these texts, and no parameters."""
    xml = _XML.format(_encode_juce(make_chunk(texts))).encode()
    return b"VC2!" + len(xml).to_bytes(4, "little") + xml + b"\0"


# ---- the part of it that DPF writes, whatever the host ----


def read_chunk(chunk: bytes) -> dict[str, str]:
    """Return the texts and parameters of a chunk by their keys."""
    words = [word for word in chunk.split(b"\0") if not word.startswith(b"__dpf") and word != b"\xfe"]
    return {key.decode(): value.decode() for key, value in zip(words[::2], words[1::2], strict=False)}


def make_chunk(texts: Mapping[str, str]) -> bytes:
    """Return a chunk with these texts, and no parameters."""
    words = ["__dpf_state_begin__", *(word for item in texts.items() for word in item), "__dpf_state_end__"]
    return b"".join(word.encode() + b"\0" for word in words) + b"\xfe\0"


# ---- takes in a state ----


def make_take(audio: Samples, start_frame: int, rate_hz: int, *, fade_frames: int = 0, embed: bool = True) -> str:
    """Return the text of a project with one take, whose audio (2, frames) is embedded or only named by its hash."""
    file = io.BytesIO()
    soundfile.write(file, audio.T, rate_hz, format="WAV", subtype="FLOAT")
    name = hashlib.sha256(file.getvalue()).hexdigest()
    body = f"take 1 {start_frame} {audio.shape[1]} {rate_hz} {fade_frames} {name}\n"
    if embed:
        body += f"asset {name} {base64.b64encode(file.getvalue()).decode()}\n"
    return f"acebridge-takes 1 {hashlib.sha256(body.encode()).hexdigest()[:16]}\n{body}"


def read_captures(text: str) -> list[dict[str, str]]:
    """Return one dictionary for each recording that the plug-in describes."""
    return [dict(zip(line.split()[::2], line.split()[1::2], strict=True)) for line in text.splitlines()]


def check_of(audio: Samples) -> str:
    """Return what the plug-in says about the samples of a recording ``(2, frames)``."""
    bits = np.ascontiguousarray(audio.T).view(np.uint32).ravel().astype(np.uint64)
    factors = np.full(len(bits), 0x9E3779B97F4A7C15, dtype=np.uint64)
    factors[:1] = 1
    return f"{int((np.cumprod(factors)[::-1] * bits).sum()):016x}"
