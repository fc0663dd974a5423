"""The demo's results, and from them the page's content and the project's tracks."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from acebridge.colours import REPAINT, colour_of
from acebridge.demo import steps
from acebridge.demo.checks import RegionCheck
from acebridge.demo.page import PageContent, Player
from acebridge.demo.session import markers, tracks
from acebridge.demo.steps import Outcome
from acebridge.project_files.arrangement import Arrangement
from acebridge.version import VERSION
from acestep_runtime.audio.samples import Samples
from acestep_runtime.certainty import FINDINGS, describe_findings
from acestep_runtime.engines.metadata import TakeMetadata
from acestep_runtime.units import frames_to_seconds, seconds_to_frames

REGION_NAME = f"bars\N{NO-BREAK SPACE}{steps.FIRST_BAR}–{steps.LAST_BAR}"


@dataclass(frozen=True)
class Results:
    """The results: the outcome of each step, every file as ``[N, 2]``, the changed frames, and the measurements."""

    outcomes: Sequence[Outcome]
    files: Mapping[str, Samples]
    patch: tuple[int, int]
    region_check: RegionCheck
    stem_error: float
    took_s: float

    def metadata(self, task: str) -> TakeMetadata:
        """Return the metadata of the take that a task returned."""
        return next(outcome.metadata for outcome in self.outcomes if outcome.step.task == task)


def mix_parts(parts: Sequence[Samples]) -> Samples:
    """Return the sum of ``[N, C]`` parts, turned down as a whole if it would clip."""
    total = np.sum(parts, axis=0, dtype=np.float32)
    peak = float(np.abs(total).max())
    return np.asarray(total / np.float32(max(1.0, peak / 0.98)), np.float32)


def section_frames(results: Results) -> list[tuple[str, int, int]]:
    """Return the sections of the song as its engine planned them: name, first and last-plus-one frame.

    The engine reports milliseconds; a time that close to a bar line is moved onto it.
    """

    def frame(time_s: float) -> int:
        bar_s = round(time_s / steps.BAR_S) * steps.BAR_S
        return seconds_to_frames(bar_s if abs(time_s - bar_s) < 0.001 else time_s, steps.RATE_HZ)

    rows = results.metadata("text2music").get("sections", ())
    return [(row["name"], frame(row["start_s"]), frame(row["end_s"])) for row in rows]


def page_content(results: Results) -> PageContent:
    """Return the content of the page."""
    files = results.files
    frames = len(files["song.wav"])
    caption = steps.REPAINT.caption
    cores = os.cpu_count() or 1

    def player(name: str, file: str, colour: str, start: int = 0, region: str = "") -> Player:
        return Player(name, file, colour, files[file], start, region)

    return PageContent(
        title=f"{caption[:1].upper()}{caption[1:]} in {REGION_NAME}",
        lead=f"AceBridge wrote {frames_to_seconds(frames, steps.RATE_HZ):.0f} seconds of pop, repainted {REGION_NAME}, took the"
        f" song apart into stems, played new drums and bass to it and named its chords: {results.took_s:.0f} seconds of"
        " work through the local daemon that a DAW talks to.",
        rate_hz=steps.RATE_HZ,
        frames=frames,
        region=results.patch,
        region_name=REGION_NAME,
        sections=section_frames(results),
        songs=(
            player("Song", "song.wav", "var(--song)", region="old"),
            player("Repainted", "repainted.wav", "var(--song)", region="new"),
            player(f"Only {REGION_NAME}", "repainted-bars.wav", REPAINT, results.patch[0], "new"),
        ),
        stems=[player(stem.capitalize(), f"stems/{stem}.wav", colour_of(stem)) for stem in steps.STEMS],
        layers=[
            *(player(f"New {layer}", f"layers/{layer}.wav", colour_of(layer)) for layer in steps.LAYERS),
            player("Backing", "backing.wav", "var(--song)"),
            player("All together", "layered.wav", "var(--song)"),
        ],
        outcomes=results.outcomes,
        region_check=results.region_check,
        stem_error=results.stem_error,
        request=TakeMetadata(bpm=steps.BPM, keyscale=steps.KEY, timesignature=steps.BEATS_PER_BAR),
        analysis=results.metadata("understand"),
        machine=f"{platform.system()} {platform.machine()} with {cores} CPU core{'s' if cores > 1 else ''}",
        version=VERSION,
    )


def arrangement(results: Results) -> Arrangement:
    """Return the arrangement with the requested tempo, to which the song was written, and the measured one in a marker."""
    analysis = results.metadata("understand")
    words = describe_findings(analysis, bpm="{:.1f} bpm", timesignature="{}/4")
    start, stop, _ = steps.region_frames()
    return Arrangement(
        "AceBridge demo",
        steps.RATE_HZ,
        tuple(
            tracks(
                {name: len(samples) for name, samples in results.files.items()},
                patch=results.patch,
                stems=steps.STEMS,
                layers=steps.LAYERS,
            )
        ),
        tuple(
            markers(
                section_frames(results),
                (start, stop),
                REGION_NAME,
                f"Analysis: {', '.join(f'{finding} {words[name]}' for name, finding in FINDINGS.items() if name in words)}",
            )
        ),
        bpm=steps.BPM,
        beats_per_bar=steps.BEATS_PER_BAR,
    )
