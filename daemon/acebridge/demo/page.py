"""The demo's page: one HTML file with inline CSS, JavaScript and pictures. In its folder are WAV files, and their audio
again for its script."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import PurePosixPath

import numpy as np

from acebridge.demo import steps
from acebridge.demo.checks import RegionCheck
from acebridge.demo.steps import Outcome
from acebridge.pages.player import KEYS, Mark, Row, Timeline, place, rows_html, set_html
from acebridge.pages.template import fill_page, read_part
from acebridge.pages.waveform import peaks
from acestep_runtime.audio.samples import Samples
from acestep_runtime.certainty import describe_findings
from acestep_runtime.engines.metadata import TakeMetadata
from acestep_runtime.errors import InvalidValue
from acestep_runtime.units import frames_to_seconds, gain_to_db
from acestep_runtime.values import Key

_COLUMNS = ("Task", "Caption", "Seed", "Engine", "First event", "First audio", "Total", "× real time")
#: Columns of a waveform.
_PEAKS = 600
#: Columns of words; the others are numbers.
_WORDS = _COLUMNS[:4]
_TICK = (
    '<svg viewBox="0 0 24 24" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="3"'
    ' stroke-linecap="round" stroke-linejoin="round"><path d="M4 13l5 5L20 6"/></svg>'
)


@dataclass(frozen=True)
class Player:
    """An audio file, its colour in CSS, and the frame of the song at which it starts.

    It is as long as the song or as the repainted region. ``region`` marks the region as "old" or "new", or not at all.
    """

    name: str
    file: str
    colour: str
    samples: Samples
    start: int = 0
    region: str = ""


@dataclass(frozen=True)
class PageContent:
    """The content of the page. ``region`` is the repainted part and ``sections`` the form, in frames; times in seconds."""

    title: str
    lead: str
    rate_hz: int
    frames: int
    region: tuple[int, int]
    region_name: str
    sections: Sequence[tuple[str, int, int]]
    songs: Sequence[Player]
    stems: Sequence[Player]
    layers: Sequence[Player]
    outcomes: Sequence[Outcome]
    region_check: RegionCheck
    stem_error: float
    request: TakeMetadata
    analysis: TakeMetadata
    machine: str
    version: str


def page_html(content: PageContent) -> str:
    """Return the page as HTML."""
    peak = max(float(np.abs(player.samples).max()) for player in content.songs)
    timeline = Timeline(frames_to_seconds(content.frames, content.rate_hz), 1 / peak if peak > 0 else 1.0)
    keys = iter("123456789")
    songs, stems, layers = (
        [_player_row(content, player, next(keys, "")) for player in players]
        for players in (content.songs, content.stems, content.layers)
    )
    song = content.outcomes[0]
    values = {
        "title": escape(content.title),
        "lead": escape(content.lead),
        "facts": _facts(content),
        "before_after": escape(
            f"The same song, {content.region_name} repainted. The players share one position: start the other one while the"
            " first plays, and hear the difference at the same place."
        ),
        "ruler": _ruler(content),
        "song_players": rows_html(songs, timeline),
        "keys": KEYS,
        "rate": str(content.rate_hz),
        "claims": _claims(content),
        "stems_text": "The song taken apart. What is in none of the stems asked for comes as “other”, so nothing is lost."
        " Nobody sings in this song: what the vocals stem holds was mistaken for a voice."
        " All waveforms on this page have the scale of the song.",
        "stem_players": set_html(stems, timeline, title="All stems together", key="a"),
        "layers_text": escape(
            "New parts that listen to what is there: the song without its drums and bass was the source, and each layer"
            f" comes back on its own. Asked for: “{_outcome_of(content, steps.LAYER.task).step.caption}”."
        ),
        "layer_players": rows_html(layers, timeline),
        "heard": _analysis_rows(content),
        "chords": _chords(content),
        "columns": "".join(f'<th role="columnheader" scope="col"{_numeric(name)}>{name}</th>' for name in _COLUMNS),
        "rows": "".join(_row(outcome) for outcome in content.outcomes),
        "engine_note": _engine_note(song.engine),
        "project_text": "Opens with tempo, sections and coloured tracks, every item on its exact sample: in REAPER, as a"
        " DAWproject in Bitwig Studio, Studio One and Cubase, as an AAF in Pro Tools and others. It plays the repainted"
        " song; the stems and the new layers wait in muted folders.",
        "footer": escape(
            f"Made by AceBridge {content.version} on {content.machine}. Everything on this page is in this folder;"
            " nothing is loaded from elsewhere. The players have 16 bits, the files 24."
        ),
    }
    return fill_page(read_part("page.html", "acebridge.demo"), read_part("player.js"), loads_files=True, **values)


def sound_file(file: str) -> str:
    """Return the script, relative to the page, that holds the audio of a file for the players."""
    return f"page-audio/{PurePosixPath(file).with_suffix('').as_posix().replace('/', '-')}.js"


def _outcome_of(content: PageContent, task: str) -> Outcome:
    return next(outcome for outcome in content.outcomes if outcome.step.task == task)


def _facts(content: PageContent) -> str:
    request = content.request
    rows = (
        ("", f"{frames_to_seconds(content.frames, content.rate_hz):.1f} s"),
        ("", f"{request['bpm']:g} bpm"),
        ("", str(request["keyscale"])),
        ("", f"{request['timesignature']}/4"),
        ("", f"{content.rate_hz / 1000:g} kHz, 24 bit"),
        ("engine ", content.outcomes[0].engine),
    )
    return "".join(f"<li>{escape(label)}<b>{escape(value)}</b></li>" for label, value in rows)


def _ruler(content: PageContent) -> str:
    blocks = [
        f'<span style="{place(start, stop, content.frames)}">{escape(name)}</span>'
        for name, start, stop in content.sections
    ]
    return f'<div class="ruler" aria-hidden="true">{"".join(blocks)}</div>'


def _player_row(content: PageContent, player: Player, key: str) -> Row:
    start, stop = (frames_to_seconds(frame, content.rate_hz) for frame in content.region)
    label = content.region_name if player.region == "new" else ""
    return Row(
        player.name,
        sound_file(player.file),
        player.colour,
        peaks(player.samples, max(2, _PEAKS * len(player.samples) // content.frames)),
        frames_to_seconds(len(player.samples), content.rate_hz),
        frames_to_seconds(player.start, content.rate_hz),
        key,
        player.file,
        is_beside=True,
        mark=Mark(player.region, start, stop, label) if player.region else None,
    )


def _claims(content: PageContent) -> str:
    check = content.region_check
    cards = (
        (
            f"{check.identical_frames:,}",
            "samples per channel untouched",
            f"Outside {content.region_name} and their crossfades everything is bit-identical to the song, sample by sample."
            f" Inside, {100 * check.changed_share:.3g} % have changed.",
        ),
        (
            "0" if content.stem_error == 0 else f"−{-gain_to_db(content.stem_error, -300):.0f} dBFS",
            "between the stems and the song",
            f"The {_in_words(len(content.stems))} stems add up to the song. Largest difference of any sample:"
            f" {_scientific(content.stem_error)} of full scale.",
        ),
        (
            f"{content.outcomes[0].first_audio_s or 0:.2f} s",
            "until the first audio of the song",
            f"Audio arrives while it is made; the whole song took {content.outcomes[0].total_s:.1f} s.",
        ),
    )
    return "".join(
        f'<div class="card"><p class="figure">{_TICK}{escape(figure)}</p><h3>{escape(head)}</h3><p>{escape(text)}</p></div>'
        for figure, head, text in cards
    )


def _in_words(count: int) -> str:
    return {2: "two", 3: "three", 4: "four", 5: "five", 6: "six"}.get(count, str(count))


def _scientific(value: float) -> str:
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(value))
    digits = str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{value / 10**exponent:.1f} × 10{digits}".replace(" ", "\N{NO-BREAK SPACE}")


def _analysis_rows(content: PageContent) -> str:
    analysis, request = content.analysis, content.request
    confidence = analysis.get("confidence", {})

    def sure(name: str) -> str:
        return f", {100 * confidence[name]:.0f} % sure" if name in confidence else ""

    words = describe_findings(analysis, bpm="{:.1f} bpm", timesignature="{}/4")
    rows = (
        ("Tempo", words.get("bpm", ""), f"asked: {request['bpm']:g}{sure('tempo')}"),
        ("Key", words.get("keyscale", ""), f"asked: {request['keyscale']}{sure('key')}"),
        ("Meter", words.get("timesignature", ""), f"asked: {request['timesignature']}/4{sure('meter')}"),
    )
    return "".join(
        f"<div><dt>{label}</dt><dd>{escape(value)}<small>{escape(note)}</small></dd></div>"
        for label, value, note in rows
    )


def _chords(content: PageContent) -> str:
    """Return the chords in time; equal roots have equal colours."""
    whole_s = frames_to_seconds(content.frames, content.rate_hz)
    blocks = []
    for chord in content.analysis.get("chords", ()):
        start, stop = max(0.0, chord["start_s"]), min(whole_s, chord["end_s"])
        where = f"--l:{100 * start / whole_s:.4g}%;--w:{100 * (stop - start) / whole_s:.4g}%"
        blocks.append(f'<li style="{where};--h:{_hue(chord["name"])}">{escape(chord["name"])}</li>')
    return f'<ol class="chords" aria-label="Chords">{"".join(blocks)}</ol>' if blocks else ""


def _hue(chord: str) -> int:
    """Return a hue for a chord name by its root: neighbours on the circle of fifths have neighbouring colours."""
    root = chord[:2] if chord[1:2] in ("#", "b") else chord[:1]
    try:
        return Key.parse(root).tonic * 7 % 12 * 30
    except InvalidValue:  # no chord
        return 0


def _row(outcome: Outcome) -> str:
    step = outcome.step
    times = (outcome.first_event_s, outcome.first_audio_s, outcome.total_s)
    values = [
        step.caption or "–",
        "–" if step.seed is None else str(step.seed),
        outcome.engine,
        *("–" if value is None else f"{value:.2f} s" for value in times),
        f"{outcome.times_real_time:.1f} ×",
    ]
    cells = "".join(
        f'<td role="cell" data-label="{name}"{_numeric(name)}>{escape(value)}</td>'
        for name, value in zip(_COLUMNS[1:], values, strict=True)
    )
    task = f"{step.task} · {step.audio_s:.1f} s"
    head = f'<th role="rowheader" scope="row">{escape(step.title)}<small>{escape(task)}</small></th>'
    return f'<tr role="row">{head}{cells}</tr>'


def _numeric(column: str) -> str:
    """Return the class of a column of numbers."""
    return "" if column in _WORDS else ' class="n"'


def _engine_note(engine: str) -> str:
    notes = {
        "draft": "<b>No neural model was at work here.</b> The draft engine analyses, separates, arranges and synthesises"
        " by rule, on any CPU and without weights. What you hear is a sketch: it shows the workflow and its exactness,"
        " not the sound of ACE-Step. It does not sing, and its stems leak into each other.",
    }
    return notes.get(engine, f"The <b>{escape(engine)}</b> engine was at work here.")
