"""The order of a section: text to music for the first one, a repaint past the end of what is chosen so far for the others."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from dataclasses import dataclass

from acestep_runtime import units
from acestep_runtime.file_hashes import hash_file
from acestep_runtime.guide.request import Order
from acestep_runtime.guide.sound import Audio
from acestep_runtime.song.plan import USUAL_LIKE_STRENGTH, Section, SongPlan
from acestep_runtime.tasks import Repaint, TextToMusic
from acestep_runtime.values import Json

#: Seconds of the song before a section that an engine gets: those that a repaint reads, and its margins.
TAIL_S = Repaint.context_s + 1.0
_STEREO = 2
#: Scores of audio that was made to other audio.
_NEEDS_SOURCE = ("fit",)
_USUAL_BAR_S = 2.0


@dataclass(frozen=True)
class Tail:
    """The end of the song so far, in a file whose first frame is frame ``start`` of the song.

    The last ``overlap`` frames before the section are made again with it. With ``has_copy`` a copy of the section to repeat
    follows. A draft engine keeps its bars, and plays new parts over them; one that makes audio from latents (``has_latents``)
    starts from those of the copy, with noise added.
    """

    audio: Audio
    start: int
    overlap: int = 0
    has_copy: bool = False
    has_latents: bool = False


def tail_start(plan: SongPlan, number: int) -> int:
    """Return the frame of the song at which the tail before a section begins: a bar of the section, or the song's start."""
    section = plan.sections[number]
    bar_s = (section.timesignature or 4) * 60 / section.bpm if section.bpm else _USUAL_BAR_S
    bars = math.ceil(TAIL_S / bar_s)
    return max(0, section.start - units.seconds_to_frames(bars * bar_s, plan.rate_hz))


def section_order(
    plan: SongPlan, number: int, seeds: tuple[int, ...], tail: Tail | None, reference: Audio | None = None
) -> Order:
    """Return what makes all takes of section ``number``. ``tail`` is there for all but the first.

    ``reference`` is a recording that it should sound like.
    """
    section = plan.sections[number]
    music: dict[str, Json] = {"caption": section.caption, "lyrics": _add_tag(section.name, section.lyrics)}
    given = {"bpm": section.bpm, "timesignature": section.timesignature, "keyscale": plan.keyscale}
    music |= {name: value for name, value in given.items() if value is not None}
    if section.chords:
        music["chords"] = section.chords
    if section.lyrics.strip() and plan.language != "unknown":
        music["language"] = plan.language
    frames = section.frames + plan.overhang(number)
    fields: dict[str, Json] = {"music": music, "output": _output(plan, number, seeds)}
    if tail is None:
        fields["duration_s"] = frames / plan.rate_hz
    else:
        begin = section.start - tail.start
        first = begin - tail.overlap
        fields |= {"start_s": first / plan.rate_hz, "end_s": (begin + frames) / plan.rate_hz, "scope": "region"}
        if tail.has_copy:
            fields |= _like_fields(section, tail)
    task = TextToMusic.name if tail is None else Repaint.name
    source = None if tail is None else tail.audio
    return Order(task, fields, source, plan.engine, reference=reference)


def _like_fields(section: Section, tail: Tail) -> dict[str, Json]:
    """Return the fields of a repaint by which a section comes out like the one that ``tail`` has a copy of."""
    if tail.has_latents:
        strength = USUAL_LIKE_STRENGTH if section.like_strength is None else section.like_strength
        return {"mode": "conservative", "sampling": {"noise_strength": strength}} if strength else {}
    if section.like_strength in (None, 1):
        return {"mode": "conservative"}
    return {"mode": "balanced", "strength": round(1 - (section.like_strength or 0.0), 6)}


def with_key(order: Order, song: str) -> Order:
    """Return an order with a key of its content for the song with this id: a daemon that has its job does not make it again."""
    audio = [sound and hash_file(sound.path) for sound in (order.source, order.reference)]
    text = json.dumps([order.task, order.fields, order.engine, audio], sort_keys=True)
    key = f"song-{song}-{hashlib.sha256(text.encode()).hexdigest()[:32]}"
    return dataclasses.replace(order, submission={**order.submission, "idempotency_key": key})


def _add_tag(name: str, lyrics: str) -> str:
    """Return lyrics below a tag, which tells engines what part of a song they make; the name of the section, unless they
    have one."""
    return lyrics if lyrics.lstrip().startswith("[") else f"[{name.translate(_NO_BRACKETS)}]\n{lyrics}".rstrip()


_NO_BRACKETS = str.maketrans("[]", "()")


def _output(plan: SongPlan, number: int, seeds: tuple[int, ...]) -> dict[str, Json]:
    """Return the output: every take is kept, with a score where there are several.

    The first section has nothing that it could fit, so its takes have the usual score where the others have that one.
    """
    section = plan.sections[number]
    output: dict[str, Json] = {
        "sample_rate": plan.rate_hz, "channels": _STEREO, "seeds": list(seeds), "auto_lrc": bool(section.lyrics.strip()),
    }  # fmt: skip
    if section.takes > 1:
        output |= {"takes": 1, "tries": section.takes, "keep_all": True}
        if plan.score_by and (number or plan.score_by not in _NEEDS_SOURCE):
            output["score_by"] = plan.score_by
    return output
