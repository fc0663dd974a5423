"""Converting the words of a caption to a `Style`. The vocabulary is data: style.toml."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:  # pragma: no cover
    import tomli as tomllib

_HANGUL = "가-힣"
#: Korean particles and endings that may follow a word without changing it.
_PARTICLES = (
    "을|를|이|가|은|는|의|로|으로|와|과|도|만|에|에서|풍|풍의|한|하게|하고|적인|적이고|스러운"
    "|랑|이랑|스타일|곡|음악|느낌|연주|파트|라인|버전"
)
_NOT_BEFORE = re.compile(r"\b(?:no|without|minus)\s+(?:\w+\s+)?$")
_NOT_AFTER = re.compile(rf"^[{_HANGUL}]{{0,2}}\s*(?:없이|없는|빼고|제외)")
_AND = re.compile(r"\s*,?\s+(?:and|or|nor)\s+(?:\w+\s+)?")
_AND_PARTICLES = ("과", "와", "하고", "랑")


@dataclass(frozen=True)
class Instrument:
    """A player: one of the twelve tracks, a voice (or kit) and a rhythm, by their names in style.toml."""

    track: str
    voice: str
    pattern: str

    @property
    def leads(self) -> bool:
        """Whether it plays the melody."""
        return self.pattern == "melody"


@dataclass(frozen=True)
class Style:
    """A playing style. ``instruments`` are in order of entry, those named in the caption first.

    ``bpm`` is a usual range; ``swing`` is where in a beat its second half falls (0.5 straight, 0.66 shuffle);
    ``brightness`` is −1 (dark) to 1, ``energy`` is added to that of a section (−0.6 to 0.6), ``room_s`` is the
    reverberation time. ``named_count`` counts the instruments at the front that the caption names; ``solo`` is the track
    of the solo, if any. ``words`` are the recognised words.
    """

    genre: str
    bpm: tuple[float, float]
    mode: str
    harmony: str
    swing: float
    room_s: float
    brightness: float
    energy: float
    instruments: tuple[Instrument, ...]
    named_count: int = 0
    solo: str = ""
    words: tuple[str, ...] = ()


@cache
def table() -> dict[str, Any]:
    """Return the content of style.toml."""
    with (Path(__file__).parent / "style.toml").open("rb") as file:
        return tomllib.load(file)


@cache
def _style_words() -> tuple[tuple[str, str, str], ...]:
    """Every (word, kind, name), longest word first."""
    data = table()
    rows = [(w, kind, name) for kind in ("genre", "mood", "instrument") for name, row in data[kind].items()
             for w in row["words"]]  # fmt: skip
    rows += [(w, "solo", "solo") for w in data["solo"]["words"]]
    return tuple(sorted(rows, key=lambda row: -len(row[0])))


def word_pattern(word: str) -> re.Pattern[str]:
    """Return a pattern for a whole word: a Latin one may take a plural s, a Korean one a particle."""
    if re.search(f"[{_HANGUL}]$", word):
        return re.compile(f"(?<![{_HANGUL}]){re.escape(word)}(?:{_PARTICLES})*(?![{_HANGUL}])")
    return re.compile(rf"(?<!\w){re.escape(word)}s?(?=\W|$|[{_HANGUL}])")


def find_style_words(caption: str) -> list[tuple[str, str, str]]:
    """Return the (word, kind, name) found in a caption, in order.

    Longer words match first and no letter counts twice. Negated words have the kind "without".
    """
    text = left = caption.lower()
    matches = []
    for word, kind, name in _style_words():
        if word not in left:  # compiling hundreds of patterns takes longer than looking
            continue
        for match in word_pattern(word).finditer(left):
            start, end = match.span()
            matches.append((start, end, word, kind, name))
            left = left[:start] + " " * (end - start) + left[end:]
    matches.sort()
    is_negated = _find_negations(text, [(start, end, kind) for start, end, _, kind, _ in matches])
    return [(word, "without" if no else kind, name)
            for (_, _, word, kind, name), no in zip(matches, is_negated, strict=True)]  # fmt: skip


def _find_negations(text: str, spans: list[tuple[int, int, str]]) -> list[bool]:
    """Return for each (start, end, kind) found in a text whether it follows "no" or "without", or precedes 없이.

    A negation extends to words joined by "and", "or" or 과, and "no soft piano" negates the piano.
    """
    starts, ends = [start for start, _, _ in spans], [end for _, end, _ in spans]
    gaps = [text[end:start] for end, start in zip([0, *ends], [*starts, len(text)], strict=True)]
    before, after = [False] * len(spans), [False] * len(spans)
    for i in range(len(spans)):
        qualifies = i > 0 and spans[i - 1][2] in ("genre", "mood") and gaps[i].isspace()
        continues = i > 0 and before[i - 1] and (qualifies or bool(_AND.fullmatch(gaps[i])))
        before[i] = continues or bool(_NOT_BEFORE.search(gaps[i]))
    for i in reversed(range(len(spans))):
        start, end, _ = spans[i]
        continues = i + 1 < len(spans) and after[i + 1] and text[start:end].endswith(_AND_PARTICLES)
        after[i] = continues or bool(_NOT_AFTER.search(gaps[i + 1]))
    return [b or a for b, a in zip(before, after, strict=True)]


def parse_instrument(line: str) -> Instrument:
    """Read ``"track voice pattern"``."""
    track, voice, pattern = line.split()
    return Instrument(track, voice, pattern)


def _add_instrument(players: list[Instrument], row: dict[str, str]) -> tuple[list[Instrument], Instrument]:
    """Return the players with a requested instrument added or changed, and that instrument."""
    same = [p for p in players if p.track == row["track"]]
    other_tracks = [p for p in players if p not in same]
    usual = next((p for p in same if not p.leads), same[0] if same else None)
    voice = row.get("voice") or (usual.voice if usual else row["fallback"])
    pattern = row.get("pattern") or (usual.pattern if usual else row["usual"])
    instrument = Instrument(row["track"], voice, pattern)
    others = [p for p in same if p is not usual]
    return [*other_tracks, *others, instrument], instrument


def style_from_caption(caption: str) -> Style:
    """Return the style of a caption, English or Korean; pop where it names no genre.

    The first genre named wins, moods add up, instruments named are added or take over their track.
    """
    style_words = find_style_words(caption)
    data = table()
    genres = [name for _, kind, name in style_words if kind == "genre"]
    genre = data["genre"][genres[0] if genres else "pop"]
    moods = [data["mood"][name] for name in dict.fromkeys(name for _, kind, name in style_words if kind == "mood")]
    silent = {data["instrument"][name]["track"] for _, kind, name in style_words
              if kind == "without" and name in data["instrument"]}  # fmt: skip
    rows = [genre, *moods]
    pace = 1.0
    room = 1.0
    for row in moods:
        pace *= row.get("pace", 1.0)
        room *= row.get("room", 1.0)

    players = [p for p in map(parse_instrument, genre["play"]) if p.track not in silent]
    caption_instruments: list[Instrument] = []
    for _, kind, name in style_words:
        if kind == "instrument":
            row = data["instrument"][name]
            caption_instruments = [p for p in caption_instruments if p.track != row["track"]]
            players, instrument = _add_instrument(players, row)
            caption_instruments.append(instrument)
    if not players:  # the caption negates all instruments of the genre
        players = [parse_instrument(f"{track} {line}") for track, line in data["track"].items() if track not in silent]
        players = players[:1]
    solo = ""
    if players and any(kind == "solo" for _, kind, _ in style_words):
        pitched_instruments = [p for p in caption_instruments if p.track not in ("drums", "percussion", "fx")]
        front = pitched_instruments[0] if pitched_instruments else next((p for p in players if p.leads), players[0])
        lead = Instrument(front.track, data["solo"]["voices"].get(front.voice, front.voice), "melody")
        players = [p for p in players if not p.leads]
        caption_instruments = [lead, *(p for p in caption_instruments if p is not front)]
        solo = lead.track
    order = [*caption_instruments, *(p for p in players if p not in caption_instruments)]
    low, high = genre["bpm"]
    return Style(
        genre=genres[0] if genres else "pop",
        bpm=(low * pace, high * pace),
        mode=next((row["mode"] for row in reversed(rows) if "mode" in row), ""),
        harmony=genre["harmony"],
        swing=genre.get("swing", 0.5),
        room_s=min(3.0, genre["room_s"] * room),
        brightness=max(-1.0, min(1.0, sum(row.get("brightness", 0.0) for row in rows))),
        energy=max(-0.6, min(0.6, sum(row.get("energy", 0.0) for row in rows))),
        instruments=tuple(order),
        named_count=len(caption_instruments),
        solo=solo,
        words=tuple(word for word, kind, _ in style_words if kind != "without"),
    )


def remove_tracks(style: Style, tracks: Collection[str]) -> Style:
    """Return the style without the players of the given tracks."""
    left = tuple(p for p in style.instruments if p.track not in tracks)
    named_count = sum(p.track not in tracks for p in style.instruments[: style.named_count])
    return replace(style, instruments=left, named_count=named_count, solo="" if style.solo in tracks else style.solo)


def keep_track(style: Style, track: str) -> Style:
    """Return the style reduced to one track: its own instruments, else the track's default one."""
    track_instruments = tuple(p for p in style.instruments if p.track == track)
    caption_instruments = tuple(p for p in style.instruments[: style.named_count] if p.track == track)
    voice, pattern = table()["track"][track].split()
    instruments = (
        caption_instruments[:1]
        or tuple(p for p in track_instruments if not p.leads)[:1]
        or track_instruments[:1]
        or (Instrument(track, voice, pattern),)
    )
    return replace(style, instruments=instruments, named_count=1)
