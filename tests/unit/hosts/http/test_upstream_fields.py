"""Requests as front ends of ACE-Step's own server send them: its documentation, docs/en/API.md, has the names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from acebridge.contract.fields import coerce, fill
from acebridge.contract.tasks import request_type
from acebridge.hosts.http.upstream_fields import Fields, request_fields, task_of
from acestep_runtime.errors import InvalidValue
from acestep_runtime.tasks import TASKS


def fields_for(**given: Any) -> dict[str, Any]:
    """The fields that a request has, which the message of its task takes."""
    fields = request_fields(Fields(given))
    task = task_of(Fields(given))
    message = request_type(task)()
    fill(message, coerce(message.DESCRIPTOR, fields), TASKS[task])
    return fields


def test_the_example_of_the_documentation() -> None:
    fields = fields_for(prompt="upbeat pop song", lyrics="Hello world", inference_steps=8)
    assert fields["music"] == {"caption": "upbeat pop song", "lyrics": "Hello world"}
    assert fields["sampling"]["steps"] == 8
    assert fields["output"] == {"takes": 2}
    assert "thinking" not in fields


@pytest.mark.parametrize("name", ["audio_duration", "duration", "audioDuration", "target_duration"])
def test_names_have_other_names(name: str) -> None:
    assert fields_for(prompt="a", **{name: "12.5"})["duration_s"] == 12.5


def test_metadata_may_be_in_an_object_or_in_text() -> None:
    wanted = {"caption": "a", "bpm": 90.0, "keyscale": "C Major", "timesignature": 3}
    inner = {"bpm": 90, "keyscale": "C Major", "timesignature": "3"}
    assert fields_for(caption="a", metas=inner)["music"] == wanted
    assert (
        fields_for(caption="a", param_obj='{"bpm": 90, "key": "C Major", "time_signature": "3/4"}')["music"] == wanted
    )
    assert fields_for(caption="a", metas="no JSON")["music"] == {"caption": "a"}


def test_what_is_given_beside_an_object_counts() -> None:
    assert fields_for(prompt="a", bpm=100, metas={"bpm": 90})["music"]["bpm"] == 100


@pytest.mark.parametrize(
    ("given", "seeds"),
    [
        ({"seed": 7, "use_random_seed": False}, [7]),
        ({"seed": 7}, [7]),
        ({"seed": "7,8,9", "use_random_seed": False, "batch_size": 2}, [7, 8]),
        ({"seed": 7, "use_random_seed": True}, None),
        ({"seed": -1, "use_random_seed": False}, None),
        ({}, None),
    ],
)
def test_seeds(given: dict[str, Any], seeds: list[int] | None) -> None:
    assert fields_for(prompt="a", **given)["output"].get("seeds") == seeds


def test_thinking_plans_and_leaves_codes_alone() -> None:
    given = {"prompt": "a", "audio_code_string": "<|audio_code_5|><|audio_code_63999|>"}
    assert fields_for(**given)["codes"] == [5, 63999]
    fields = fields_for(**given, thinking=True, lm_temperature=0.5, lm_top_k=None)
    assert "codes" not in fields
    assert fields["thinking"] == {"plan_first": True, "temperature": 0.5}


def test_settings_of_the_engine_have_their_counterparts() -> None:
    given = {
        "guidanceScale": "7.5", "guidance_variant": "apg_classic", "velocityNormThreshold": 2.0, "velocity_ema_factor": 0.1,
        "chunk_mask_mode": "auto", "infer_method": "ode", "sampler_mode": "heun",
    }  # fmt: skip
    assert fields_for(prompt="a", **given)["sampling"] == {
        "guidance": 7.5, "guidance_method": "apg", "velocity_clamp": 2.0, "velocity_ema": 0.1, "mask": "auto",
        "sampler": "heun",
    }  # fmt: skip
    assert fields_for(prompt="a", infer_method="sde", sampler_mode="heun", use_adg=True)["sampling"] == {
        "sampler": "sde",
        "guidance_method": "adg",
    }
    off = {"velocity_norm_threshold": 0.0, "velocity_ema_factor": 0, "cover_noise_strength": "0"}
    assert "sampling" not in fields_for(prompt="a", **off)
    assert fields_for(prompt="a", thinking=True, use_cot_caption=False, parallel_thinking="0")["thinking"] == {
        "plan_first": True, "keep_caption": True, "at_once": 1,
    }  # fmt: skip


#: The fields of that server, GenerateMusicRequest in its release_task_models.py, each with a value that is not its own.
UPSTREAM: dict[str, Any] = {
    "prompt": "b", "global_caption": "b", "lyrics": "b", "thinking": True, "sample_mode": True, "sample_query": "b",
    "use_format": True, "model": "b", "bpm": 91, "key_scale": "C major", "time_signature": "3", "vocal_language": "de",
    "inference_steps": 9, "guidance_scale": 6.0, "use_random_seed": True, "seed": 6, "reference_audio_path": "/b.wav",
    "src_audio_path": "/b.wav", "audio_duration": 11, "batch_size": 3, "repainting_start": 1, "repainting_end": 2,
    "instruction": "b", "audio_cover_strength": 0.3, "cover_noise_strength": 0.3, "audio_code_string": "5",
    "task_type": "cover", "chunk_mask_mode": "explicit", "repaint_latent_crossfade_frames": 4,
    "repaint_wav_crossfade_sec": 0.1, "repaint_mode": "aggressive", "repaint_strength": 0.2, "analysis_only": True,
    "full_analysis_only": True, "extract_codes_only": True, "use_adg": True, "guidance_variant": "cfg",
    "guidance_params": {"a": 1}, "cfg_interval_start": 0.1, "cfg_interval_end": 0.9, "infer_method": "sde", "shift": 2.0,
    "timesteps": "1,0.5", "sampler_mode": "heun", "velocity_norm_threshold": 2.0, "velocity_ema_factor": 0.1,
    "latent_shift": 0.1, "latent_rescale": 1.1, "audio_format": "flac", "use_tiled_decode": False, "lm_model_path": "b",
    "lm_backend": "pt", "constrained_decoding": False, "constrained_decoding_debug": True, "use_cot_caption": False,
    "use_cot_language": False, "is_format_caption": True, "allow_lm_batch": False, "track_name": "bass",
    "track_classes": ["bass"], "lm_temperature": 0.5, "lm_cfg_scale": 3.0, "lm_top_k": 9, "lm_top_p": 0.8,
    "lm_repetition_penalty": 1.1, "lm_negative_prompt": "b", "eta": 0.1, "momentum": 0.1,
}  # fmt: skip


@pytest.mark.parametrize("name", UPSTREAM)
def test_no_field_is_ignored_in_silence(name: str) -> None:
    plain = {"seed": 5, "src_audio_path": "/a.wav"}
    requests = [
        {**plain, "task_type": "text2music", "thinking": thinks} for thinks in (False, True)
    ] + [{**plain, "task_type": task} for task in ("cover", "repaint", "lego")]  # fmt: skip
    try:
        has_effect = any(fields_for(**{**each, name: UPSTREAM[name]}) != fields_for(**each) for each in requests)
    except InvalidValue as error:
        assert error.field == name  # noqa: PT017
        return
    documentation = (Path(__file__).parents[4] / "docs/http.md").read_text("utf-8")
    assert has_effect or f"`{name}`" in documentation.partition("These have no counterpart")[2]


def test_a_number_that_is_no_code_is_refused() -> None:
    with pytest.raises(InvalidValue, match=r"^audio_code_string"):
        fields_for(prompt="a", audio_code_string="9" * 5000)


def test_tasks_that_need_a_source() -> None:
    fields = fields_for(
        task_type="repaint", src_audio_path="/music/a.wav", repainting_start=2, repainting_end=-1, prompt="organ"
    )
    assert fields["source"] == {"path": "/music/a.wav"}
    assert (fields["start_s"], "end_s" in fields) == (2.0, False)
    cover = fields_for(task_type="cover", ctx_audio_path="/music/a.wav", audio_cover_strength="0.2")
    assert (cover["strength"], cover["source"]) == (0.2, {"path": "/music/a.wav"})
    lego = fields_for(task_type="lego", src_audio_path="/music/a.wav", track_name="bass")
    assert lego["tracks"] == ["bass"]
    stems = fields_for(task_type="extract", src_audio_path="/music/a.wav", track_classes=["bass", "drums"])
    assert stems["tracks"] == ["bass", "drums"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"task_type": "sing"}, "task_type"),
        ({"task_type": "cover"}, "src_audio_path"),
        ({"bpm": "fast"}, "bpm"),
        ({"audio_duration": "nan"}, "audio_duration"),
        ({"inference_steps": 1e400}, "inference_steps"),
        ({"batch_size": 2.9}, "batch_size"),
        ({"seed": "one"}, "seed"),
        ({"time_signature": "waltz"}, "time_signature"),
        ({"timesteps": "1, x"}, "timesteps"),
        ({"prompt": ["a"]}, "prompt"),
        ({"guidance_scale": "strong"}, "guidance_scale"),
        ({"infer_method": "euler"}, "infer_method"),
        ({"full_analysis_only": True}, "full_analysis_only"),
    ],
)
def test_what_is_wrong_is_named(given: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidValue, match=f"^{field}") as caught:
        fields_for(**given)
    assert caught.value.field == field
