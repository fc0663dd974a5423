"""The engine protocol: requests of tasks, and events of engines.

An engine processes one window of audio at 48 kHz stereo. Files, projects, takes and splicing are left to tasks.

Letters: N frames of the window, 2 channels. Samples are float32 with full scale ±1.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol, runtime_checkable

from acestep_runtime.values import CancelToken, Morph, Music, Sampling, TakeSeed, Thinking, Variation

if TYPE_CHECKING:
    from acestep_runtime.audio.samples import Samples
    from acestep_runtime.engines.metadata import TakeMetadata
    from acestep_runtime.notes import MidiSong
    from acestep_runtime.previews import FullLatents, Preview
    from acestep_runtime.take_latents import TakeLatents


class TaskTraits:
    """Properties of a task for engines and clients. Each task sets them in the body of its dataclass.

    Nothing else classifies tasks: any list of tasks is a comprehension over `acestep_runtime.tasks.TASKS`.
    """

    #: Its name on the command line, in the Python API, in DAW scripts and in stored jobs.
    name: ClassVar[str]
    #: Its method of TaskService in tasks.proto; the request message is ``<rpc>Request``.
    rpc: ClassVar[str]
    #: The kind of output: audio with metadata, metadata of a source, or metadata written from text.
    kind: ClassVar[Literal["audio", "analysis", "text"]]
    #: Roles of its audio, in addition to one role for each track of the request.
    roles: ClassVar[tuple[str, ...]] = ()
    #: Whether its tracks are played together with the source.
    is_accompaniment: ClassVar[bool] = False
    #: Whether what it makes has to fit its source, so that `acestep_runtime.fit` can measure how well it does.
    fits_source: ClassVar[bool] = False
    #: Whether it may get no track: then the engine decides.
    decides_tracks: ClassVar[bool] = False
    #: Whether only base models of ACE-Step can do it; turbo and SFT models cannot.
    needs_base_model: ClassVar[bool] = False
    #: Whether a neural engine answers it with a language model alone.
    needs_language_model: ClassVar[bool] = False
    #: Whether a language model can plan the music first (``thinking``).
    can_plan: ClassVar[bool] = False
    #: Seconds of fade that a DAW applies at both ends of an output; 0 where it continues its surroundings exactly.
    fade_s: ClassVar[float] = 0.0


@dataclass(frozen=True)
class EngineRequest:
    """A request for one window of audio by ``task``.

    ``frames`` is N, the length of every output role. ``source`` is ``[N, 2]``, silent where the window reaches past the song.
    ``span`` is the region to generate, in frames of the window: inside it a repaint must not copy the source, outside it the
    engine may return anything (tasks discard it). ``known`` is the part of the window inside the song. ``tracks`` are the
    roles of lego, extract and complete. ``window_start_s`` is where the window begins in its song, in seconds. ``auto_lrc``
    and ``auto_score`` request the metadata ``lrc`` and ``score`` where the engine can compute them. ``variations`` are those
    of the take of ``seed``, see `TakeSeed`. ``take_seeds`` lists what all takes are drawn from; their requests differ only in
    ``seed`` and ``variations``, so an engine may generate several in one batch. ``reference`` is 30 s ``[N, 2]`` of a
    recording with the desired timbre, ``codes`` are those of a plan to follow. ``song_caption`` describes the song to which
    layers are made, the music's caption a layer. ``has_planned_length``: nobody asked for a length, and ``frames`` are what a
    `LengthPlanner` said. ``source_latents`` are those that the source was decoded from, as far as they are known. Of a
    ``preview`` only its bars are decoded: elsewhere the roles may be silent. With ``is_finishing`` the take has a preview
    whose latents are ``full``, where they are not lost: then nothing is denoised. ``guide_song`` are notes to follow from
    frame 0 on; ``guide`` is how an engine does that which does not play them: "codes" (or "") as a plan, "cover" as the source
    of a cover, in the share ``strength`` of its steps. ``contents`` ("mix", "part") and ``voices`` ("mono", "poly") say what a
    source to write down holds; "" is unknown.
    """

    task: type[TaskTraits]
    frames: int
    seed: int
    music: Music = field(default_factory=Music)
    sampling: Sampling = field(default_factory=Sampling)
    source: Samples | None = None
    span: tuple[int, int] = (0, 0)
    known: tuple[int, int] = (0, 0)
    window_start_s: float = 0.0
    tracks: tuple[str, ...] = ()
    strength: float = 1.0
    mode: str = ""
    auto_lrc: bool = False
    auto_score: bool = False
    take_seeds: tuple[TakeSeed, ...] = ()
    reference: Samples | None = None
    thinking: Thinking = field(default_factory=Thinking)
    codes: tuple[int, ...] = ()
    variations: tuple[Variation, ...] = ()
    song_caption: str = ""
    has_planned_length: bool = False
    morph: Morph = field(default_factory=Morph)
    source_latents: TakeLatents | None = None
    preview: Preview | None = None
    full: FullLatents | None = None
    is_finishing: bool = False
    guide: str = ""
    guide_song: MidiSong | None = None
    contents: str = ""
    voices: str = ""

    @property
    def chooses_base_model(self) -> bool:
        """Whether a base model is chosen where none is named; see `acestep_runtime.tasks.base.Task`."""
        return self.task.needs_base_model or (bool(self.morph.mode) and not self.sampling.model)

    @property
    def take_seed(self) -> TakeSeed:
        """What the take is drawn from."""
        return TakeSeed(self.seed, self.variations)


@dataclass(frozen=True)
class Progress:
    """Progress: the completed ``fraction``, 0 to 1, and a short description of the ``stage``.

    ``whole_s`` is how long all of it takes at the present pace, in seconds, ``None`` where the engine does not know.
    """

    stage: str
    fraction: float
    whole_s: float | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Block:
    """The next ``[n, 2]`` samples of ``role``. Blocks of one role are contiguous from frame 0 and add up to N.

    The first block of a role has its ``latents``, those of the whole window, where the role was decoded from some. That of a
    role of which only a ``preview`` is decoded says which bars, and has its ``full`` latents.
    """

    role: str
    samples: Samples
    latents: TakeLatents | None = None
    preview: Preview | None = None
    full: FullLatents | None = None


@dataclass(frozen=True)
class Metadata:
    """Metadata of the take: ``values`` replace earlier ones with the same name."""

    values: TakeMetadata


EngineEvent = Progress | Block | Metadata


@runtime_checkable
class ModelHost(Protocol):
    """An engine that keeps models in memory between requests."""

    @property
    def is_loading(self) -> bool:
        """Whether it loads a model now. Another thread may ask."""
        ...

    @property
    def resident_models(self) -> tuple[str, ...]:
        """Names of the models in memory."""
        ...

    def load(self, model: str) -> str:
        """Load a model and return its full name. Raises `InvalidValue` and `EngineFailure`."""
        ...

    def unload(self, model: str) -> None:
        """Free the memory of a model; no error if it is not in memory."""
        ...


@runtime_checkable
class ModelChooser(Protocol):
    """An engine that chooses among models."""

    def choose_model(self, model: str, *, needs_base: bool) -> str:
        """Return the full name of the model that a request for ``model`` gets; empty is the engine's choice.

        Raises `InvalidValue` for one that is not there, and `EngineFailure` where there is none.
        """
        ...


@runtime_checkable
class LengthPlanner(Protocol):
    """An engine that plans how long a song is."""

    def plan_length(self, request: EngineRequest, cancel: CancelToken) -> Generator[Progress, None, float | None]:
        """Yield progress; return the seconds in the plan of a request without a length, ``None`` where it cannot plan.

        The plan of the same request with that length has the same values.
        """
        ...


class Engine(Protocol):
    """An engine: serves requests."""

    name: str
    #: Seconds of context that the engine uses on each side of a region; tasks read no more.
    context_limit_s: float
    #: Whether the engine uses the timbre reference of a request.
    supports_reference: bool
    #: Whether the engine has a model with settings of its sampling.
    supports_sampling: bool
    #: Whether the engine can plan music with a language model and follow plans.
    supports_planning: bool
    #: Whether the engine reads the words around a region too, as it hears the music there.
    reads_context: bool
    #: Whether the engine makes audio from latents, and can go on from those of a source.
    has_latents: bool

    def model_kind(self, task: type[TaskTraits], model: str) -> str:
        """Return turbo, base or sft, the kind of the model that a request for ``task`` takes; "" for an engine without models.

        Raises `InvalidValue` and `EngineFailure` for a ``model`` that cannot be used.
        """
        ...

    def run(self, request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
        """Serve ``request``; check ``cancel`` at every step (it raises `Cancelled`).

        Deterministic: equal requests give equal blocks on one machine. An engine may cache results for requests that differ
        only in ``seed`` and ``variations``; the cache affects only the time. Raises `UnsupportedTask` for a task the engine
        lacks and `InvalidValue` for unusable audio.
        """
        ...
