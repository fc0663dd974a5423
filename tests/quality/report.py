"""The goals, and the page that says which are met. Figures come in by task, one for each song."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .figures import Figures
from .measures import ODD_STEREO, SHAPES, STRENGTHS
from .songs import HELD_OUT, SONGS

Rows = list[dict[str, Any]]
#: A value in words, and whether it meets the goal.
Verdict = tuple[str, bool]


@dataclass(frozen=True)
class Goal:
    """One line of the table. ``judge`` is given the figures of ``task`` of all songs, or of the held-out ones."""

    task: str
    what: str
    goal: str
    judge: Callable[[Rows], Verdict]


def _share(right: list[bool], least: float) -> Verdict:
    return f"{sum(right)} of {len(right)}", sum(right) >= least * len(right) - 1e-9


def _median(values: list[float], unit: str, least: float = -math.inf, most: float = math.inf) -> Verdict:
    middle = float(np.median(values))
    return f"{middle:.1f} {unit} ({min(values):.1f} to {max(values):.1f})", least <= middle <= most


def _tempo(rows: Rows) -> Verdict:
    text, ok = _share([abs(r["ratio"] - 1) <= 0.02 for r in rows], 0.9)
    half, double = (sum(abs(r["ratio"] / by - 1) <= 0.02 for r in rows) for by in (0.5, 2))
    return f"{text} ({half} at half tempo, {double} at double)", ok


def _key(rows: Rows) -> Verdict:
    text, ok = _share([r["key_right"] or r["key_relative"] for r in rows], 0.8)
    return f"{text} ({sum(r['key_right'] for r in rows)} exact)", ok


def _pool(rows: Rows, name: str, least: float) -> Verdict:
    mean = float(np.mean([r[name] for r in rows]))
    return f"{mean:.0%} ({min(r[name] for r in rows):.0%} to {max(r[name] for r in rows):.0%})", mean >= least


def _seams(rows: Rows) -> Verdict:
    before = sum(r["own_jump"] <= 1 for r in rows)
    _, ok = _share([r["jump"] <= max(1.0, r["own_jump"]) for r in rows], 1.0)
    return f"{sum(r['jump'] <= 1 for r in rows)} of {len(rows)} (original: {before})", ok


def _loudness(rows: Rows, shape: str = "") -> Verdict:
    found = [abs(r["levels_lu"][shape] if shape else r["loudness_lu"]) for r in rows]
    text, ok = _share([lu <= 1.5 for lu in found], 1.0)
    return f"{text} (median {np.median(found):.1f} LU)", ok


def _rising(name: str) -> Callable[[Rows], Verdict]:
    def judge(rows: Rows) -> Verdict:
        steps = [later > earlier for r in rows for earlier, later in zip(r[name], r[name][1:], strict=False)]
        means = np.mean([r[name] for r in rows], axis=0)
        curve = ", ".join(f"{x:.2f}" for x in means)
        return f"mean {curve}; {sum(steps)} of {len(steps)} steps rise", bool(np.all(np.diff(means) > 0))

    return judge


def _cost(name: str, form: str, limit: float) -> Callable[[Rows], Verdict]:
    def judge(rows: Rows) -> Verdict:
        failed = [r["task"] for r in rows if "error" in r]
        worst = max((r for r in rows if "error" not in r), key=lambda r: r[name])
        text = f"{format(worst[name], form)} at most ({worst['task']})" + "".join(f"; {t} failed" for t in failed)
        return text, worst[name] < limit and not failed

    return judge


def _same(rows: Rows) -> Verdict:
    return _share([r["same"] for r in rows], 1.0)


_MEASURES = {"chroma": "chroma similarity", "onsets": "onset agreement"}
_CURVE = ", ".join(f"{s:g}" for s in STRENGTHS)
GOALS = (
    Goal("understand", "tempo within 2%", "90% of songs", _tempo),
    Goal("understand", "exact or relative key", "80% of songs", _key),
    Goal("understand", "time signature", "80% of songs", lambda rows: _share([r["meter_right"] for r in rows], 0.8)),
    Goal("understand", "beats (F-measure, ±70 ms)", "90% on average", lambda rows: _pool(rows, "beats", 0.9)),
    Goal("understand", "downbeats (F-measure, ±70 ms)", "80% on average",
         lambda rows: _pool(rows, "downbeats", 0.8)),
    Goal("understand", "beats with the correct triad", "80% on average", lambda rows: _pool(rows, "chords", 0.8)),
    *(Goal("understand", f"tempo, key and meter as when centred: {name}", "80% of songs",
           lambda rows, name=name: _share([r["as_centred"][name] for r in rows], 0.8))
      for name in ODD_STEREO),
    *(Goal("extract", f"{stem}: SI-SDR improvement over the mix", f"median at least {least:g} dB",
           lambda rows, stem=stem, least=least: _median([r[stem] for r in rows], "dB", least=least))
      for stem, least in (("drums", 6.0), ("bass", 5.0), ("vocals", 3.0))),
    Goal("extract", "residual: the mix minus all stems", "below −60 dB in every song",
         lambda rows: (f"{max(r['sum_db'] for r in rows):.0f} dB at most", max(r["sum_db"] for r in rows) < -60)),
    Goal("lego", "drums: median distance of onsets from true sixteenths, or triplets where the song swings",
         "at most 25 ms in every song",
         lambda rows: (f"{max(r['drums_ms'] for r in rows):.1f} ms at most",
                       all(r["drums_ms"] <= 25 for r in rows))),
    Goal("lego", "bass: beats played on the true root", "80% on average",
         lambda rows: _pool(rows, "roots", 0.8)),
    Goal("lego", "bass: beats played on a note of the true chord", "90% on average",
         lambda rows: _pool(rows, "chord_tones", 0.9)),
    Goal("repaint", "step from sample to sample at the seam within the song's 99.9th percentile", "every song",
         lambda rows: _share([r["seam_step"] <= 1 for r in rows], 1.0)),
    Goal("repaint", "largest step within 50 ms of a seam within that percentile", "or no larger than in the original", _seams),
    Goal("repaint", "loudness within 1.5 LU of what was in the region", "every song", _loudness),
    *(Goal("repaint", f"the same, {shape}", "every song", lambda rows, shape=shape: _loudness(rows, shape))
      for shape in SHAPES),
    Goal("repaint", "change of any half second of a perfect engine's audio, in all of these", "at most 1.5 dB in every song",
         lambda rows: (f"{max(r['perfect_db'] for r in rows):.2f} dB at most", max(r["perfect_db"] for r in rows) <= 1.5)),
    Goal("cover", f"chroma similarity to the source increases with strength {_CURVE}", "on average", _rising("chroma")),
    Goal("cover", f"onset agreement with the source increases with strength {_CURVE}", "on average", _rising("onsets")),
    Goal("complete", "the source is unchanged in the mix", "every song",
         lambda rows: _share([r["kept"] for r in rows], 1.0)),
    Goal("complete", "accompaniment: median distance of onsets from true sixteenths, or triplets where the song swings",
         "at most 25 ms in every song",
         lambda rows: (f"{max(r['grid_ms'] for r in rows):.1f} ms at most", all(r["grid_ms"] <= 25 for r in rows))),
    Goal("costs", "CPU seconds for a 3-minute song", "under 60 for every task", _cost("cpu_s", ".1f", 60)),
    Goal("costs", "peak memory in MiB for a 3-minute song", "under 1536 for every task", _cost("peak_mib", ".0f", 1536)),
    Goal("same", "the same seed gives the same bytes in two processes", "every task", _same),
)  # fmt: skip


_YES_NO = {True: "yes", False: "**no**", None: ""}


def table(results: dict[str, Rows]) -> list[str]:
    """Return the lines of the table of goals, each judged on all songs and on the held-out ones alone."""
    lines = ["| task | measure | goal | all songs | met | held-out songs | met |", "|---|---|---|---|---|---|---|"]
    for goal in GOALS:
        rows = results.get(goal.task)
        if not rows:
            lines.append(f"| {goal.task} | {goal.what} | {goal.goal} | the draft engine lacks it | – | | – |")
            continue
        held = [row for row in rows if row.get("held_out")]
        value, ok = goal.judge(rows)
        value_held, ok_held = goal.judge(held) if held else ("", None)
        task = {"costs": "all", "same": "all"}.get(goal.task, goal.task)
        cells = (task, goal.what, goal.goal, value, _YES_NO[ok], value_held, _YES_NO[ok_held])
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def section(draft: Figures) -> str:
    """Return the part of docs/QUALITY.md about the draft engine on the suite's own songs."""
    results = draft["results"]
    lines = [
        "## The draft engine on songs of the suite", "",
        "The suite makes these songs, so their tempo, key, meter, chords and stems are known exactly.",
        f"There are {len(SONGS)} songs of 30 to 45 s at 60 to 180 bpm, {sum(p.meter == 3 for p in SONGS)} of them in 3/4.",
        draft["players"],
        f"Of these, {len(HELD_OUT)} are held out.",
        "",
        *table(results), "",
        "A range in brackets runs from the lowest to the highest song. Drum hits within 50 ms of a seam exceed the percentile",
        "in the original songs too, so the count for those is given beside it; a click would show in the step at the seam. The",
        "test songs are simpler than real recordings: expect lower figures on those.",
        "",
        f"Python {draft['python']}, numpy {draft['numpy']}, scipy {draft['scipy']}, {draft['processor']};"
        f" this table took {draft['took_s']:.0f} s.", "",
        "### What each task costs", "",
        "Each task on a three-minute song, in a new process, one at a time. Other work on the machine lengthens the elapsed",
        f"time, so the goal is set for CPU time. The load average was {draft['load']} on {draft['cores']} cores.", "",
        "| task | elapsed time | CPU time | peak memory | same bytes twice |", "|---|---|---|---|---|",
    ]  # fmt: skip
    same = {row["task"]: row["same"] for row in results["same"]}
    for row in results["costs"]:
        figures = (
            row["error"] if "error" in row else
            f"{row['seconds']:.1f} s | {row['cpu_s']:.1f} s | {row['peak_mib']:.0f} MiB"
        )  # fmt: skip
        lines.append(f"| {row['task']} | {figures} | {'yes' if same.get(row['task']) else '**no**'} |")
    return "\n".join([*lines, "", *_appendix(results)]) + "\n"


def _findings(row: dict[str, Any]) -> str:
    """Return the detected tempo, key and meter."""
    bpm, meter = f"{row['bpm']:.1f}" if row["bpm"] else "none", f"{row['meter']}/4" if row["meter"] else "none"
    return f"{bpm}, {row['key'] or 'none'}, {meter}"


def _appendix(results: dict[str, Rows]) -> list[str]:
    """Return what was measured on each song."""
    lines = ["### Song by song", ""]
    lines += ["| song | renderer | true tempo, key, meter | detected | beats | chords | drums, bass, vocals (dB) | drums (ms) "
              "| roots | repaint (LU) |",
              "|---|---|---|---|---|---|---|---|---|---|"]  # fmt: skip
    for number, row in enumerate(results["understand"]):
        split, layer, new = (results[task][number] for task in ("extract", "lego", "repaint"))
        stems = ", ".join(f"{split[stem]:.1f}" for stem in ("drums", "bass", "vocals"))
        lines.append(
            f"| {row['song']}{' (held out)' if row['held_out'] else ''} | {row['renderer']} | {row['truth']} "
            f"| {_findings(row)} | {row['beats']:.0%} | {row['chords']:.0%} "
            f"| {stems} | {layer['drums_ms']:.1f} | {layer['roots']:.0%} | {new['loudness_lu']:+.1f} |"
        )
    for name in ("chroma", "onsets"):
        if rows := results.get("cover"):
            lines += ["", f"Cover, {_MEASURES[name]} at strength {_CURVE}:", ""]
            lines += [f"- {row['song']}: {', '.join(f'{x:.2f}' for x in row[name])}" for row in rows]
    return lines
