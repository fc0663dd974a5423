"""How well a piece, given as its codes, fits caption, lyrics and metadata: how likely the language model finds their words.

    codes          ─► keys and values, kept ─► each text by itself ─► how likely its tokens are, and their ranks
    NO USER INPUT  ─► the same for caption and lyrics ─► how likely they are anyway

    caption, lyrics  sigmoid((mean log p of its tokens given the codes − the same given no input) / 0.1)
    other fields     mean of 1 − (rank − 1) / 10 of its tokens, 0 from rank 11 on
    total            0.5 caption + 0.3 lyrics + 0.2 mean of the others, of those there are

Source: `test_time_scaling.py` of the public ACE-Step 1.5 code, from where the texts are as well: each field in a thought of
its own, lyrics after an empty thought under a heading. All tokens count, those of the marks and of names of fields too.

It differs in what is no text of a song: marks of the tokenizer are taken out, and what is blank is not judged. Sums are
float32 whatever the model computes in, and a token's rank counts only those that are more likely.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import torch
from torch import Tensor

from acestep_runtime.errors import InvalidValue
from acestep_runtime.lm import prompts
from acestep_runtime.lm.forward import Rows, logits_of
from acestep_runtime.lm.grammar import FIELDS, written
from acestep_runtime.lm.language import Language, no_numbers
from acestep_runtime.lm.planning import Told

#: Texts that are compared with how likely they are anyway, and what they count; the others together count ``_OTHERS``.
_COMPARED = {"caption": 0.5, "lyrics": 0.3}
_OTHERS = 0.2
#: Difference of mean log-probabilities that takes a score from 0.5 to 0.73.
_SCALE = 0.1
#: Ranks that count.
_RANKS = 10
#: What the logits of a piece of text may take, and a logit: in bfloat16 and float32, its exponential, and a comparison.
_PIECE_BYTES, _LOGIT_BYTES = 256 * 2**20, 2 + 4 + 4 + 1
#: Exponents beyond it are more than numbers hold.
_MOST_NATS = 700.0


@dataclass(frozen=True)
class Judgement:
    """Scores from 0 to 1: ``parts`` by the names of `grammar.FIELDS` and "lyrics", of what was given only; ``total`` of all.

    ``perplexities``: exp(−mean log p) of the tokens of each part's text given the codes; ``perplexity``: of all of them.
    It is cut off at e^700.
    """

    total: float
    parts: Mapping[str, float]
    perplexity: float
    perplexities: Mapping[str, float]


@dataclass(frozen=True)
class _Weighed:
    """Log-probabilities (natural) and ranks, from 1, of the tokens of a text."""

    log_probs: list[float]
    ranks: list[int]


def judge(
    language: Language, codes: Sequence[int], *, caption: str, lyrics: str, metadata: Mapping[str, str | int | None]
) -> Generator[Told, None, Judgement | None]:
    """Yield the tokens that are read, and return how well ``codes`` fit what is given; ``None`` where that is nothing.

    Nothing given: blank texts, ``None``, fields that are missing. Fields: `grammar.FIELDS`, worded as models word them
    (whole numbers for bpm, duration in seconds and timesignature). A caption there is judged only where ``caption`` is blank.

    Raises `InvalidValue` for no codes and for a field that there is not, `EngineFailure` for what is longer than the model
    can hold and for a model whose numbers are none.
    """
    texts = {name: language.vocabulary.encoded(text) for name, text in _texts(caption, lyrics, metadata).items()}
    if not texts:
        return None
    if len(codes) == 0:
        raise InvalidValue("codes", "empty", "at least one code of audio")
    compared = {name: texts[name] for name in texts if name in _COMPARED}
    heard = language.vocabulary.encoded(prompts.understand(codes))
    anyway = language.vocabulary.encoded(prompts.understand_unguided(prompts.NO_INPUT)) if compared else []
    first, second = (
        len(prompt) + sum(map(len, some.values())) for prompt, some in ((heard, texts), (anyway, compared))
    )
    given = yield from _weighed(language, heard, texts, 0, first + second)
    without = (yield from _weighed(language, anyway, compared, first, first + second)) if compared else {}
    means = {name: _mean(name, each) for name, each in given.items()}
    parts = {
        name: _closer(means[name] - _mean(name, without[name])) if name in compared else recall(each.ranks)
        for name, each in given.items()
    }
    together = fmean(log_prob for each in given.values() for log_prob in each.log_probs)
    return Judgement(total(parts), parts, _perplexity(together), {name: _perplexity(means[name]) for name in means})


def total(parts: Mapping[str, float]) -> float:
    """Return the score of all ``parts``, of which there is at least one; those that are missing do not count."""
    scores = {name: (parts[name], weight) for name, weight in _COMPARED.items() if name in parts}
    others = [score for name, score in parts.items() if name not in _COMPARED]
    if others:
        scores["others"] = fmean(others), _OTHERS
    return sum(score * weight for score, weight in scores.values()) / sum(weight for _, weight in scores.values())


def recall(ranks: Sequence[int]) -> float:
    """Return 1 where every token is the likeliest, less for later ranks, and nothing for tokens after the tenth."""
    return fmean(max(0.0, 1 - (rank - 1) / _RANKS) for rank in ranks)


def _texts(caption: str, lyrics: str, metadata: Mapping[str, str | int | None]) -> dict[str, str]:
    """Return what is to be judged, by name, as the model would write it after it heard the codes."""
    for name in metadata:
        if name not in FIELDS:
            raise InvalidValue("metadata", name, ", ".join(FIELDS))
    fields = {
        name: prompts.plain(value).strip() if isinstance(value, str) else value for name, value in metadata.items()
    }
    fields["caption"] = prompts.plain(caption).strip() or fields.get("caption")
    texts = {
        name: f"{prompts.THINK}\n{written({name: fields[name]}).strip()}\n{prompts.THOUGHT}\n"
        for name in FIELDS
        if fields.get(name) not in (None, "")
    }
    if (sung := prompts.plain(lyrics)).strip():
        texts["lyrics"] = f"{prompts.THINK}\n{prompts.THOUGHT}\n# Lyric\n{sung}\n"
    return texts


def _weighed(
    language: Language, prompt: Sequence[int], texts: Mapping[str, Sequence[int]], done: int, most: int
) -> Generator[Told, None, dict[str, _Weighed]]:
    """Yield the tokens that are read of ``most``, after ``done``; return what the model finds of each text after ``prompt``.

    The prompt is read once, and texts after it in pieces whose logits have room.
    """
    head = language.head
    rows = Rows(language.core, [prompt], max(map(len, texts.values())))
    yield (done := done + len(prompt)), most
    at_once = max(1, _PIECE_BYTES // (_LOGIT_BYTES * len(head)))
    found: dict[str, _Weighed] = {}
    for name, text in texts.items():
        found[name] = each = _Weighed([], [])
        before = rows.hidden  # the state from which a token is guessed is that after the one before
        for start in range(0, len(text), at_once):
            tokens = torch.tensor(text[start : start + at_once], device=before.device)
            states = torch.cat((before, rows.read_on(tokens[None], start)[0]))
            log_probs, ranks = _guessed(head, states[:-1], tokens)
            each.log_probs.extend(log_probs.tolist())
            each.ranks.extend(ranks.tolist())
            before = states[-1:]
            yield (done := done + len(tokens)), most
    return found


def _guessed(head: Tensor, states: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Return log-probabilities and ranks ``[n]`` of ``tokens`` ``[n]``, each after one of ``states`` ``[n, D]``."""
    logits = logits_of(head, states, slice(None))
    own = logits.gather(1, tokens[:, None])
    return own[:, 0] - logits.logsumexp(-1), 1 + (logits > own).sum(-1)


def _mean(name: str, text: _Weighed) -> float:
    mean = fmean(text.log_probs)
    if not math.isfinite(mean):
        raise no_numbers(f" when it judges {name}")
    return mean


def _closer(nats: float) -> float:
    """Return the sigmoid of ``nats`` by which a text is likelier, which never overflows in this form."""
    return 0.5 + 0.5 * math.tanh(nats / _SCALE / 2)


def _perplexity(mean: float) -> float:
    return math.exp(min(-mean, _MOST_NATS))
