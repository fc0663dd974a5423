"""`generate` and `analyze_audio`: one call, all tasks. Values go through the same checks as on the wire."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Mapping, Sequence

from acestep_runtime.engines.metadata import TakeMetadata
from acestep_runtime.errors import Cancelled, InvalidValue
from acestep_runtime.guide.mixing import mix
from acestep_runtime.guide.request import Order, name_as_given, order_of_call, order_of_task, to_plain
from acestep_runtime.guide.result import Result, Take
from acestep_runtime.guide.runners import Batch, Prefetch, Report, Runner, runner_for
from acestep_runtime.guide.sound import Audio, AudioLike, Folder, audio_of
from acestep_runtime.recording import RecordedTake
from acestep_runtime.tasks import TASKS, CreateSample, TextToMusic, Understand
from acestep_runtime.tasks.takes import next_seeds
from acestep_runtime.values import MIX, OTHER, CancelToken, Json

_MODES = ("custom", "simple")

_listening = threading.local()


def generate(
    task_type: str = "text2music",
    *,
    src_audio: AudioLike | None = None,
    reference_audio: AudioLike | None = None,
    caption: str | None = None,
    lyrics: str | None = None,
    vocal_language: str | None = None,
    bpm: float | None = None,
    keyscale: str | None = None,
    timesignature: int | str | None = None,
    duration: float | None = None,
    audio_cover_strength: float | None = None,
    repainting_start: float | None = None,
    repainting_end: float | None = None,
    repaint_mode: str | None = None,
    repaint_strength: float | None = None,
    track_name: str | None = None,
    track_names: Sequence[str] | None = None,
    mode: str = "custom",
    song_description: str | None = None,
    instrumental: bool = False,
    batch_size: int | None = None,
    seed: int | Sequence[int] | None = None,
    auto_lrc: bool = False,
    auto_score: bool = False,
    best_of: int | None = None,
    min_score: float | None = None,
    max_tries: int | None = None,
    score_by: str | None = None,
    keep_all: bool = False,
    auto_gen: bool = False,
    thinking: bool = False,
    lm_batch_chunk_size: int | None = None,
    offload_to_cpu: bool = False,
    offload_dit_to_cpu: bool = False,
    model: str | None = None,
    inference_steps: int | None = None,
    guidance_scale: float | None = None,
    engine: str = "auto",
    daemon: str | None = None,
    on_progress: Callable[[str, float], None] | None = None,
) -> Result:
    """Make music, and return its takes.

    What it should be: ``caption`` (style, instruments, mood), ``lyrics`` with section tags, ``vocal_language``, ``bpm``
    (30 to 300), ``keyscale`` ("C major", "Am"), ``timesignature`` (2, 3, 4, 6 or "3/4"). What is not given is heard in
    the source or chosen.

    What to do, ``task_type``:

    * ``text2music`` writes a song of ``duration`` seconds; without one, as long as the lyrics need.
    * ``cover`` plays ``src_audio`` in another style; ``audio_cover_strength`` 1 (default) follows it closely, 0 not at all.
    * ``repaint`` makes ``repainting_start`` to ``repainting_end`` seconds anew; −1 (default) is the end, a negative start
      puts music before the source, an end past it extends it. With ``repainting_end=-1``, ``duration`` adds that many
      seconds after the end. ``repaint_mode`` is "conservative", "balanced" or "aggressive".
    * ``lego`` plays ``track_name`` (or ``track_names``) to the source; the audio is both together, the stems the layers.
    * ``complete`` accompanies the source with ``track_names``; the audio is all together.
    * ``extract`` takes ``track_name`` (or ``track_names``) out of a mix; the stems also hold "other", what is left.

    ``src_audio`` is a path, a result, a take, an array ``[frames, channels]`` at 48 kHz, or (array, sample rate).
    The result takes its timbre from ``reference_audio``, where one is given; neural engines only.
    ``mode="simple"`` writes caption and lyrics from ``song_description``; what is given besides is kept.

    ``batch_size`` takes (1 to 8) are made, with ``seed`` (one, or one each) or random seeds. ``auto_lrc`` and
    ``auto_score`` add ``result["lrc"]`` and ``result["lyrics_alignment_score"]``.

    With ``best_of`` so many takes are made (1 to 64), of which the best ``batch_size`` come back, the best first; with
    ``min_score`` takes are made until ``batch_size`` of them score that much, at most ``max_tries`` (8). ``score_by`` is
    "lyrics_alignment", "quality" or "lm", by default the first, or quality where no words are sung. ``keep_all`` returns the
    others behind them. ``result.ranking`` tells the scores of all.

    ``auto_gen`` makes the next batch in the background, for `Result.next_batch`; it is dropped when the same thread asks for
    another with ``auto_gen``, or the result is gone.

    With ``thinking`` a language model plans the song first (text2music, lego, complete); ``result["plan"]`` is what it thought.
    ``lm_batch_chunk_size`` takes are thought about at once.

    ``engine`` is "auto", "draft" or "neural"; ``daemon="host:port"`` sends the same call to a daemon. ``thinking``,
    ``lm_batch_chunk_size``, ``offload_to_cpu``, ``offload_dit_to_cpu``, ``model``, ``inference_steps`` and
    ``guidance_scale`` are for neural engines; where one had no effect, ``result.notes`` says so. ``on_progress`` is
    called with a stage in plain words and the fraction done. Safe to call from several threads.

    Raises `InvalidValue` for what is not allowed, naming the argument, `UnreadableAudio` for a source that is none,
    `UnsupportedTask` for what an engine cannot do, and `EngineFailure`; with ``daemon`` also `acebridge.errors.Unavailable`
    when none answers and `acebridge.errors.JobFailed` when it goes away. KeyboardInterrupt stops the work.
    """
    if mode not in _MODES:
        raise InvalidValue("mode", mode, ", ".join(_MODES))
    if track_name is not None and track_names is not None:
        raise InvalidValue("track_name", track_name, "one of track_name and track_names, not both")
    given: dict[str, Json] = {
        "caption": caption, "lyrics": lyrics, "vocal_language": vocal_language, "bpm": bpm, "keyscale": keyscale,
        "timesignature": timesignature, "duration": duration, "audio_cover_strength": audio_cover_strength,
        "repainting_start": repainting_start, "repainting_end": repainting_end, "repaint_mode": repaint_mode,
        "repaint_strength": repaint_strength, "track_names": track_names if track_name is None else [track_name],
        "batch_size": batch_size, "seed": seed, "auto_lrc": auto_lrc, "auto_score": auto_score, "model": model,
        "best_of": best_of, "max_tries": max_tries, "min_score": min_score, "score_by": score_by, "keep_all": keep_all,
        "inference_steps": inference_steps, "guidance_scale": guidance_scale,
    }  # fmt: skip
    can_plan = task_type in TASKS and TASKS[task_type].can_plan
    if can_plan:
        given |= {"thinking": thinking, "lm_batch_chunk_size": lm_batch_chunk_size if thinking else None}
    runner, report = runner_for(daemon), on_progress or _quiet
    if mode == "simple":
        given = _compose(runner, given, task_type, song_description, instrumental, engine)
    elif song_description is not None:
        raise InvalidValue("song_description", song_description, "nothing in custom mode", remedy='Set mode="simple".')
    wanted = order_of_call(task_type, given, src_audio, engine, reference_audio)
    neural_only = {
        "lm_batch_chunk_size": lm_batch_chunk_size, "offload_to_cpu": offload_to_cpu,
        "offload_dit_to_cpu": offload_dit_to_cpu, "model": model, "inference_steps": inference_steps,
        "guidance_scale": guidance_scale,
    }  # fmt: skip
    unused = tuple(name for name, value in neural_only.items() if value)
    notes = () if can_plan or not thinking else (f"thinking has no use for {task_type}: it follows the source.",)
    return _Session(runner, wanted, unused, notes, report).first(auto_gen=auto_gen)


def analyze_audio(
    src_audio: AudioLike,
    *,
    bpm: float | None = None,
    keyscale: str | None = None,
    timesignature: int | str | None = None,
    engine: str = "auto",
    daemon: str | None = None,
) -> TakeMetadata:
    """Return what is heard in ``src_audio``: bpm, keyscale, timesignature, caption, duration, beats, chords, confidence…

    Facts that are given are kept, and help to hear the others. Raises as `generate` does.
    """
    known: dict[str, Json] = {"bpm": bpm, "keyscale": keyscale, "timesignature": timesignature}
    wanted = order_of_task(Understand.name, known, audio_of(src_audio), engine)
    return _metadata(runner_for(daemon), wanted)


def _quiet(_stage: str, _fraction: float) -> None:
    pass


def _metadata(runner: Runner, wanted: Order) -> TakeMetadata:
    """Return the metadata of a task that returns nothing else."""
    folder = Folder()
    try:
        batch = runner.run(wanted, folder.path, CancelToken(), _quiet)
    except InvalidValue as error:
        name_as_given(error, wanted.task)
        raise
    return batch.takes[0].metadata.copy()


def _compose(
    runner: Runner, given: Mapping[str, Json], task_type: str, description: str | None, instrumental: bool, engine: str
) -> dict[str, Json]:
    """Return the arguments with what is missing written from a description."""
    if task_type != TextToMusic.name:
        raise InvalidValue("mode", "simple", f"custom for {task_type}: simple writes whole songs")
    if not isinstance(description, str) or not description.strip():
        raise InvalidValue("song_description", description or "", "a sentence", remedy="Say what the song should be.")
    given = {name: to_plain(name, value) for name, value in given.items()}  # so that what is not given is None
    fields: dict[str, Json] = {"description": description, "instrumental": instrumental}
    if isinstance(seeds := given["seed"], list) and seeds:
        fields["seed"] = seeds[0]
    sheet = _metadata(runner, Order(CreateSample.name, fields, None, engine))
    found: dict[str, Json] = {
        "caption": sheet.get("caption"),
        "lyrics": sheet.get("lyrics"),
        "bpm": sheet.get("bpm"),
        "keyscale": sheet.get("keyscale"),
        "timesignature": sheet.get("timesignature"),
        "duration": sheet.get("duration"),
        "vocal_language": sheet.get("language"),
    }
    return {**given, **{name: value for name, value in found.items() if given.get(name) is None}}


class _Session:
    """One request and its batches, one after the other."""

    def __init__(
        self, runner: Runner, wanted: Order, unused: tuple[str, ...], notes: tuple[str, ...], report: Report
    ) -> None:
        self._runner, self._order, self._unused, self._notes, self._report = runner, wanted, unused, notes, report
        self._spent: frozenset[int] = frozenset()

    def first(self, *, auto_gen: bool) -> Result:
        if auto_gen:
            self._order = self._order.listened_to(_listener())
            _replace_prefetch(None)
        folder, cancel = Folder(), CancelToken()
        try:
            batch = self._runner.run(self._order, folder.path, cancel, self._report)
        except InvalidValue as error:
            name_as_given(error, self._order.task)
            raise
        # Every batch counts on from the one before, so only the first can hold seeds that lie ahead.
        self._spent = frozenset(batch.seeds)
        return self._result(batch, folder, auto_gen=auto_gen)

    def _result(self, batch: Batch, folder: Folder, *, auto_gen: bool) -> Result:
        takes = tuple(self._take(take, folder) for take in batch.takes)
        self._report("done", 1.0)
        first = takes[0]
        begun = self._prefetch(batch) if auto_gen else None
        made: list[tuple[Prefetch, Folder]] = [begun] if begun else []

        def next_batch() -> Result:
            for _ in range(2):
                prefetch, place = made[0] if made else self._prefetch(batch)
                made[:] = [(prefetch, place)]
                try:
                    return self._result(prefetch.wait(CancelToken(), self._report), place, auto_gen=auto_gen)
                except Cancelled:  # it was dropped for another request: make it again
                    made.clear()
                except BaseException:
                    made.clear()
                    raise
            raise Cancelled

        unused = [f"The draft engine has no use for {name}." for name in self._unused if batch.engine == "draft"]
        warnings = (warning for take in takes for warning in take.get("warnings", ()))
        notes = tuple(dict.fromkeys((*self._notes, *unused, *warnings)))
        result = Result(
            first.audio, first.stems, first.seed, first.metadata, takes, batch.engine, notes, batch.ranking, next_batch
        )  # fmt: skip
        if begun is not None:
            _replace_prefetch(begun[0])
            weakref.finalize(result, begun[0].drop)
        return result

    def _prefetch(self, batch: Batch) -> tuple[Prefetch, Folder]:
        folder, seeds = Folder(), next_seeds(batch.seeds[-1], len(batch.seeds), self._spent)
        return self._runner.prefetch(self._order.with_seeds(tuple(seeds)), batch, folder.path), folder

    def _take(self, take: RecordedTake, folder: Folder) -> Take:
        sounds = {output.header.role: Audio(output.path, folder) for output in take.outputs}
        mixed, source = sounds.pop(MIX, None), self._order.source
        if mixed is None and source is not None and TASKS[self._order.task].is_accompaniment:
            mixed = mix(source, *sounds.values())
        elif mixed is None:  # what was asked for, without the rest
            asked = [sounds[name] for name in sounds if name != OTHER] or list(sounds.values())
            mixed = asked[0] if len(asked) == 1 else mix(*asked)
        return Take(mixed, sounds, take.seed, take.metadata.copy())


def _listener() -> str:
    """Return a name for whoever listens in this thread, the same for all its requests."""
    import uuid

    if not hasattr(_listening, "name"):
        _listening.name = uuid.uuid4().hex
    name: str = _listening.name
    return name


def _replace_prefetch(prefetch: Prefetch | None) -> None:
    """Remember the batch that is made for this thread's listener, and drop the one before."""
    before: Callable[[], Prefetch | None] = getattr(_listening, "prefetch", lambda: None)
    if (old := before()) is not None:
        old.drop()
    _listening.prefetch = weakref.ref(prefetch) if prefetch is not None else (lambda: None)
