"""The tasks that analyse a source and return metadata, no audio: understand, align lyrics, score."""

from __future__ import annotations

from dataclasses import dataclass, field

from acestep_runtime.errors import InvalidValue
from acestep_runtime.tasks.whole_source import WholeSourceTask
from acestep_runtime.values import Music, Thinking


@dataclass(frozen=True)
class Understand(WholeSourceTask):
    """Analyse tempo, key, meter, beats and chords of ``source``, and describe it with a language model.

    Values given in ``music`` are kept.
    """

    name = "understand"
    rpc = "Understand"
    kind = "analysis"
    needs_language_model = True

    music: Music = field(default_factory=Music)
    thinking: Thinking = field(default_factory=Thinking)


@dataclass(frozen=True)
class AlignLyrics(WholeSourceTask):
    """Find the times of each line of ``music.lyrics`` in ``source``."""

    name = "align_lyrics"
    rpc = "AlignLyrics"
    kind = "analysis"

    music: Music = field(default_factory=Music)

    def check_words(self) -> None:
        """See `acestep_runtime.tasks.base.Task.check_words`."""
        if not self.music.lyrics.strip():
            raise InvalidValue("music.lyrics", self.music.lyrics, "the words that are sung", remedy="Give the lyrics.")


@dataclass(frozen=True)
class Score(WholeSourceTask):
    """Score ``source`` against its lyrics and description."""

    name = "score"
    rpc = "Score"
    kind = "analysis"

    music: Music = field(default_factory=Music)
