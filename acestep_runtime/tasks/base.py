"""The base of all tasks: sources, outputs, and the events of a running task.

Light to import: audio code is loaded when a task runs, so that clients can read `TASKS` at no cost.

Letters: N frames, C channels (1 or 2). Frames count at the output rate unless a name says otherwise.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from acestep_runtime.audio import wav
from acestep_runtime.engines.base import Engine, Progress, TaskTraits
from acestep_runtime.errors import InvalidValue, printable
from acestep_runtime.limits import bounded, validate
from acestep_runtime.values import MAX_SEED, MAX_VARIATIONS, OTHER, TRACKS, CancelToken, Music, TakeSeed, Variation

if TYPE_CHECKING:
    from acestep_runtime.audio.decode import MediaInfo
    from acestep_runtime.audio.samples import Samples
    from acestep_runtime.engines.metadata import TakeMetadata
    from acestep_runtime.lyrics.reading import WordsToSing
    from acestep_runtime.previews import FullLatents
    from acestep_runtime.take_latents import TakeLatents

#: The longest audio a task takes. ACE-Step itself generates at most 600 s.
MAX_SOURCE_S = 1200.0
#: The shortest: at least a few samples at every rate.
MIN_SOURCE_S = 0.001
MAX_DURATION_S = 600.0
#: The longest file of which a task takes a part, as `acestep_runtime.audio.decode` has it.
MAX_FILE_S = 24 * 3600.0
MAX_TAKES = 8
#: Takes to choose from: the maximum, and the default where only a minimum score is given.
MAX_TRIES, USUAL_TRIES = 64, 8
MAX_PREVIEW_BARS = 999
#: Fields of tasks that are audio files.
AUDIO_FIELDS = ("source", "reference")
ENCODINGS = tuple(wav.ENCODINGS)
SCOPES = ("whole", "region")
#: The score of how well a take fits its source.
FIT = "fit"
#: Scores to choose takes by; "" is lyrics_alignment, and quality for takes without words.
SCORES = ("", "lyrics_alignment", "quality", "lm", FIT)


@dataclass(frozen=True)
class Source:
    """An audio file, or the part of it from ``start_s`` to ``end_s`` (``None``: its end). ``name`` is for messages.

    A stored source has an ``asset_id``, and no path until `Task.locate` sets its local one.
    """

    path: str = ""
    start_s: float = bounded(0.0, low=0, high=MAX_FILE_S, unit="seconds")
    end_s: float | None = bounded(None, low=0, high=MAX_FILE_S, unit="seconds")
    name: str = ""
    asset_id: str = ""

    def __post_init__(self) -> None:
        if not (self.path or self.asset_id):
            raise InvalidValue("path", "", "the path of an audio file, or asset_id instead")
        validate(self, "region.")

    @property
    def display_name(self) -> str:
        """The name in messages."""
        return self.name or Path(self.path).name

    def part(
        self, field: str = "source", info: MediaInfo | None = None, *, exact: bool = False
    ) -> tuple[MediaInfo, int, int]:
        """Return the file's info and the first and last-plus-one frame of the part, at the file's rate.

        ``field`` is the field that errors name. The file is not looked at where its ``info`` is known. Only with ``exact`` are
        media files decoded, whose headers hold an estimate.

        Raises `UnreadableAudio` for a file that is not audio, `InvalidValue` for a part outside it, too long or too short.
        """
        from acestep_runtime.audio import decode

        if info is None:
            info = (decode.measure if exact else decode.probe)(self.path, field=field, name=self.display_name)
        start = round(self.start_s * info.sample_rate)
        stop = info.frames
        if self.end_s is not None:
            stop = min(round(self.end_s * info.sample_rate), info.frames)
        if start >= info.frames:
            raise InvalidValue(
                f"{field}.region.start_s",
                self.start_s,
                f"0 to below {info.duration_s:.3f} seconds",
                remedy=f"{self.display_name} is {info.duration_s:.3f} s long.",
            )
        if stop <= start:
            raise InvalidValue(f"{field}.region.end_s", self.end_s, f"after the start, {self.start_s:g} s")
        length_s = (stop - start) / info.sample_rate
        if length_s < MIN_SOURCE_S:
            message = (
                f"{self.display_name} is {1000 * length_s:.3g} ms long; allowed: at least {1000 * MIN_SOURCE_S:g} ms."
            )
            raise InvalidValue(
                field,
                self.display_name,
                f"at least {MIN_SOURCE_S:g} seconds",
                message=message,
                remedy="Choose a longer part.",
            )
        if length_s > MAX_SOURCE_S:
            raise InvalidValue(
                field,
                self.display_name,
                f"at most {MAX_SOURCE_S:g} seconds",
                message=f"{self.display_name} is {length_s:.0f} s long; allowed: at most {MAX_SOURCE_S:g} s.",
                remedy=f"Cut out the part that matters, or give the {field} a region.",
            )
        return info, start, stop


@dataclass(frozen=True)
class Output:
    """The format and number of results; ``None`` means as the source (48 kHz stereo when there is none).

    With ``tries`` or ``min_score`` up to `count` takes are generated, fewer where ``takes`` of them reach ``min_score``.
    The best ``takes`` are kept; the others too with ``keep_all``.

    With a ``variation`` above 0 the takes are variations of one take, or of one each: that of its seed, which does not count
    up, after its ``base_variations``. They differ in their ``variation_seeds``.

    Of takes with ``preview_bars`` only this many bars are decoded. ``preview_id`` is the asset id (in this process: the path)
    of the first output of such a take: the same request without ``preview_bars``, for this one take, decodes the rest.

    ``fix_timing`` holds each take until it is complete, and moves what does not come in time with the source.
    """

    sample_rate: int | None = bounded(None, low=8000, high=384_000, unit="Hz")
    channels: int | None = bounded(None, choices=(1, 2))
    encoding: str = bounded("float32", choices=ENCODINGS)
    takes: int = bounded(1, low=1, high=MAX_TAKES, unit="takes")
    seeds: tuple[int, ...] = bounded((), low=0, high=MAX_SEED)
    auto_lrc: bool = False
    auto_score: bool = False
    tries: int | None = bounded(None, low=1, high=MAX_TRIES, unit="tries")
    min_score: float | None = bounded(None, low=0, high=1)
    score_by: str = bounded("", choices=SCORES)
    keep_all: bool = False
    variation: float = bounded(0.0, low=0, high=1)
    variation_seeds: tuple[int, ...] = bounded((), low=0, high=MAX_SEED)
    base_variations: tuple[Variation, ...] = bounded((), max_len=MAX_VARIATIONS - 1, unit="variations")
    preview_bars: int | None = bounded(None, low=1, high=MAX_PREVIEW_BARS, unit="bars")
    preview_id: str = bounded("", max_len=4096)
    fix_timing: bool = False

    @property
    def distinct_seeds(self) -> tuple[int, ...]:
        """The seeds in which takes differ, and which the next takes count on."""
        return self.variation_seeds if self.variation else self.seeds

    @property
    def take_seeds(self) -> tuple[TakeSeed, ...]:
        """What the takes are drawn from whose seeds are known; all are after `acestep_runtime.tasks.takes.with_seeds`."""
        if not self.variation:
            return tuple(TakeSeed(seed, self.base_variations) for seed in self.seeds)
        steps = (Variation(self.variation, seed) for seed in self.variation_seeds)
        return tuple(
            TakeSeed(seed, (*self.base_variations, step)) for seed, step in zip(self.seeds, steps, strict=False)
        )

    @property
    def chooses(self) -> bool:
        """Whether only the best takes are kept."""
        return self.tries is not None or self.min_score is not None

    @property
    def scores_by_engine(self) -> bool:
        """Whether takes get the scores of an engine: the fit is measured without one."""
        return self.auto_score or (self.chooses and self.score_by != FIT)

    @property
    def count(self) -> int:
        """The number of takes, unless a score ends the task earlier."""
        if self.tries is not None:
            return self.tries
        return self.takes if self.min_score is None else max(self.takes, USUAL_TRIES)

    def __post_init__(self) -> None:
        if self.tries is not None and 1 <= self.tries < self.takes:
            raise InvalidValue(
                "tries",
                self.tries,
                f"at least as many as takes, {self.takes}",
                remedy="Ask for more, or keep fewer takes.",
            )
        if not self.chooses:
            for name in ("score_by", "keep_all"):
                if getattr(self, name):
                    raise InvalidValue(
                        name, getattr(self, name), "nothing where no take is chosen",
                        remedy="Ask for the best of several takes, or for a score that they should reach.",
                    )  # fmt: skip
        for name in ("seeds", "variation_seeds"):
            self._check_seeds(name)
        self._check_preview()

    def _check_preview(self) -> None:
        if self.preview_bars is not None and (self.chooses or self.auto_score):
            raise InvalidValue(
                "preview_bars", self.preview_bars, "nothing where takes are scored",
                message="A preview cannot be scored: a score is one of the whole take, and a preview decodes a part of it.",
                remedy="Leave out the preview, or score the takes when they are finished.",
            )  # fmt: skip
        if self.fix_timing and (self.preview_bars is not None or self.preview_id):
            raise InvalidValue(
                "fix_timing", self.fix_timing, "nothing for a preview",
                message="The timing of a preview cannot be fixed: that needs all of a take, and a preview is a part of it.",
                remedy="Leave out the preview, or fix_timing.",
            )  # fmt: skip
        if self.preview_id and (self.preview_bars is not None or self.chooses or self.takes != 1):
            raise InvalidValue(
                "preview_id", self.preview_id, "one whole take, which is neither a preview itself nor chosen",
                remedy="Ask for one take, with its seed.",
            )  # fmt: skip

    def _check_seeds(self, name: str) -> None:
        seeds: tuple[int, ...] = getattr(self, name)
        most = MAX_TRIES if self.chooses else MAX_TAKES
        if len(seeds) > most:
            allowed = f"at most {most}, one for each take"
            message = f"{name} holds {len(seeds)} seeds; allowed: {allowed}."
            raise InvalidValue(name, seeds, allowed, message=message)
        if len(seeds) > self.count >= 1:
            allowed = f"at most as many as {'tries' if self.chooses else 'takes'}, {self.count}"
            message = f"{name} holds {len(seeds)} seeds; allowed: {allowed}."
            raise InvalidValue(name, seeds, allowed, message=message, remedy="Ask for more takes, or give fewer seeds.")
        for seed in seeds:
            if not 0 <= seed <= MAX_SEED:
                raise InvalidValue(name, seed, f"0 to {MAX_SEED}")


T = TypeVar("T", bound="Task")


@dataclass(frozen=True)
class Task(TaskTraits, ABC):
    """A task: a frozen dataclass whose fields are the vocabulary of the command line, the wire and DAW scripts.

    Its class body holds its traits, see `TaskTraits`.
    """

    @property
    def chooses_base_model(self) -> bool:
        """Whether a neural engine has to choose a base model where none is named."""
        return self.needs_base_model

    @classmethod
    def has(cls, name: str) -> bool:
        """Return whether the task has a field of this name."""
        return name in {each.name for each in dataclasses.fields(cls)}

    @classmethod
    def returns_several(cls, tracks: int = 0) -> bool:
        """Return whether a take may have several outputs for this number of tracks; 0 is unknown."""
        return cls.has("tracks") and (bool(cls.roles) or tracks != 1)

    @property
    def output_spec(self) -> Output:
        """The output settings; a task that returns metadata alone has one take, with its seed if it has one."""
        output: Output | None = getattr(self, "output", None)
        if output is not None:
            return output
        seed: int | None = getattr(self, "seed", 0)
        return Output(seeds=() if seed is None else (seed,))

    def audio_inputs(self) -> dict[str, Source]:
        """Return the audio sources by the name of their field."""
        sources = {name: getattr(self, name, None) for name in AUDIO_FIELDS}
        return {name: source for name, source in sources.items() if source is not None}

    def words_to_sing(self, _engine: Engine) -> WordsToSing:
        """Return the words of the task's lyrics without times; where a region is made, those that an engine gets for it."""
        from acestep_runtime.lyrics.reading import words_to_sing

        music: Music | None = getattr(self, "music", None)
        return words_to_sing("" if music is None else music.lyrics)

    def locate(self: T, path_of: Callable[[str], str]) -> T:
        """Return the task with the paths of its stored sources, which ``path_of`` returns by asset id."""
        stored_sources = {name: source for name, source in self.audio_inputs().items() if source.asset_id}
        located: dict[str, object] = {
            name: dataclasses.replace(source, path=path_of(source.asset_id)) for name, source in stored_sources.items()
        }
        output: Output | None = getattr(self, "output", None)
        if output is not None and output.preview_id:
            located["output"] = dataclasses.replace(output, preview_id=path_of(output.preview_id))
        return dataclasses.replace(self, **located)

    def validate(self, infos: Mapping[str, MediaInfo] = MappingProxyType({})) -> None:
        """Check everything that needs no decoding of audio; raise `InvalidValue` for the first fault.

        Sources whose ``infos`` are given by the name of their field are not looked at.
        """
        from acestep_runtime.tasks.fit_checks import check_fit

        self.check_words()
        check_fit(type(self), self.output_spec)
        tracks: tuple[str, ...] | None = getattr(self, "tracks", None)
        if tracks is not None and (tracks or not self.decides_tracks):
            rest = f"What is in none of them comes as {OTHER!r} automatically." if OTHER in self.roles else ""
            check_tracks(tracks, rest)
        self._check_lyrics()
        self._check_chords()
        for name, source in self.audio_inputs().items():
            info, start, stop = source.part(name, infos.get(name))
            if name == "source":
                self.check_source(stop - start, info.sample_rate)

    def check_words(self) -> None:
        """Raise `InvalidValue` where words are missing that the task cannot do without."""

    def _check_lyrics(self) -> None:
        music: Music | None = getattr(self, "music", None)
        if music is not None and music.lyrics:
            from acestep_runtime.lyrics.files import file_name_error, is_file_name

            if is_file_name(music.lyrics):
                message = (
                    f"music.lyrics is {printable(music.lyrics.strip())}, the name of a file; allowed: words to sing."
                )
                raise file_name_error("music.lyrics", music.lyrics, message, "Give what is in the file.")

    def _check_chords(self) -> None:
        music: Music | None = getattr(self, "music", None)
        if music is not None and music.chords:
            from acestep_runtime.chords.read import chart_of, check_meter

            chart = chart_of(music, "music.chords")
            assert chart is not None
            check_meter(chart, music.timesignature, "music.chords")

    def check_source(self, frames: int, rate_hz: int) -> None:
        """Raise `InvalidValue` where the task cannot work on a source of this length, in frames at its own rate."""

    @abstractmethod
    def run(self, engine: Engine, cancel: CancelToken, done: int = 0) -> Iterator[TaskEvent]:
        """Run the engine once for each take after the first ``done`` takes, which exist from an earlier attempt."""


@dataclass(frozen=True)
class OutputHeader:
    """Announces output number ``output``: ``frames`` frames of ``role``, the first at ``start_frame`` of the source.

    ``chunks`` are those of its file beside the samples, see `acestep_runtime.audio.tags`.
    """

    output: int
    take: int
    role: str
    sample_rate: int
    channels: int
    encoding: str
    frames: int
    start_frame: int = 0
    chunks: bytes = b""


@dataclass(frozen=True)
class OutputBlock:
    """The next ``[n, C]`` samples of an output."""

    output: int
    samples: Samples


@dataclass(frozen=True)
class OutputLatents:
    """The latents of an output, where it was decoded from some; of a preview also the ``full`` ones of all roles."""

    output: int
    latents: TakeLatents | None
    full: FullLatents | None = None


@dataclass(frozen=True)
class Take:
    """The end of a take: all its outputs are complete. ``metadata`` describes it."""

    take: int
    seed: int
    metadata: TakeMetadata


TaskEvent = Progress | OutputHeader | OutputBlock | OutputLatents | Take


def check_tracks(tracks: tuple[str, ...], remedy: str = "") -> None:
    """Raise `InvalidValue` unless ``tracks`` are one to twelve different names of `TRACKS`, with ``remedy`` for other names."""
    for track in tracks:
        if track not in TRACKS:
            raise InvalidValue("tracks", track, ", ".join(TRACKS), remedy=remedy)
    if not tracks:
        allowed = ", ".join(TRACKS)
        raise InvalidValue(
            "tracks", "", allowed, message=f"No track is named; allowed: {allowed}.", remedy="Name at least one."
        )
    if len(set(tracks)) != len(tracks):
        raise InvalidValue("tracks", ", ".join(tracks), "each name once")
