"""The engine protocol: what a task asks of an engine, and what comes back.

An engine sees one window of audio at 48 kHz stereo and knows nothing of files, projects, takes or splicing.

Letters: N frames of the window, 2 channels. Samples are float32 with full scale ±1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol, runtime_checkable

from acestep_runtime.values import CancelToken, Music, Sampling, Thinking

if TYPE_CHECKING:
    from acestep_runtime.audio.samples import Samples
    from acestep_runtime.engines.metadata import TakeMetadata


class TaskTraits:
    """What engines and clients must know of a task to serve it. Each task says it once, in the body of its dataclass.

    Nothing else classifies tasks: a list of tasks anywhere is a comprehension over `acestep_runtime.tasks.TASKS`.
    """

    #: Its name on the command line, in the Python API, in DAW scripts and in stored jobs.
    name: ClassVar[str]
    #: Its method of TaskService in tasks.proto; the request message is ``<rpc>Request``.
    rpc: ClassVar[str]
    #: What comes back: audio with metadata, metadata of a source, or metadata written from text.
    kind: ClassVar[Literal["audio", "analysis", "text"]]
    #: Roles of its audio beside one role for each track that the request names.
    roles: ClassVar[tuple[str, ...]] = ()
    #: Whether its tracks are meant to sound together with the source.
    plays_along: ClassVar[bool] = False
    #: Whether only base models of ACE-Step can do it; turbo and SFT models cannot.
    needs_base_model: ClassVar[bool] = False
    #: Whether a neural engine answers it with a language model alone.
    needs_language_model: ClassVar[bool] = False
    #: Whether a language model can plan the music first (``thinking``).
    can_plan: ClassVar[bool] = False
    #: Seconds of fade that a DAW puts at both ends of an output; 0 where it continues its surroundings exactly.
    fade_s: ClassVar[float] = 0.0


@dataclass(frozen=True)
class EngineRequest:
    """One piece of work on one window, as ``task`` asks for it.

    ``frames`` is N, the length of every role that comes back. ``source`` is ``[N, 2]``, silent where the window
    reaches past the song. ``span`` is the part to make anew, in frames of the window: inside it a repaint must not
    reuse the source as it stands, outside it the engine may return anything (tasks discard it). ``known`` is the part
    of the window that the song covers. ``tracks`` names the roles wanted by lego, extract and complete. ``auto_lrc`` and
    ``auto_score`` ask for the metadata ``lrc`` and ``score`` on top of the audio, where the engine can find them. ``seeds`` are
    those of all takes, which come as requests that differ in ``seed`` alone: an engine may make several at once.
    ``reference`` is 30 s ``[N, 2]`` of a recording whose timbre is wanted, ``codes`` are those of a plan to follow.
    """

    task: type[TaskTraits]
    frames: int
    seed: int
    music: Music = field(default_factory=Music)
    sampling: Sampling = field(default_factory=Sampling)
    source: Samples | None = None
    span: tuple[int, int] = (0, 0)
    known: tuple[int, int] = (0, 0)
    tracks: tuple[str, ...] = ()
    strength: float = 1.0
    mode: str = ""
    auto_lrc: bool = False
    auto_score: bool = False
    seeds: tuple[int, ...] = ()
    reference: Samples | None = None
    thinking: Thinking = field(default_factory=Thinking)
    codes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Progress:
    """``fraction`` of the engine's work that is done, 0 to 1, and the ``stage`` it is in, in plain words."""

    stage: str
    fraction: float


@dataclass(frozen=True)
class Block:
    """The next ``[n, 2]`` samples of ``role``. Blocks of one role are contiguous from frame 0 and add up to N."""

    role: str
    samples: Samples


@dataclass(frozen=True)
class Metadata:
    """What the engine found out or decided: ``values`` replace earlier ones of their name."""

    values: TakeMetadata


EngineEvent = Progress | Block | Metadata


@runtime_checkable
class ModelHost(Protocol):
    """An engine whose models take time and memory to load, so that they stay until another is wanted."""

    @property
    def loaded(self) -> tuple[str, ...]:
        """Names of the models that are loaded."""
        ...

    def load(self, model: str) -> str:
        """Load a model, and return its full name. Raises `InvalidValue` and `EngineFailure`."""
        ...

    def unload(self, model: str) -> None:
        """Free the memory of a model. One that is not loaded is no error."""
        ...


class Engine(Protocol):
    """Anything that can serve requests."""

    name: str
    #: Seconds of context that it uses on each side of a region; tasks read no more.
    context_limit_s: float
    #: Whether it uses the reference of a request.
    supports_reference: bool
    #: Whether it can plan music with a language model, and follows plans.
    supports_planning: bool

    def run(self, request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
        """Serve ``request``; check ``cancel`` at every step (it raises `Cancelled`).

        Deterministic: equal requests give equal blocks on one machine. An engine may keep what it computed for requests that
        differ in ``seed`` alone; nothing but the time it takes depends on that. Raises `UnsupportedTask` for a task the engine
        lacks and `InvalidValue` for audio it can make nothing of.
        """
        ...
