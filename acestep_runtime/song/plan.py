"""The plan of a song: its sections, each from an exact frame to an exact frame. Values only; plan_file.py reads plans.

Frames count from the start of the song at ``rate_hz``. A border is rounded from its own position in the song, never from
the section before it, so that rounding does not add up.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from acestep_runtime import units
from acestep_runtime.chords.read import check_meter, read_chords
from acestep_runtime.errors import InvalidValue
from acestep_runtime.tasks.base import MAX_DURATION_S, MAX_SOURCE_S, MAX_TAKES, SCORES
from acestep_runtime.units import ENGINE_RATE_HZ
from acestep_runtime.values import MAX_SEED, Key

#: The shortest section: an engine makes nothing of less.
MIN_SECTION_S = 0.1
#: The most sections of a song, and the longest name of one.
MAX_SECTIONS, MAX_NAME = 64, 60
#: How much of the section that it is like a neural engine keeps where the plan does not say. Of the eight steps of a turbo
#: model the last three are taken then: enough of them to sing other words, few enough for the notes to stay.
USUAL_LIKE_STRENGTH = 0.4
#: Beats that a section sounds beyond its end without a tempo to count them by.
_USUAL_BEAT_S, _USUAL_BEATS = 0.5, 4
#: Fields of a section that its fingerprint holds only where they say something.
_LATER = ("like_strength", "chords")


@dataclass(frozen=True)
class Section:
    """Frames ``start`` to ``stop`` of a song, and what they should be.

    ``like`` is the name of an earlier section to repeat, and ``like_strength`` says how much of it comes back: 0 only its
    sound, 1 nearly all; ``None`` is what is usual for the engine. ``chords`` are those that an engine should play, as text.
    """

    name: str
    start: int
    stop: int
    caption: str = ""
    lyrics: str = ""
    bpm: float | None = None
    timesignature: int | None = None
    takes: int = 1
    like: str = ""
    like_strength: float | None = None
    chords: str = ""

    @property
    def frames(self) -> int:
        """Its length."""
        return self.stop - self.start

    def bars(self, rate_hz: int) -> float | None:
        """Return its length in bars of its tempo, ``None`` without one."""
        if not self.bpm:
            return None
        return self.frames / rate_hz * self.bpm / 60 / (self.timesignature or _USUAL_BEATS)


@dataclass(frozen=True)
class SongPlan:
    """The sections of a song, which follow each other without gaps, and what they share."""

    sections: tuple[Section, ...]
    title: str = ""
    keyscale: str | None = None
    language: str = "unknown"
    seed: int | None = None
    engine: str = "auto"
    score_by: str = ""
    rate_hz: int = ENGINE_RATE_HZ

    def number_of(self, name: str, field: str = "section") -> int:
        """Return the number of a section, from 0, by its name. Raises `InvalidValue` for a name that none has."""
        for number, section in enumerate(self.sections):
            if section.name.casefold() == name.strip().casefold():
                return number
        raise InvalidValue(field, name, ", ".join(section.name for section in self.sections))

    def overhang(self, number: int) -> int:
        """Return the frames that a section is made longer than it is, which the next one replaces; the last one is not.

        Engines end what they make: a whole song with a last chord, for which the first section gets one more bar, and an
        extension with a short fade, for which the others get one more beat. So no border in the song sounds like its end.
        """
        if number == len(self.sections) - 1:
            return 0
        return self._ending(number)

    def overlap(self, number: int) -> int:
        """Return the frames at the end of the section before this one that are made again with it, where that was the last
        section when it was made: there it ends as a song does. At most half of it.

        Chords count from the bar in which a region begins, or is about to: where there are some, it is less than that.
        """
        section, most = self.sections[number], self.sections[number - 1].frames // 2
        if section.chords:
            bar_s = (section.timesignature or _USUAL_BEATS) * (60 / section.bpm if section.bpm else _USUAL_BEAT_S)
            most = min(most, units.seconds_to_frames(bar_s / 5, self.rate_hz))
        return min(self._ending(number - 1), most)

    def _ending(self, number: int) -> int:
        """Return the frames in which an engine ends what it makes: a bar of a whole song, a beat of an extension."""
        section = self.sections[number]
        beat_s = 60 / section.bpm if section.bpm else _USUAL_BEAT_S
        return units.seconds_to_frames(
            beat_s * ((section.timesignature or _USUAL_BEATS) if number == 0 else 1), self.rate_hz
        )

    def fingerprint(self, number: int) -> str:
        """Return a hash of all that a section is made from beside the sections before it and the seed of the song."""
        return self._hash(number, self.overhang(number))

    def is_made(self, number: int, fingerprint: str) -> bool:
        """Return whether a section with this fingerprint is as the plan has it; others may have been added behind it since."""
        return fingerprint in (self.fingerprint(number), self._hash(number, 0))

    def _hash(self, number: int, overhang: int) -> str:
        content = asdict(self.sections[number])
        # What sections of earlier versions do not have, so that their songs go on.
        content = {name: value for name, value in content.items() if name not in _LATER or value not in ("", None)}
        shared = (self.keyscale, self.language, self.engine, self.score_by, self.rate_hz, overhang)
        text = json.dumps([content, shared], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def seeds(self, number: int, song_seed: int, attempt: int) -> tuple[int, ...]:
        """Return the seeds of a section's takes. They follow from its name: another section before it changes none."""
        section = self.sections[number]
        texts = (f"{song_seed}/{section.name.casefold()}/{attempt}/{take}" for take in range(section.takes))
        return tuple(
            int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") % (MAX_SEED + 1) for text in texts
        )


def bar_borders(bars: Sequence[int], bpm: float, beats_per_bar: int, rate_hz: int = ENGINE_RATE_HZ) -> list[int]:
    """Return the first frame of each section, and the end of the last, for sections of these ``bars`` at a steady tempo."""
    borders, done = [0], 0
    for count in bars:
        done += count
        borders.append(units.seconds_to_frames(done * beats_per_bar * 60 / bpm, rate_hz))
    return borders


def section_label(name: str) -> str:
    """Return how messages name a section."""
    return f'section "{name}"'


def check_plan(plan: SongPlan) -> SongPlan:
    """Return the plan. Raises `InvalidValue` for the first thing in it that no song can be made of."""
    if plan.score_by not in SCORES:
        raise InvalidValue("score_by", plan.score_by, ", ".join(filter(None, SCORES)))
    _check_sections(plan.sections)
    for number, section in enumerate(plan.sections):
        _check_section(plan, number, section)
    total_s = plan.sections[-1].stop / plan.rate_hz
    if total_s > MAX_SOURCE_S:
        message = f"The song would be {total_s:.0f} s long; allowed: at most {MAX_SOURCE_S:g} s."
        raise InvalidValue("section", total_s, f"at most {MAX_SOURCE_S:g} s in all", message=message,
                           remedy="Leave out some bars.")  # fmt: skip
    return plan


def _check_sections(sections: Sequence[Section]) -> None:
    if not 1 <= len(sections) <= MAX_SECTIONS:
        allowed = f"1 to {MAX_SECTIONS} sections"
        raise InvalidValue("section", len(sections), allowed, message=f"The song has {len(sections)} sections; allowed:"
                           f" {allowed}.", remedy="Each begins with [[section]] and has a name.")  # fmt: skip
    names: set[str] = set()
    for number, section in enumerate(sections, 1):
        name = section.name
        if not name.strip() or len(name) > MAX_NAME or not name.isprintable():
            raise InvalidValue(f"name of section {number}", name, f"one line of 1 to {MAX_NAME} characters")
        if name.casefold() in names:
            raise InvalidValue("name", name, "each name once", message=f'Two sections are called "{name}".',
                               remedy="Number them, such as Chorus 1 and Chorus 2.")  # fmt: skip
        names.add(name.casefold())


def _check_section(plan: SongPlan, number: int, section: Section) -> None:
    label, length_s = section_label(section.name), section.frames / plan.rate_hz
    longest_s = MAX_DURATION_S - plan.overhang(number) / plan.rate_hz
    if not MIN_SECTION_S <= length_s <= longest_s:
        allowed = f"{MIN_SECTION_S:g} to {longest_s:.6g} seconds"
        raise InvalidValue(f"length of {label}", length_s, allowed, value_text=f"{length_s:g} seconds")
    if section.chords:
        key, field = Key.parse(plan.keyscale) if plan.keyscale else None, f"chords of {label}"
        check_meter(read_chords(section.chords, key, field), section.timesignature, field)
    if not 1 <= section.takes <= MAX_TAKES:
        raise InvalidValue(f"takes of {label}", section.takes, f"1 to {MAX_TAKES}")
    if section.like_strength is not None and not 0 <= section.like_strength <= 1:
        raise InvalidValue(f"like_strength of {label}", section.like_strength, "0 to 1")
    if section.like_strength is not None and not section.like:
        raise InvalidValue(f"like_strength of {label}", section.like_strength, "nothing in a section that is like no other",
                           remedy='Add like = "the name of an earlier section", or leave it out.')  # fmt: skip
    if section.like:
        earlier = [other.name for other in plan.sections[:number]]
        if section.like.casefold() not in {name.casefold() for name in earlier}:
            allowed = f"an earlier section: {', '.join(earlier)}" if earlier else "nothing: no section is earlier"
            raise InvalidValue(f"like of {label}", section.like, allowed)
