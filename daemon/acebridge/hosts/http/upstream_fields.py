"""Requests of ACE-Step's own server as requests of ours: its fields, under all the names that it takes.

What this has no counterpart for is left out, as its server leaves out what it does not know: docs/http.md lists it. What asks
for something other than music is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from math import isnan, nan
from typing import TYPE_CHECKING, Any

from acestep_runtime.errors import InvalidValue
from acestep_runtime.tasks import TASKS

if TYPE_CHECKING:
    from pydantic import JsonValue

#: Field → the other names that clients send it under.
_NAMES: dict[str, tuple[str, ...]] = {
    "prompt": ("caption",),
    "sample_query": ("sampleQuery", "description", "desc"),
    "model": ("model_name", "modelName", "dit_model", "ditModel"),
    "key_scale": ("keyscale", "keyScale", "key"),
    "time_signature": ("timesignature", "timeSignature"),
    "audio_duration": ("duration", "audioDuration", "target_duration", "targetDuration"),
    "vocal_language": ("vocalLanguage", "language"),
    "inference_steps": ("inferenceSteps",),
    "guidance_scale": ("guidanceScale",),
    "use_random_seed": ("useRandomSeed",),
    "batch_size": ("batchSize",),
    "audio_cover_strength": ("audioCoverStrength", "cover_strength", "coverStrength"),
    "cover_noise_strength": ("coverNoiseStrength",),
    "audio_code_string": ("audioCodeString", "audio_codes"),
    "reference_audio_path": ("ref_audio_path", "referenceAudioPath", "refAudioPath"),
    "src_audio_path": ("ctx_audio_path", "sourceAudioPath", "srcAudioPath", "ctxAudioPath"),
    "task_type": ("taskType",),
    "repainting_start": ("repaintingStart",),
    "repainting_end": ("repaintingEnd",),
    "infer_method": ("inferMethod",),
    "sampler_mode": ("samplerMode",),
    "track_name": ("trackName",),
    "track_classes": ("trackClasses", "instruments"),
    "velocity_norm_threshold": ("velocityNormThreshold",),
    "velocity_ema_factor": ("velocityEmaFactor",),
    "use_cot_caption": ("cot_caption", "cot-caption"),
    "allow_lm_batch": ("allowLmBatch", "parallel_thinking"),
    "analysis_only": ("analysisOnly",),
    "full_analysis_only": ("fullAnalysisOnly",),
    "extract_codes_only": ("extractCodesOnly",),
}
#: What asks for facts in place of music.
_NO_MUSIC = ("analysis_only", "full_analysis_only", "extract_codes_only")
#: Names of ways to guide that are others here.
_GUIDANCE_METHODS = {"apg_classic": "apg"}
#: Objects in which clients send some of the fields too; text is JSON.
_NESTED = ("param_obj", "metas", "meta", "metadata", "user_metadata", "userMetadata")
_CODE = re.compile(r"\d+", re.ASCII)
#: How many digits a code has at most, by far.
_MOST_DIGITS = 9
_TRUE = ("1", "true", "yes", "y", "on")
#: How many takes there are where nobody says it.
_USUAL_TAKES = 2
_WITH_SOURCE = frozenset(("cover", "repaint", "lego", "complete", "extract"))


class Fields:
    """The fields of a request. What is not given is ``None``; a value of the wrong kind raises `InvalidValue`."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._sources = [given, *(_as_object(given.get(name)) for name in _NESTED)]

    def get(self, name: str) -> Any:
        """Return a field, whatever its name; empty text is not given."""
        for source in self._sources:
            for each in (name, *_NAMES.get(name, ())):
                if (value := source.get(each)) not in (None, ""):
                    return value
        return None

    def text(self, name: str) -> str | None:
        """Return a text."""
        value = self.get(name)
        if value is not None and not isinstance(value, (str, int, float)):
            raise InvalidValue(name, str(value)[:60], "text")
        return None if value is None else str(value)

    def number(self, name: str) -> float | None:
        """Return a number, which may be sent as text."""
        number: float | None = self._parse(name, float, "a number")
        return number

    def whole(self, name: str) -> int | None:
        """Return a whole number, which may be sent as text."""
        number: int | None = self._parse(name, _whole, "a whole number")
        return number

    def flag(self, name: str) -> bool:
        """Return whether something is on."""
        return str(self.get(name)).strip().lower() in _TRUE

    def is_off(self, name: str) -> bool:
        """Return whether something is said to be off."""
        return self.get(name) is not None and not self.flag(name)

    def _parse(self, name: str, parse: Callable[[Any], Any], allowed: str) -> Any:
        value = self.get(name)
        try:
            number = None if value is None else parse(value)
        except (TypeError, ValueError, OverflowError):
            number = nan
        if isinstance(number, float) and isnan(number):
            raise InvalidValue(name, str(value)[:60], allowed)
        return number


def _whole(value: Any) -> int:
    """Return a whole number. Raises ``ValueError`` for a number that is none."""
    number = int(value)
    if not isinstance(value, str) and number != value:
        raise ValueError(value)
    return number


def _as_object(value: Any) -> Mapping[str, Any]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
    return value if isinstance(value, dict) else {}


def task_of(fields: Fields) -> str:
    """Return the task that a request is for. Raises `InvalidValue`."""
    task = fields.text("task_type") or "text2music"
    for name in _NO_MUSIC:
        if fields.flag(name):
            remedy = "Understand, CreateSample and FormatSample, below /v1/TaskService, answer without music."
            raise InvalidValue(name, str(fields.get(name))[:60], "false", remedy=remedy)
    known = ("text2music", *sorted(_WITH_SOURCE))
    if task not in known:
        raise InvalidValue("task_type", task, ", ".join(known))
    return task


def request_fields(fields: Fields) -> dict[str, JsonValue]:
    """Return the fields of the request of a task, as `acebridge.contract.fields` has them. Raises `InvalidValue`."""
    task = task_of(fields)
    takes = fields.whole("batch_size") or _USUAL_TAKES
    made: dict[str, Any] = {
        "music": {
            "caption": fields.text("prompt") or fields.text("sample_query"),
            "lyrics": fields.text("lyrics"),
            "language": fields.text("vocal_language"),
            "bpm": fields.number("bpm") or None,
            "keyscale": fields.text("key_scale"),
            "timesignature": _beats(fields),
        },
        "sampling": _sampling(fields),
        "output": {"takes": takes, "seeds": _seeds(fields, takes)},
        "thinking": _thinking(fields),
        "reference": _audio(fields, "reference_audio_path"),
        "source": _audio(fields, "src_audio_path"),
        "tracks": _tracks(fields),
        "start_s": fields.number("repainting_start"),
        "end_s": _positive(fields.number("repainting_end")),
        "mode": fields.text("repaint_mode"),
        "crossfade_ms": _milliseconds(_positive(fields.number("repaint_wav_crossfade_sec"))),
        "song_caption": fields.text("global_caption"),
    }
    if task == "text2music":
        made["duration_s"] = _positive(fields.number("audio_duration"))
        made["codes"] = [] if fields.flag("thinking") else _codes(fields)
    elif task == "cover":
        made["strength"] = fields.number("audio_cover_strength")
    elif task == "repaint":
        made["strength"] = fields.number("repaint_strength")
    elif task == "extract":
        made["output"] = {}  # there is one result
    if task in _WITH_SOURCE and made["source"] is None:
        raise InvalidValue("src_audio_path", "", f"the path of an audio file, which {task} needs")
    allowed = TASKS[task].__dataclass_fields__.keys() | {"source", "reference"}
    if task == "text2music":
        allowed -= {"source"}
    return {
        name: value
        for name, held in made.items()
        if name in allowed and (value := _without_none(held)) not in (None, {}, [])
    }


def _without_none(value: Any) -> Any:
    """Return an object without the fields that are not given."""
    if not isinstance(value, dict):
        return value
    return {name: held for name, held in value.items() if held is not None and held != []}


def _positive(number: float | None) -> float | None:
    """Return a number; what is not above zero stands for none."""
    return number if number is not None and number > 0 else None


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else 1000 * seconds


def _beats(fields: Fields) -> int | None:
    text = fields.text("time_signature")
    if text is None:
        return None
    beats = text.split("/")[0].strip()
    if not (beats.isascii() and beats.isdigit() and len(beats) < 4):
        raise InvalidValue("time_signature", text[:60], "2, 3, 4 or 6")
    return int(beats)


def _sampling(fields: Fields) -> dict[str, Any]:
    levels = fields.text("timesteps") or ""
    try:
        timesteps = [float(level) for level in levels.strip("[] ").split(",") if level.strip()]
    except ValueError:
        raise InvalidValue("timesteps", levels[:60], "numbers from 1 to 0, with commas between them") from None
    method = fields.text("infer_method") or "ode"
    if method not in ("ode", "sde"):
        raise InvalidValue("infer_method", method[:60], "ode, sde")
    guidance = fields.text("guidance_variant") or ""
    return {
        "model": fields.text("model"),
        "steps": fields.whole("inference_steps"),
        "shift": fields.number("shift"),
        "sampler": "sde" if method == "sde" else fields.text("sampler_mode"),
        "guidance": fields.number("guidance_scale"),
        "guidance_method": "adg" if fields.flag("use_adg") else _GUIDANCE_METHODS.get(guidance, guidance) or None,
        "guidance_start": fields.number("cfg_interval_start"),
        "guidance_end": fields.number("cfg_interval_end"),
        "timesteps": timesteps,
        "noise_strength": fields.number("cover_noise_strength") or None,
        "velocity_clamp": fields.number("velocity_norm_threshold") or None,
        "velocity_ema": fields.number("velocity_ema_factor") or None,
        "mask": fields.text("chunk_mask_mode"),
    }


def _seeds(fields: Fields, takes: int) -> list[int]:
    """Return the seeds, not more than takes; clients send one, or several with commas between them."""
    text = fields.text("seed")
    if text is None or fields.flag("use_random_seed"):
        return []
    try:
        seeds = [int(each) for each in text.split(",") if each.strip()]
    except ValueError:
        raise InvalidValue("seed", text[:60], "a whole number, or several with commas between them") from None
    return seeds[:takes] if all(seed >= 0 for seed in seeds) else []


def _thinking(fields: Fields) -> dict[str, Any]:
    if not fields.flag("thinking"):
        return {}
    return {
        "plan_first": True,
        "model": fields.text("lm_model_path"),
        "temperature": fields.number("lm_temperature"),
        "top_k": fields.whole("lm_top_k"),
        "top_p": fields.number("lm_top_p"),
        "guidance": fields.number("lm_cfg_scale"),
        "repetition_penalty": fields.number("lm_repetition_penalty"),
        "negative": fields.text("lm_negative_prompt"),
        "keep_caption": fields.is_off("use_cot_caption") or None,
        "at_once": 1 if fields.is_off("allow_lm_batch") else None,
    }


def _codes(fields: Fields) -> list[int]:
    value = fields.get("audio_code_string")
    text = value[0] if isinstance(value, list) and value else value
    codes = _CODE.findall(text) if isinstance(text, str) else []
    for code in codes:
        if len(code) > _MOST_DIGITS:
            raise InvalidValue("audio_code_string", code[:60], f"codes of at most {_MOST_DIGITS} digits")
    return [int(code) for code in codes]


def _audio(fields: Fields, name: str) -> dict[str, str] | None:
    path = fields.text(name)
    return None if path is None else {"path": path}


def _tracks(fields: Fields) -> list[str]:
    value = fields.get("track_classes") or fields.get("track_name")
    names = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
    return [str(name).strip() for name in names if str(name).strip()]
