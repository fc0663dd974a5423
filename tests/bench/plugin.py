"""How much the plug-in costs: size of its files, time of a block beside an empty effect of DPF, memory of an instance."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support.plugin import BUILDS, ROOT, build, build_plugin

_BLOCKS = (64, 512, 4096)
_RATE_HZ = 48_000
_MODES = {"plain": "nothing on", "capture": "capture on", "take": "a take playing"}


def main() -> None:
    binaries = build_plugin()
    options = (f"-DBUILT_PLUGIN={binaries.parent}",)
    folder = build(BUILDS / "plugin-bench", ROOT / "tests/bench/plugin_cpp", *options)
    _print_sizes(binaries)
    _print_times(folder / "measure_clap", binaries / "AceBridge.clap", folder / "PassThrough.clap")
    _print_memory(folder / "measure_clap", binaries / "AceBridge.clap", folder / "PassThrough.clap")


def _print_sizes(binaries: Path) -> None:
    for file in sorted(path for path in binaries.rglob("*") if path.is_file()):
        print(f"{file.relative_to(binaries)}: {file.stat().st_size / 1024:.0f} KiB")


def _print_times(program: Path, plugin: Path, empty: Path) -> None:
    for block_frames in _BLOCKS:
        base_ns = _ask(program, "cpu", empty, "plain", block_frames)
        print(f"block of {block_frames}: an empty effect {base_ns / 1000:.2f} µs")
        for mode, title in _MODES.items():
            time_ns = _ask(program, "cpu", plugin, mode, block_frames)
            share = time_ns / (block_frames / _RATE_HZ * 1e9)
            print(
                f"  {title}: {time_ns / 1000:.2f} µs, {time_ns / base_ns:.1f} × the empty effect, "
                f"{100 * share:.3f} % of a core at {_RATE_HZ} Hz"
            )


def _print_memory(program: Path, plugin: Path, empty: Path) -> None:
    for title, file in (("the plug-in", plugin), ("an empty effect", empty)):
        one, twenty = (_ask(program, "memory", file, count) for count in (1, 20))
        print(f"memory of an instance of {title}: {(twenty - one) / 19 / 2**20:.2f} MiB (1 and 20 instances compared)")


def _ask(program: Path, *words: object) -> float:
    """Return the least of three answers: what other programs do only adds to them."""
    answers = [subprocess.run([program, *map(str, words)], check=True, capture_output=True).stdout for _ in range(3)]
    return min(map(float, answers))


if __name__ == "__main__":
    main()
