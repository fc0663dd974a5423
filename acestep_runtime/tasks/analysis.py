"""The tasks that analyse a source and return metadata, no audio: understand, align lyrics, score, transcribe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from acestep_runtime.errors import InvalidValue
from acestep_runtime.limits import bounded
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


#: How many notes sound at a time, and what a source holds; "" lets the engine decide.
VOICES = ("", "mono", "poly")
CONTENTS = ("", "mix", "part")
#: What a switch for them says → the value; a switch that is not given has none.
VOICES_OF_MONO: Mapping[bool | None, str] = {True: "mono", False: "poly"}
CONTENTS_OF_MIX: Mapping[bool | None, str] = {True: "mix", False: "part"}


@dataclass(frozen=True)
class Transcribe(WholeSourceTask):
    """Write the notes of ``source`` down, as a Standard MIDI File and a list.

    ``tracks`` are the instruments to write down; without any, all that are found. Out of a mix (``contents`` "mix") they are
    separated first; a "part" holds one instrument alone. ``voices`` "mono" writes one note at a time, "poly" several; by
    default voices and bass are mono. The tempo and meter in ``music`` are kept, others are measured.
    """

    name = "transcribe"
    rpc = "Transcribe"
    kind = "analysis"
    decides_tracks = True

    music: Music = field(default_factory=Music)
    tracks: tuple[str, ...] = ()
    contents: str = bounded("", choices=CONTENTS)
    voices: str = bounded("", choices=VOICES)

    @classmethod
    def returns_several(cls, tracks: int = 0) -> bool:
        """See `acestep_runtime.tasks.base.Task.returns_several`. All parts are in one file."""
        del tracks
        return False

    def check_words(self) -> None:
        """See `acestep_runtime.tasks.base.Task.check_words`."""
        if self.contents == "part" and len(self.tracks) > 1:
            raise InvalidValue(
                "tracks", ", ".join(self.tracks), "one track at most, as the source is said to hold one instrument",
                remedy="Name one track, or say that the source is a mix.",
            )  # fmt: skip
