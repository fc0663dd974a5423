"""The results of `generate`: takes with their audio, stems and metadata."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from acestep_runtime.engines.metadata import Score, TakeMetadata
from acestep_runtime.errors import InvalidValue
from acestep_runtime.guide.sound import Audio
from acestep_runtime.tasks.choosing import RankedTake
from acestep_runtime.values import USUAL_VARIATION

#: How to get a value, and where the reason is when it is missing.
_REQUEST_HINTS = {
    "lrc": ("auto_lrc=True", "lrc_missing"),
    "score": ("auto_score=True", "score_missing"),
    "lyrics_alignment_score": ("auto_score=True", "score_missing"),
    "quality_score": ("auto_score=True", "score_missing"),
    "fit_score": ("auto_score=True", "score_missing"),
}


#: A score of which nothing is known.
_NO_SCORE: Score = {
    "quality": None, "lyrics_alignment": None, "lm": None, "fit": None, "parts": {}, "notes": [], "computed_from": {},
    "missing": {},
}  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class Take:
    """One take. Values are read as ``take["…"]``; ``len(take)`` is its length in whole seconds.

    ``audio``                    the music: for lego and complete with the source, for extract the sum of the requested stems
    ``stems``                    role → `Audio`: each layer of lego, each track of complete, each stem of extract
    ``seed``                     repeating the call with this seed gives the same music
    ``lrc``                      timed lyrics (``auto_lrc=True``)
    ``quality_score``            0 to 1 (``auto_score=True``)
    ``lyrics_alignment_score``   0 to 1, agreement of words and audio; for music without words, the quality score
    ``fit_score``                0 to 1, how well it fits the source (one layer without a seed; ``auto_score=True``)
    ``score``                    all scores: quality, lyrics_alignment (None without words), fit, parts, notes
    ``preview``                  how much of the take is there (``preview_bars=…``); `finish` decodes the rest
    ``variations``               what it is a variation by: ``[{"amount": …, "seed": …}, …]``, for a variation
    ``bpm keyscale timesignature caption duration_s chords …``   metadata of the task and engine
    """

    audio: Audio
    stems: Mapping[str, Audio]
    seed: int
    metadata: TakeMetadata
    #: Makes variations, of an amount and a number; see `vary`.
    vary_by: Callable[[float, int], Result] | None = field(default=None, repr=False)
    #: Decodes the rest of a preview; see `finish`.
    finish_by: Callable[[], Result] | None = field(default=None, repr=False)

    def _values(self) -> dict[str, Any]:
        values = {**self.metadata, "audio": self.audio, "stems": dict(self.stems), "seed": self.seed}
        if isinstance(score := self.metadata.get("score"), Mapping):
            full: Score = {**_NO_SCORE, **score}
            alignment, quality = full["lyrics_alignment"], full["quality"]
            values["score"] = full
            if full["fit"] is not None:
                values["fit_score"] = full["fit"]
            if full["fit"] is None or quality is not None or alignment is not None:
                scores = {
                    "quality_score": quality,
                    "lyrics_alignment_score": quality if alignment is None else alignment,
                }
                values |= scores
        return values

    def __getitem__(self, name: str) -> Any:
        values = self._values()
        if name not in values:
            ask, missing = _REQUEST_HINTS.get(name, ("", ""))
            reason = self.metadata.get(missing) or (
                f"Ask for it with {ask}." if ask else f"There is {', '.join(values)}."
            )
            raise KeyError(f"this take has no {name}. {reason}")
        return values[name]

    def get(self, name: str, default: Any = None) -> Any:
        """Return ``self[name]``, or ``default`` when it is missing."""
        return self._values().get(name, default)

    def keys(self) -> list[str]:
        """Return the available names."""
        return list(self._values())

    def __iter__(self) -> Iterator[Take]:
        yield self

    def __contains__(self, name: object) -> bool:
        return name in self._values()

    def vary(self, amount: float = USUAL_VARIATION, *, batch_size: int = 1) -> Result:
        """Return variations of this take: the same request with choices near the same. At ``amount`` 1 they are other takes.

        A variation can be varied again. Raises as `generate` does.
        """
        if self.vary_by is None:
            raise InvalidValue("vary", "a take without a request", "a take of generate")
        return self.vary_by(amount, batch_size)

    def finish(self) -> Result:
        """Return the whole take, where this one is a preview: the same as without ``preview_bars``. Nothing is denoised again.

        Where its latents are gone it is made from its seed, which takes longer. Raises `InvalidValue` for a take that is whole.
        """
        if self.finish_by is None:
            raise InvalidValue(
                "finish", "a take that is whole", "a take of generate with preview_bars", remedy="Use it as it is."
            )
        return self.finish_by()

    @property
    def seconds(self) -> float:
        """The exact length."""
        return self.audio.seconds

    def __len__(self) -> int:
        return len(self.audio)

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.seconds:.2f} s, seed {self.seed}, {', '.join(self.keys())})"


@dataclass(frozen=True, eq=False, repr=False)
class Result(Take):
    """All takes of one call; reads as its first take. Iteration yields the takes, as ``result["batch"]`` does.

    ``engine`` is the engine that ran, ``notes`` are sentences on arguments without effect, and on
    faults of the given audio. Where the best takes were chosen, ``ranking`` holds all of them.
    """

    takes: tuple[Take, ...] = ()
    engine: str = ""
    notes: tuple[str, ...] = ()
    ranking: tuple[RankedTake, ...] = ()
    _next: Callable[[], Result] | None = field(default=None, repr=False)

    def _values(self) -> dict[str, Any]:
        return {**super()._values(), "batch": list(self.takes)}

    def __iter__(self) -> Iterator[Take]:
        return iter(self.takes)

    def next_batch(self) -> Result:
        """Return the next takes of the same request, with new seeds; at once when ``auto_gen`` has them ready.

        May be called on any result; without ``auto_gen=True`` the batch is generated now.
        """
        if self._next is None:
            raise InvalidValue("next_batch", "a result without a request", "a result of generate")
        return self._next()
