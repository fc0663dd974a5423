"""Codes a second beside `transformers.generate`, on the same random weights in one run. ``make bench-lm``.

Equal work: four songs, guidance by a prompt for each, temperature and top-p, the 64,000 codes allowed. On a GPU the model has
the shape of the released 0.6B, on a CPU a smaller one; the vocabulary has the released size on both. Random weights make flat
logits, of which tens of thousands have to be sorted; weights of the last norm that are greater make them as peaked as those of
models that know something. Both are measured.
"""

from __future__ import annotations

import os
import platform
import statistics
import time
import warnings
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

SEED, SONGS, PROMPT, GUIDANCE = 11, 4, 150, 2.0
VOCABULARY, FIRST_CODE, CODES = 217_204, 151_669, 64_000
ROUNDS = 2
SHAPES = {
    "cpu": {
        "hidden_size": 512, "intermediate_size": 1536, "num_hidden_layers": 8, "num_attention_heads": 8,
        "num_key_value_heads": 4, "head_dim": 64,
    },
    "cuda": {
        "hidden_size": 1024, "intermediate_size": 3072, "num_hidden_layers": 28, "num_attention_heads": 16,
        "num_key_value_heads": 8, "head_dim": 128,
    },
}  # fmt: skip
#: New codes of each song.
COUNTS = {"cpu": 40, "cuda": 500}
#: Weights of the last norm.
PEAKS = {"flat": 1.0, "peaked": 4.0}


def model(device: str) -> Any:
    """Return a language model with random weights."""
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(SEED)
    config = Qwen3Config(
        **SHAPES[device], vocab_size=VOCABULARY, max_position_embeddings=8192, tie_word_embeddings=True,
        eos_token_id=None, pad_token_id=0, dtype=torch.bfloat16 if device == "cuda" else torch.float32,
    )  # fmt: skip
    return Qwen3ForCausalLM(config).to(device, config.dtype).eval()


def prompts(length: int) -> list[list[int]]:
    """Return a prompt for each song."""
    import torch

    return torch.randint(0, FIRST_CODE, (SONGS, length), generator=torch.Generator().manual_seed(SEED)).tolist()


def ours(whole: Any, count: int) -> Callable[[], Any]:
    """The loop as the engine uses it."""
    from acestep_runtime.lm import decode
    from acestep_runtime.lm.language import LanguageModel
    from acestep_runtime.lm.sampling import SamplingParams

    tokens: Any = SimpleNamespace(code_ids=slice(FIRST_CODE, FIRST_CODE + CODES))
    language = LanguageModel(whole.model, whole.lm_head.weight, tokens)
    guidance = decode.Guidance(prompts(PROMPT - 30), GUIDANCE)

    def write() -> Any:
        for made in decode.generate_codes(
            language, prompts(PROMPT), count, range(SONGS), SamplingParams(0.85, 0, 0.9), guidance
        ):
            if made.shape[1] == count:
                return made.tolist()
        raise AssertionError("too few codes")

    return write


def theirs(whole: Any, count: int) -> Callable[[], Any]:
    """What transformers has for it."""
    import torch

    device = whole.device
    asked, without = (torch.tensor(prompts(length), device=device) for length in (PROMPT, PROMPT - 30))
    refused = torch.ones(VOCABULARY, dtype=torch.bool, device=device)
    refused[FIRST_CODE : FIRST_CODE + CODES] = False

    def write() -> Any:
        torch.manual_seed(SEED)
        made = whole.generate(
            asked, attention_mask=torch.ones_like(asked), negative_prompt_ids=without, guidance_scale=GUIDANCE,
            negative_prompt_attention_mask=torch.ones_like(without), do_sample=True, temperature=0.85, top_p=0.9, top_k=0,
            min_new_tokens=count, max_new_tokens=count,
            logits_processor=[lambda _, scores: scores.masked_fill(refused, -torch.inf)],
        )  # fmt: skip
        assert made.shape == (SONGS, PROMPT + count)
        return made.tolist()

    return write


def bandwidth(device: str) -> float:
    """Return bytes that this machine moves in a second, read and written: the best of several copies of 512 MB."""
    import torch

    source = torch.zeros(2**27, device=device)
    target, best = torch.empty_like(source), 0.0
    for _ in range(8):
        best = max(best, 2 * source.nbytes / seconds(lambda: target.copy_(source)))
    return best


def seconds(work: Callable[[], Any]) -> float:
    """Return how long ``work`` takes."""
    import torch

    def settle() -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()

    settle()
    began = time.perf_counter()
    work()
    settle()
    return time.perf_counter() - began


def read_in_a_step(whole: Any, count: int) -> int:
    """Return the bytes that a step has to read: layers, the rows of the head that are codes, the cache half way."""
    config = whole.config
    layers = sum(each.nbytes for each in whole.model.layers.parameters())
    head = CODES * whole.lm_head.weight[0].nbytes
    position = 2 * config.num_hidden_layers * config.num_key_value_heads * config.head_dim * whole.dtype.itemsize
    rows = SONGS * ((PROMPT + count / 2) + (PROMPT - 30 + count / 2))
    return int(layers + head + rows * position)


def main() -> None:
    """Compare both ways, alternating."""
    warnings.simplefilter("ignore")
    import torch
    import transformers

    device = "cuda" if torch.cuda.is_available() else "cpu"
    name = torch.cuda.get_device_name() if device == "cuda" else f"{os.cpu_count()} cores"
    print(f"{platform.machine()}, {name}, torch {torch.__version__}, transformers {transformers.__version__}")
    whole, count, moved = model(device), COUNTS[device], bandwidth(device)
    bound = read_in_a_step(whole, count) / moved
    print(f"a step reads {read_in_a_step(whole, count) / 1e6:.0f} MB, at {moved / 1e9:.1f} GB/s {1e3 * bound:.1f} ms")
    ways = {"ours": ours(whole, count), "transformers": theirs(whole, count)}
    with torch.inference_mode():
        for logits, weight in PEAKS.items():
            whole.model.norm.weight.fill_(weight)
            took: dict[str, list[float]] = {way: [] for way in ways}
            for round_ in range(ROUNDS + 1):
                for way, write in ways.items():
                    spent = seconds(write)
                    if round_:  # the first one warms up
                        took[way].append(spent)
            mine, other = (statistics.median(took[way]) for way in ways)
            print(
                f"{logits} logits: {SONGS * count / mine:.0f} codes/s, transformers {SONGS * count / other:.0f}:"
                f" {other / mine:.2f} x; a step {1e3 * mine / count:.1f} ms, {bound * count / mine:.0%} of what reading allows"
            )


if __name__ == "__main__":
    main()
