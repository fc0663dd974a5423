"""From the options of a command to the fields of a request. What was not given is left to the daemon."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from acebridge.cli.chord_file import with_chord_file
from acebridge.cli.plans import with_plan

#: Characters of a text in a request, and seconds of context, as `acestep_runtime.values` and the tasks have them.
MAX_TEXT, _CONTEXT_S = 4096, 30.0

if TYPE_CHECKING:
    from acebridge.cli.options import Options
    from acestep_runtime.lyrics.reading import WordsToSing
    from acestep_runtime.tasks import Task
    from acestep_runtime.values import Json

#: Fields of a request that are an option under another, or the same, name; nested ones below their group.
FIELDS = {
    "start_s": "start", "end_s": "end", "duration_s": "duration", "strength": "strength", "mode": "mode",
    "context_s": "context", "crossfade_ms": "crossfade", "tracks": "track", "scope": "scope",
    "description": "description", "song_caption": "song_caption", "instrumental": "instrumental", "codes": "codes",
    "midi": "midi", "guide": "guide",
    "contents": "contents", "voices": "voices",
}  # fmt: skip
GROUPS = {
    "music": {
        "caption": "caption", "lyrics": "lyrics", "language": "language", "bpm": "bpm", "keyscale": "key",
        "timesignature": "time_signature", "chords": "chords",
    },
    "sampling": {
        name: name
        for name in (
            "model", "steps", "guidance", "shift", "sampler", "guidance_method", "guidance_start", "guidance_end",
            "timesteps", "velocity_clamp", "velocity_ema", "noise_strength", "skip_quantiser", "mask", "skip_loop",
            "vae",
            "dcw", "dcw_strength", "dcw_high_strength",
        )
    } | {"adapters": "lora"},
    "morph": {
        "mode": "morph", "caption": "source_caption", "lyrics": "source_lyrics", "start": "morph_start",
        "end": "morph_end", "draws": "morph_draws",
    },
    "thinking": {
        "plan_first": "thinking", "model": "lm", "temperature": "lm_temperature", "top_k": "lm_top_k", "top_p": "lm_top_p",
        "guidance": "lm_guidance", "repetition_penalty": "lm_repetition_penalty", "negative": "negative",
        "keep_caption": "keep_caption", "at_once": "lm_at_once",
    },
    "output": {
        "sample_rate": "sample_rate", "channels": "channels", "encoding": "encoding", "takes": "takes", "seeds": "seed",
        "auto_lrc": "auto_lrc", "auto_score": "auto_score", "tries": "tries", "min_score": "min_score",
        "score_by": "score_by", "keep_all": "keep_all", "variation": "variation", "variation_seeds": "variation_seed",
        "preview_bars": "preview", "fix_timing": "fix_timing",
    },
}  # fmt: skip

#: How a job is queued: field of its submission → option.
SUBMISSION = {"engine": "engine", "prefetch_next": "auto_gen", "session": "session"}


def words_to_sing(options: Options) -> WordsToSing:
    """Return the words to sing; where the options name a region, timed lyrics give those of the region.

    Raises `InvalidValue` for a file of lyrics that is missing or cannot be read.
    """
    from acestep_runtime.lyrics.files import read_lyrics

    return read_lyrics(options.get("lyrics") or "", "--lyrics", *_region(options))


def lyrics_of(task: type[Task], options: Options) -> str:
    """Return the lyrics for a request: words, and for a task on a region words with their times where they have any.

    The task takes those that it needs. Where all are more than a request holds, those around the region are sent.
    """
    lyrics = options.get("lyrics") or ""
    if not task.has("context_s"):
        return words_to_sing(options).text
    from acestep_runtime.lyrics.files import read_timed_lyrics
    from acestep_runtime.lyrics.formats.lrc import write_with_sections

    timing = read_timed_lyrics(lyrics, "--lyrics")
    if timing is None:
        return words_to_sing(options).text
    text = write_with_sections(timing)
    if len(text) <= MAX_TEXT:
        return text
    start_s, end_s = _region(options)
    context_s = _CONTEXT_S if options.get("context") is None else options["context"]
    return write_with_sections(timing.between(start_s - context_s, end_s + context_s))


def _region(options: Options) -> tuple[float, float]:
    from acestep_runtime.units import END

    start_s, end_s = options.get("start"), options.get("end")
    return (-math.inf if start_s is None else start_s), (math.inf if end_s in (None, END) else end_s)


def parse_adapter(text: str) -> dict[str, Json]:
    """Return the adapter that NAME or NAME:SCALE stands for. Raises `InvalidValue` for a scale that is no number."""
    name, colon, scale = text.rpartition(":")
    if not colon:
        return {"name": text}
    try:
        return {"name": name, "scale": float(scale)}
    except ValueError:
        from acestep_runtime.errors import InvalidValue

        raise InvalidValue("--lora", text, "NAME, or NAME:SCALE with a number such as 0.5") from None


def parse_levels(text: str) -> list[float]:
    """Return the numbers of a list with commas. Raises `InvalidValue` for anything else; their order is not looked at."""
    try:
        return [float(level) for level in text.split(",")]
    except ValueError:
        from acestep_runtime.errors import InvalidValue

        raise InvalidValue("--timesteps", text, "numbers with commas between them, such as 1,0.75,0.5") from None


def parse_match_loudness(text: str) -> dict[str, Json]:
    """Return the fields that "off", "region" or "context" stands for. Raises `InvalidValue` for anything else."""
    from acestep_runtime.tasks.repaint import LOUDNESS

    if text == "off":
        return {"match_loudness": False}
    if text not in LOUDNESS:
        from acestep_runtime.errors import InvalidValue

        raise InvalidValue("--match-loudness", text, ", ".join((*LOUDNESS, "off")))
    return {"loudness_of": text}


def _try_count(options: Options) -> int | None:
    """Return how many takes there are to choose from, by either of the options that say so."""
    given = {options[name] for name in ("best_of", "max_tries") if options.get(name) is not None}
    if len(given) > 1:
        from acestep_runtime.errors import InvalidValue

        raise InvalidValue("--max-tries", options["max_tries"], f"the same as --best-of, {options['best_of']}",
                           remedy="Give one of them.")  # fmt: skip
    return next(iter(given), None)


def fields_from_options(names: Mapping[str, str], options: Options) -> dict[str, Json]:
    """Return the fields whose options were given. (0 is given; False, though equal to it, is not.)"""
    values = {field: options.get(option) for field, option in names.items()}
    plain = {field: value.value if isinstance(value, Enum) else value for field, value in values.items()}
    return {field: value for field, value in plain.items() if value is not None and value is not False and value != []}


def request_fields(task: type[Task], options: Options) -> dict[str, Json]:
    """Return the fields of the request for a task that a command's options make."""
    from acestep_runtime.lyrics.files import read_lyrics
    from acestep_runtime.midi.files import read_file_text
    from acestep_runtime.tasks.analysis import CONTENTS_OF_MIX, VOICES_OF_MONO
    from acestep_runtime.units import END

    options = with_chord_file(options)
    midi: Path | None = options.get("midi") if task.has("midi") else None  # else it is the file to write
    levels, seeds = options.get("timesteps"), options.get("seed") or []
    tries = _try_count(options)
    chooses = tries is not None or options.get("min_score") is not None
    count = max(len(seeds), len(options.get("variation_seed") or []))
    a_take_each = count if count > 1 and not chooses else None
    options = with_plan({
        **options,
        "lyrics": lyrics_of(task, options) or None,
        "source_lyrics": read_lyrics(options.get("source_lyrics") or "", "--source-lyrics").text or None,
        "lora": [parse_adapter(text) for text in options.get("lora") or []],
        "timesteps": None if levels is None else parse_levels(levels),
        "track": [track.strip().lower() for track in options.get("track") or []],
        "takes": a_take_each if options.get("takes") is None else options["takes"],
        "tries": tries,
        "end": None if options.get("end") == END else options.get("end"),
        "midi": None if midi is None else read_file_text(midi, "--midi"),
        "contents": CONTENTS_OF_MIX.get(options.get("mix")),
        "voices": VOICES_OF_MONO.get(options.get("mono")),
    })  # fmt: skip
    fields = fields_from_options(FIELDS, options)
    if (loudness := options.get("match_loudness")) is not None:
        fields |= parse_match_loudness(loudness)
    groups = {group: fields_from_options(names, options) for group, names in GROUPS.items()}
    if not task.has("output"):
        groups.pop("output")
        fields.update({"seed": seeds[0]} if seeds else {})
    return {**fields, **{group: held for group, held in groups.items() if held}}
