"""The options of models: how a neural engine works, and how a language model thinks. See `acebridge.cli.options`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from acebridge.cli.declare import flag, option

_NEURAL, _THINKING = "How a neural engine works", "How a language model thinks"

MorphStart = Annotated[
    float | None,
    option(
        "--morph-start", text="Share of the steps that --morph leaves out, 0 to 0.95; more is closer.", panel=_NEURAL
    ),
]
MorphEnd = Annotated[
    float | None,
    option("--morph-end", text="Share of the steps after which only the new music counts, 0 to 1.", panel=_NEURAL),
]
MorphDraws = Annotated[
    int | None, option("--morph-draws", text="Draws of noise in each step of --morph, 1 to 8 (1).", panel=_NEURAL)
]
Steps = Annotated[int | None, option("--steps", text="Denoising steps.", panel=_NEURAL)]
Guidance = Annotated[float | None, option("--guidance", text="Guidance strength.", panel=_NEURAL)]
Model = Annotated[str | None, option("--model", text="Model; `acebridge models list` shows the names.", panel=_NEURAL)]
Vae = Annotated[
    str | None,
    option("--vae", text="Another VAE, a file or a folder in the models folder, by its name.", panel=_NEURAL),
]
Lora = Annotated[
    list[str] | None,
    option(
        "--lora",
        text="Adapter (LoRA, LoKr, DoRA) from `acebridge models list`; NAME:0.5 applies it at half strength. Repeat for more.",
        panel=_NEURAL,
        metavar="NAME[:SCALE]",
    ),
]
Thinking = Annotated[bool, flag("--thinking", "Have a language model plan the song first.", _THINKING)]
Plan = Annotated[
    Path | None,
    option("--plan", text="Follow the plan in this JSON file; other options override its metadata.", panel=_THINKING),
]
SavePlan = Annotated[
    Path | None, option("--save-plan", text="Write the first take's plan into this JSON file.", panel=_THINKING)
]
Lm = Annotated[str | None, option("--lm", text="Name of the language model.", panel=_THINKING)]
LmTemperature = Annotated[
    float | None, option("--lm-temperature", text="Sampling temperature, 0 to 2.", panel=_THINKING)
]
LmTopK = Annotated[
    int | None, option("--lm-top-k", text="Sample from this many of the likeliest tokens; 0 for all.", panel=_THINKING)
]
LmTopP = Annotated[
    float | None,
    option("--lm-top-p", text="Sample from the likeliest tokens with this total probability, 0 to 1.", panel=_THINKING),
]
LmGuidance = Annotated[
    float | None, option("--lm-guidance", text="Guidance of the audio codes by the prompt, 1 to 10.", panel=_THINKING)
]
LmRepetitionPenalty = Annotated[
    float | None,
    option("--lm-repetition-penalty", text="Penalty for repeated tokens, 1 to 2.", panel=_THINKING),
]
LmAtOnce = Annotated[int | None, option("--lm-at-once", text="Takes planned in one batch, 1 to 8.", panel=_THINKING)]
Negative = Annotated[str | None, option("--negative", text="Negative prompt of the plan.", panel=_THINKING)]
KeepCaption = Annotated[bool, flag("--keep-caption", "Keep your caption instead of the model's.", _THINKING)]
Shift = Annotated[
    float | None, option("--shift", text="Shift of the noise schedule towards high noise, 0.1 to 10.", panel=_NEURAL)
]
Sampler = Annotated[str | None, option("--sampler", text="euler (default), heun, sde or ab3.", panel=_NEURAL)]
GuidanceMethod = Annotated[
    str | None,
    option("--guidance-method", text="apg (default), adg, adg_w_norm, adg_wo_clip or cfg.", panel=_NEURAL),
]
GuidanceStart = Annotated[
    float | None,
    option("--guidance-start", text="Guidance is off below this noise level, 0 to 1 (0).", panel=_NEURAL),
]
GuidanceEnd = Annotated[
    float | None, option("--guidance-end", text="Guidance is off above this noise level, 0 to 1 (1).", panel=_NEURAL)
]
Timesteps = Annotated[
    str | None,
    option(
        "--timesteps",
        text="Noise levels of the steps, falling from 1, such as 1,0.75,0.5; replaces steps and shift.",
        panel=_NEURAL,
        metavar="LEVELS",
    ),
]
VelocityClamp = Annotated[
    float | None,
    option(
        "--velocity-clamp",
        text="Limit of the velocity's norm, relative to the latents' norm, 0.01 to 100.",
        panel=_NEURAL,
    ),
]
VelocityEma = Annotated[
    float | None,
    option("--velocity-ema", text="Smoothing: share of the previous velocity in the next, 0 to 1 (0).", panel=_NEURAL),
]
Dcw = Annotated[
    str | None,
    option(
        "--dcw",
        text="Correction after each step: auto (default; double on turbo models, else off), off, low, high, double or pix.",
        panel=_NEURAL,
    ),
]
DcwStrength = Annotated[
    float | None,
    option("--dcw-strength", text="Strength of --dcw, for double that of the low band, 0 to 1 (0.05).", panel=_NEURAL),
]
DcwHighStrength = Annotated[
    float | None,
    option("--dcw-high-strength", text="Strength of the high band in --dcw double, 0 to 1 (0.02).", panel=_NEURAL),
]
NoiseStrength = Annotated[
    float | None,
    option(
        "--noise-strength",
        text="Share of the source in the initial latents of a cover or of a region, 0 to 1 (0).",
        panel=_NEURAL,
    ),
]
SkipQuantiser = Annotated[
    bool, flag("--skip-quantiser", "Condition a cover on the source's latents instead of its audio codes.", _NEURAL)
]
Mask = Annotated[
    str | None,
    option("--mask", text="explicit (default): make the region, or all; auto: the model decides.", panel=_NEURAL),
]
SkipLoop = Annotated[bool, flag("--skip-loop", "Do not loop sources under a minute.", _NEURAL)]
