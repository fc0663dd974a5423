"""Strokes to learn from: bars that repeat with small changes, as drummers and drum machines play them, drawn by chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: Notes of General MIDI that play each piece, with how often each is chosen.
NOTES = {
    "kick": ((36, 0.6), (35, 0.4)), "snare": ((38, 0.6), (40, 0.4)), "rim": ((37, 1.0),), "clap": ((39, 1.0),),
    "hat": ((42, 0.8), (44, 0.2)), "open": ((46, 1.0),),
    "tom": ((41, 0.2), (43, 0.2), (45, 0.15), (47, 0.15), (48, 0.15), (50, 0.15)),
    "crash": ((49, 0.4), (57, 0.4), (52, 0.1), (55, 0.1)), "ride": ((51, 0.5), (59, 0.3), (53, 0.2)),
    "tambourine": ((54, 1.0),), "cowbell": ((56, 0.6), (67, 0.2), (68, 0.2)),
    "conga": ((60, 0.2), (61, 0.2), (62, 0.15), (63, 0.15), (64, 0.15), (65, 0.08), (66, 0.07)),
    "shaker": ((69, 0.4), (70, 0.4), (82, 0.2)), "wood": ((75, 0.3), (76, 0.35), (77, 0.35)),
    "triangle": ((80, 0.5), (81, 0.5)),
}  # fmt: skip
#: Programs of the drum channel: standard, room, power, electronic, TR-808, jazz and brush.
KITS = (0, 0, 0, 0, 8, 16, 16, 24, 25, 32, 40)
#: How often a song has a piece at all.
_USED = {
    "kick": 0.9, "snare": 0.85, "rim": 0.12, "clap": 0.15, "hat": 0.75, "open": 0.4, "tom": 0.3, "crash": 0.35, "ride": 0.25,
    "tambourine": 0.15, "cowbell": 0.12, "conga": 0.15, "shaker": 0.15, "wood": 0.1, "triangle": 0.08,
}  # fmt: skip
#: Pieces that keep time: they are played on every second or each step.
_STEADY = ("hat", "ride", "shaker", "tambourine", "triangle", "cowbell")


@dataclass(frozen=True)
class Stroke:
    """A stroke: seconds, note of General MIDI, velocity 1 to 127."""

    start_s: float
    pitch: int
    velocity: int


def draw_song(rng: np.random.Generator, seconds: float) -> list[Stroke]:
    """Return the strokes of a song, by time; the first comes after 0.3 s."""
    beat_s = 60 / rng.uniform(65, 180)
    steps, beats = int(rng.choice((2, 4, 4, 4, 3))), int(rng.choice((4, 4, 4, 3)))
    used = [name for name, share in _USED.items() if rng.random() < share] or ["kick", "snare"]
    bars = [_draw_bar(rng, used, steps, beats)]
    bars += [_vary(rng, bars[0]) for _ in range(3)]
    fill = _draw_bar(rng, ["tom", "snare"], steps, beats, busy=0.5) if rng.random() < 0.4 else None
    swing_s = beat_s / steps * rng.choice((0.0, 0.0, 0.0, rng.uniform(0, 0.3)))
    jitter_s = rng.choice((0.0, 0.002, 0.008))
    notes = {name: _draw_notes(rng, name) for name in NOTES}
    doubled = rng.random() < 0.1
    loudness = {name: rng.integers(45, 120) for name in NOTES}
    strokes: list[Stroke] = []
    start_s, number = 0.3, 0
    while start_s < seconds - 0.3:
        bar = bars[int(rng.choice(4, p=(0.55, 0.15, 0.15, 0.15)))]
        if fill is not None and number % 4 == 3:
            bar = {**fill, **{name: bar[name] for name in bar if name == "kick"}}
        for name, accents in bar.items():
            for step in np.flatnonzero(accents):
                at_s = start_s + step * beat_s / steps + (step % 2) * swing_s + float(rng.normal(0, jitter_s))
                velocity = int(np.clip(loudness[name] * accents[step] + rng.normal(0, 5), 12, 127))
                pitch = int(rng.choice(notes[name]))
                if 0 <= at_s < seconds - 0.1:
                    strokes.append(Stroke(at_s, pitch, velocity))
                    if name == "kick" and doubled:
                        strokes.append(Stroke(at_s, 71 - pitch, velocity))
        start_s, number = start_s + beats * beat_s, number + 1
    return sorted(strokes, key=lambda stroke: (stroke.start_s, stroke.pitch))


def _draw_notes(rng: np.random.Generator, name: str) -> list[int]:
    """Return the notes that play a piece in a song: one, or several of a kind for toms and hands."""
    notes, weights = zip(*NOTES[name], strict=True)
    size = min(len(notes), 3 if name in ("tom", "conga") else 1 if rng.random() < 0.7 else 2)
    return [int(note) for note in rng.choice(notes, size, replace=False, p=weights)]


def _draw_bar(
    rng: np.random.Generator, used: list[str], steps: int, beats: int, busy: float = 0.0
) -> dict[str, np.ndarray]:
    """Return the accents of each piece, 0 where it is not struck, by steps of a bar."""
    count = steps * beats
    on_beat = np.arange(count) % steps == 0
    bar = {}
    for name in used:
        accents = rng.uniform(0.6, 1.15, count)
        if name in _STEADY and rng.random() < 0.8:
            every = int(rng.choice((1, 2, 2, steps)))
            hit = (np.arange(count) % every == rng.choice((0, 0, 0, every // 2))) & (rng.random(count) > 0.06)
        elif name == "snare" and not busy and rng.random() < 0.6:
            hit = on_beat & (np.arange(count) // steps % 2 == 1) | (rng.random(count) < 0.06)
            accents = np.where(on_beat, accents, 0.5 * accents)
        elif name == "crash":
            hit = (np.arange(count) == 0) & (rng.random() < 0.5)
        else:
            hit = rng.random(count) < (busy or np.where(on_beat, rng.uniform(0.2, 0.6), rng.uniform(0.03, 0.25)))
        bar[name] = np.where(hit, accents, 0.0)
    return bar


def _vary(rng: np.random.Generator, bar: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return a bar with some strokes left out and some added."""
    out = {}
    for name, accents in bar.items():
        added = (rng.random(len(accents)) < 0.04) * rng.uniform(0.5, 1.0, len(accents))
        out[name] = np.where(rng.random(len(accents)) < 0.1, 0.0, np.maximum(accents, added))
    return out
