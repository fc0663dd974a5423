"""What `generate` returns: takes with their audio, their stems and what is known of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from acestep_runtime.engines.metadata import Score, TakeMetadata
from acestep_runtime.errors import InvalidValue
from acestep_runtime.guide.sound import Audio
from acestep_runtime.tasks.choosing import RankedTake

#: Why something that may be asked for is not there.
_WITHOUT = {
    "lrc": ("auto_lrc=True", "lrc_missing"),
    "score": ("auto_score=True", "score_missing"),
    "lyrics_alignment_score": ("auto_score=True", "score_missing"),
    "quality_score": ("auto_score=True", "score_missing"),
}


#: A score of which nothing is known.
_NO_SCORE: Score = {
    "quality": None, "lyrics_alignment": None, "lm": None, "parts": {}, "notes": [], "computed_from": {}, "missing": {},
}  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class Take:
    """One take. What a dictionary would hold is read as ``take["…"]``; ``len(take)`` is its length in whole seconds.

    ``audio``                    the music: for lego and complete the source with what was added, for extract what was taken
    ``stems``                    role → `Audio`: each layer of lego, each track of complete, each stem of extract
    ``seed``                     asking again with this seed gives the same music
    ``lrc``                      timed lyrics (``auto_lrc=True``)
    ``quality_score``            0 to 1 (``auto_score=True``)
    ``lyrics_alignment_score``   0 to 1, how well the words are sung; of music without words, its quality score
    ``score``                    all that was judged: quality, lyrics_alignment (None without words), parts, notes
    ``bpm keyscale timesignature caption duration_s chords …``   metadata, as far as it is known
    """

    audio: Audio
    stems: Mapping[str, Audio]
    seed: int
    metadata: TakeMetadata

    def _values(self) -> dict[str, Any]:
        values = {**self.metadata, "audio": self.audio, "stems": dict(self.stems), "seed": self.seed}
        if isinstance(score := self.metadata.get("score"), Mapping):
            known: Score = {**_NO_SCORE, **score}
            aligned, quality = known["lyrics_alignment"], known["quality"]
            scores = {"quality_score": quality, "lyrics_alignment_score": quality if aligned is None else aligned}
            values = {**values, "score": known, **scores}
        return values

    def __getitem__(self, name: str) -> Any:
        values = self._values()
        if name not in values:
            ask, missing = _WITHOUT.get(name, ("", ""))
            reason = self.metadata.get(missing) or (
                f"Ask for it with {ask}." if ask else f"There is {', '.join(values)}."
            )
            raise KeyError(f"this take has no {name}. {reason}")
        return values[name]

    def get(self, name: str, default: Any = None) -> Any:
        """Return ``self[name]``, or ``default`` when there is none."""
        return self._values().get(name, default)

    def keys(self) -> list[str]:
        """Return the names that there are."""
        return list(self._values())

    def __iter__(self) -> Iterator[Take]:
        yield self

    def __contains__(self, name: object) -> bool:
        return name in self._values()

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
    """All takes of one call; read as its first take. Going through it gives the takes, as ``result["batch"]`` does.

    ``engine`` is the engine that played, ``notes`` are sentences on what was asked for and had no effect, and on
    what is wrong with the audio that was given. Where the best takes were kept, ``ranking`` tells of all that were made.
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

        May be called on any result; without ``auto_gen=True`` the batch is made now.
        """
        if self._next is None:
            raise InvalidValue("next_batch", "a result without a request", "a result of generate")
        return self._next()
