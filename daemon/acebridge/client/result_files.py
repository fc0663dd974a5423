"""Where the results of a job go: audio as WAV files, metadata as JSON, timed lyrics as LRC, notes as MIDI.

    song.wav, repaint   song-repaint.wav  song-repaint-2.wav  (take 2)
    song.wav, extract   song-extract-drums.wav  song-extract-bass.wav
    no source           text2music.wav

A name that is taken gets a number, also one that another program takes while the job runs: nothing is ever replaced. Long names
of sources are shortened, for file systems take names of 255 bytes.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from acebridge.atomic_files import write_whole
from acebridge.client.wav_writer import WavWriter
from acebridge.contract.metadata import metadata_values
from acebridge.file_names import short_stem
from acebridge.v1 import tasks_pb2
from acestep_runtime.values import MIX

if TYPE_CHECKING:
    from collections.abc import Iterable


#: In the data folder: results of tasks without source.
RESULTS_FOLDER = "results"


def base_of(source: Path | None, task: str) -> str:
    """Return how the names of a task's results begin."""
    return task if source is None else f"{short_stem(source)}-{task}"


class Names:
    """Names of result files: one that is handed out is not handed out again before it is released."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._in_use: set[Path] = set()

    def reserve(self, path: Path) -> Path:
        """Return ``path``, or ``path (2)`` and so on where there is one already."""
        with self._lock:
            names = (path if n == 1 else path.with_stem(f"{path.stem} ({n})") for n in itertools.count(1))
            free = next(name for name in names if name not in self._in_use and not os.path.lexists(name))
            self._in_use.add(free)
            return free

    def release(self, paths: Iterable[Path]) -> None:
        """Let the file system alone say whether these are taken."""
        with self._lock:
            self._in_use.difference_update(paths)


class ResultFiles(WavWriter):
    """Writes the results of a job into ``folder``, with names that begin with ``base``. A context manager."""

    def __init__(self, folder: Path, base: str, names: Names) -> None:
        super().__init__(folder, self._choose_path)
        #: The texts of the takes that are finished: take → paths.
        self.texts: dict[int, list[Path]] = {}
        self._base, self._names = base, names
        self._late: list[Path] = []
        #: A take that is made again gets the same names.
        self._paths: dict[tuple[str, int, str], Path] = {}

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self._names.release([*self._paths.values(), *self._late])

    def rename(self, output: int, path: Path | None = None) -> Path:
        """Give the file of an output its name, or another where that has been taken meanwhile."""
        return super().rename(output, self._still_free(path or self.place_of(output)))

    def _still_free(self, path: Path) -> Path:
        if os.path.lexists(path):
            path = self._names.reserve(path)
            self._late.append(path)
        return path

    def _choose_path(self, role: str, take: int, suffix: str = ".wav") -> Path:
        if (role, take, suffix) not in self._paths:
            words = (self._base, "" if role == MIX else role, str(take) if take > 1 else "")
            name = "-".join(filter(None, words))
            self._paths[role, take, suffix] = self._names.reserve(self.folder / f"{name}{suffix}")
        return self._paths[role, take, suffix]

    def on_take(self, take: tasks_pb2.TakeFinished) -> None:
        """End the files of a take; write its texts."""
        super().on_take(take)
        facts = metadata_values(take.metadata)
        texts: dict[str, str | bytes] = {}
        if not take.outputs:
            texts[".json"] = json.dumps(facts, indent=2, ensure_ascii=False) + "\n"
        if isinstance(lrc := facts.get("lrc"), str) and lrc:
            texts[".lrc"] = lrc
        if isinstance(midi := facts.get("midi"), str) and midi:
            texts[".mid"] = base64.b64decode(midi)
        self.texts[take.take] = [self._write_text(take.take, suffix, text) for suffix, text in texts.items()]

    def _write_text(self, take: int, suffix: str, text: str | bytes) -> Path:
        path = self._still_free(self._choose_path(MIX, take, suffix))
        write_whole(path, [text.encode() if isinstance(text, str) else text])
        return path
