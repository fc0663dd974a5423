"""`generate` and `analyze_audio`: one call for all tasks. Values pass the same checks as on the wire."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from acestep_runtime.engines.metadata import TakeMetadata
from acestep_runtime.errors import Cancelled, InvalidValue
from acestep_runtime.guide.mixing import mix
from acestep_runtime.guide.request import Order, order_for_task, order_from_call, to_plain, use_argument_name
from acestep_runtime.guide.result import Result, Take
from acestep_runtime.guide.runners import Batch, Prefetch, Report, Runner, ignore_progress, runner_for
from acestep_runtime.guide.sound import Audio, AudioLike, to_audio
from acestep_runtime.recording import TakeFiles
from acestep_runtime.tasks import TASKS, CreateSample, TextToMusic, Understand
from acestep_runtime.tasks.takes import next_seeds
from acestep_runtime.temporary_folder import Folder
from acestep_runtime.values import MIX, OTHER, CancelToken, Json, TakeSeed, Variation

_MODES = ("custom", "simple")

_thread_session = threading.local()


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
    chords: str | None = None,
    duration: float | None = None,
    midi: str | Path | bytes | None = None,
    guide: str | None = None,
    audio_cover_strength: float | None = None,
    morph: str | None = None,
    source_caption: str | None = None,
    source_lyrics: str | None = None,
    morph_start: float | None = None,
    morph_end: float | None = None,
    morph_draws: int | None = None,
    repainting_start: float | None = None,
    repainting_end: float | None = None,
    repaint_mode: str | None = None,
    repaint_strength: float | None = None,
    match_loudness: bool | None = None,
    loudness_of: str | None = None,
    track_name: str | None = None,
    track_names: Sequence[str] | None = None,
    song_caption: str | None = None,
    mode: str = "custom",
    song_description: str | None = None,
    instrumental: bool = False,
    batch_size: int | None = None,
    seed: int | Sequence[int] | None = None,
    variation: float | None = None,
    variation_seed: int | Sequence[int] | None = None,
    auto_lrc: bool = False,
    auto_score: bool = False,
    best_of: int | None = None,
    min_score: float | None = None,
    max_tries: int | None = None,
    score_by: str | None = None,
    keep_all: bool = False,
    fix_timing: bool = False,
    preview_bars: int | None = None,
    auto_gen: bool = False,
    thinking: bool = False,
    lm_batch_chunk_size: int | None = None,
    offload_to_cpu: bool = False,
    offload_dit_to_cpu: bool = False,
    model: str | None = None,
    vae: str | None = None,
    inference_steps: int | None = None,
    guidance_scale: float | None = None,
    guidance_method: str | None = None,
    sampler: str | None = None,
    dcw: str | None = None,
    dcw_strength: float | None = None,
    dcw_high_strength: float | None = None,
    engine: str = "auto",
    daemon: str | None = None,
    on_progress: Callable[[str, float], None] | None = None,
) -> Result:
    """Generate music, and return its takes.

    The music: ``caption`` (style, instruments, mood), ``lyrics`` with section tags, ``vocal_language``, ``bpm``
    (30 to 300), ``keyscale`` ("C major", "Am"), ``timesignature`` (2, 3, 4, 6 or "3/4"). Missing values are estimated
    from the source or chosen by the engine. ``chords`` are text such as "Am F C G", a chord a bar, "| C . G/B . | Am7 F |" or
    "[Verse] Am F [Chorus] F G"; numerals such as "vi IV I V" take a ``keyscale``. They begin at the first bar of the song or
    the region; the draft engine plays them. docs/chords.md has the rest.

    The task, ``task_type``:

    * ``text2music`` writes a song of ``duration`` seconds; without one, as long as the lyrics need. It follows the notes of
      ``midi``, a MIDI file or its bytes, and is as long as they are; for neural engines ``guide`` is "codes" (default), as a
      plan, or "cover", and ``audio_cover_strength`` the share of the steps that follow them.
    * ``cover`` plays ``src_audio`` in another style; ``audio_cover_strength`` 1 (default) follows it closely, 0 not at all.
      With ``morph`` "words", "style" or "all" it changes these and keeps the arrangement; ``source_caption`` and
      ``source_lyrics`` are what the source has, where the new ones differ. docs/neural.md has the rest; neural engines only.
    * ``repaint`` regenerates ``repainting_start`` to ``repainting_end`` seconds; −1 (default) is the end, a negative start
      prepends music, an end past the source extends it. With ``repainting_end=-1``, ``duration`` adds that many
      seconds after the end. ``repaint_mode`` is "conservative", "balanced" or "aggressive". The new audio is as loud as what
      was there, or, with ``loudness_of="context"``, as the last second on each side; ``match_loudness=False`` leaves it alone.
    * ``lego`` plays ``track_name`` (or ``track_names``) to the source; the audio is the mix of both, the stems the layers.
      ``song_caption`` describes the song, beside the caption of the layer, for models that were trained for layers.
    * ``complete`` accompanies the source with ``track_names``; the audio is the mix.
    * ``extract`` separates ``track_name`` (or ``track_names``) from a mix; the stems also hold "other", the remainder.

    ``src_audio`` is a path, a result, a take, an array ``[frames, channels]`` at 48 kHz, or (array, sample rate).
    The timbre follows ``reference_audio``, where one is given; neural engines only.
    ``mode="simple"`` writes caption and lyrics from ``song_description``; other arguments are kept.

    A call returns ``batch_size`` takes (1 to 8), with ``seed`` (one, or one each) or random seeds. ``auto_lrc`` and
    ``auto_score`` add ``result["lrc"]`` and ``result["lyrics_alignment_score"]``.

    With ``variation``, 0 to 1, the takes are variations of the take of ``seed``: near it where it is small, at 1 the takes of
    ``variation_seed`` (one, or one each; drawn where not given). `Take.vary` varies a take that is there.

    ``best_of`` generates that many takes (1 to 64) and returns the best ``batch_size``, the best first;
    ``min_score`` generates takes until ``batch_size`` of them reach it, at most ``max_tries`` (8). ``score_by`` is
    "lyrics_alignment", "quality", "lm" or, with ``src_audio``, "fit"; by default the first, or quality for music without words,
    and for layers (lego, complete) the fit.
    ``keep_all`` returns the others after them. ``result.ranking`` has the scores of all.

    Of lego and complete, where one take is asked for without a seed, up to 3 are made until one fits ``src_audio`` well, and
    the best is returned; ``best_of=1`` makes one. ``fix_timing`` moves what is early or late in a lego, complete, repaint or
    cover; ``take["notes"]`` says what was done. ``take["fit_score"]`` is there in both cases, and with ``auto_score``.

    With ``preview_bars`` only this many bars of each take are decoded, in a repaint or layer from the start of the region on;
    ``take["preview"]`` says how long they are, and `Take.finish` decodes the rest.

    ``auto_gen`` generates the next batch in the background, for `Result.next_batch`; it is dropped when the same thread asks
    for another with ``auto_gen``, or the result is gone.

    With ``thinking`` a language model plans the song first (text2music, lego, complete); ``result["plan"]`` is its plan.
    ``lm_batch_chunk_size`` takes are planned at once.

    ``engine`` is "auto", "draft" or "neural"; ``daemon="host:port"`` sends the same call to a daemon. ``thinking``,
    ``lm_batch_chunk_size``, ``offload_to_cpu``, ``offload_dit_to_cpu``, ``inference_steps``, ``guidance_scale``,
    ``guidance_method``, ``sampler`` and ``dcw`` with its strengths (docs/neural.md has their values) are for neural engines;
    where one has no effect, ``result.notes`` says so. ``model`` is refused by other engines. ``on_progress`` is called with a
    stage in plain words and the fraction done. Safe to call from several threads.

    Raises `InvalidValue` with the name of the argument, `UnreadableAudio` for a source that is not audio,
    `UnsupportedTask` for what an engine cannot do, and `EngineFailure`; with ``daemon`` also `acebridge.errors.Unavailable`
    when none answers and `acebridge.errors.JobFailed` when it goes away. KeyboardInterrupt stops the work.
    """
    if mode not in _MODES:
        raise InvalidValue("mode", mode, ", ".join(_MODES))
    if track_name is not None and track_names is not None:
        raise InvalidValue("track_name", track_name, "one of track_name and track_names, not both")
    arguments: dict[str, Json] = {
        "caption": caption, "lyrics": lyrics, "vocal_language": vocal_language, "bpm": bpm, "keyscale": keyscale,
        "timesignature": timesignature, "chords": chords, "duration": duration, "audio_cover_strength": audio_cover_strength,
        "midi": None if midi is None else _midi_text(midi), "guide": guide,
        "repainting_start": repainting_start, "repainting_end": repainting_end, "repaint_mode": repaint_mode,
        "repaint_strength": repaint_strength, "match_loudness": match_loudness, "loudness_of": loudness_of,
        "track_names": track_names if track_name is None else [track_name], "song_caption": song_caption,
        "morph": morph, "source_caption": source_caption, "source_lyrics": source_lyrics, "morph_start": morph_start,
        "morph_end": morph_end, "morph_draws": morph_draws,
        "batch_size": batch_size, "seed": seed, "auto_lrc": auto_lrc, "auto_score": auto_score, "model": model, "vae": vae,
        "best_of": best_of, "max_tries": max_tries, "min_score": min_score, "score_by": score_by, "keep_all": keep_all,
        "inference_steps": inference_steps, "guidance_scale": guidance_scale, "guidance_method": guidance_method,
        "sampler": sampler, "dcw": dcw, "dcw_strength": dcw_strength, "dcw_high_strength": dcw_high_strength,
        "variation": variation, "variation_seed": variation_seed, "preview_bars": preview_bars,
        "fix_timing": fix_timing,
    }  # fmt: skip
    can_plan = task_type in TASKS and TASKS[task_type].can_plan
    if can_plan:
        arguments |= {"thinking": thinking, "lm_batch_chunk_size": lm_batch_chunk_size if thinking else None}
    runner, report = runner_for(daemon), on_progress or ignore_progress
    if mode == "simple":
        arguments = _compose_missing(runner, arguments, task_type, song_description, instrumental, engine)
    elif song_description is not None:
        raise InvalidValue("song_description", song_description, "nothing in custom mode", remedy='Set mode="simple".')
    order = order_from_call(task_type, arguments, src_audio, engine, reference_audio)
    neural_only = {
        "lm_batch_chunk_size": lm_batch_chunk_size, "offload_to_cpu": offload_to_cpu,
        "offload_dit_to_cpu": offload_dit_to_cpu,
    }  # fmt: skip
    unused = tuple(name for name, value in neural_only.items() if value)
    notes = () if can_plan or not thinking else (f"thinking has no use for {task_type}: it follows the source.",)
    return _Session(runner, order, unused, notes, report).first(auto_gen=auto_gen)


def _midi_text(midi: str | Path | bytes) -> str:
    """Return a MIDI file, or its bytes, as a request holds it. Raises `InvalidValue` for a file that cannot be read."""
    from acestep_runtime.midi.files import file_text, read_file_text

    return file_text(midi) if isinstance(midi, bytes) else read_file_text(Path(midi))


def analyze_audio(
    src_audio: AudioLike,
    *,
    bpm: float | None = None,
    keyscale: str | None = None,
    timesignature: int | str | None = None,
    engine: str = "auto",
    daemon: str | None = None,
) -> TakeMetadata:
    """Analyse ``src_audio``; return bpm, keyscale, timesignature, caption, duration, beats, chords, confidence…

    ``bpm``, ``keyscale`` and ``timesignature`` are ``None`` where they are not heard; ``certainty`` says of "tempo", "key" and
    "meter" whether they are "sure", "perhaps" so or "not heard". Given values are kept, and help to estimate the others.
    Raises as `generate` does.
    """
    arguments: dict[str, Json] = {"bpm": bpm, "keyscale": keyscale, "timesignature": timesignature}
    order = order_for_task(Understand.name, arguments, to_audio(src_audio), engine)
    return {"bpm": None, "keyscale": None, "timesignature": None, **run_for_metadata(runner_for(daemon), order)}


def run_for_metadata(runner: Runner, order: Order) -> TakeMetadata:
    """Return the metadata of a task without audio."""
    folder = Folder()
    try:
        batch = runner.run(order, folder.path, CancelToken(), ignore_progress)
    except InvalidValue as error:
        use_argument_name(error, order.task)
        raise
    return batch.takes[0].metadata.copy()


def _compose_missing(
    runner: Runner,
    arguments: Mapping[str, Json],
    task_type: str,
    description: str | None,
    instrumental: bool,
    engine: str,
) -> dict[str, Json]:
    """Return the arguments, with missing ones written from a description."""
    if task_type != TextToMusic.name:
        raise InvalidValue("mode", "simple", f"custom for {task_type}: simple writes whole songs")
    if not isinstance(description, str) or not description.strip():
        raise InvalidValue("song_description", description or "", "a sentence", remedy="Say what the song should be.")
    arguments = {name: to_plain(name, value) for name, value in arguments.items()}  # so that missing ones are None
    fields: dict[str, Json] = {"description": description, "instrumental": instrumental}
    if isinstance(seeds := arguments["seed"], list) and seeds:
        fields["seed"] = seeds[0]
    sheet = run_for_metadata(runner, Order(CreateSample.name, fields, None, engine))
    sheet_arguments: dict[str, Json] = {
        "caption": sheet.get("caption"),
        "lyrics": sheet.get("lyrics"),
        "bpm": sheet.get("bpm"),
        "keyscale": sheet.get("keyscale"),
        "timesignature": sheet.get("timesignature"),
        "duration": sheet.get("duration_s"),
        "vocal_language": sheet.get("language"),
    }
    return {**arguments, **{name: value for name, value in sheet_arguments.items() if arguments.get(name) is None}}


class _Session:
    """One request and its successive batches."""

    def __init__(
        self, runner: Runner, order: Order, unused: tuple[str, ...], notes: tuple[str, ...], report: Report
    ) -> None:
        self._runner, self._order, self._unused, self._notes, self._report = runner, order, unused, notes, report
        self._used_seeds: frozenset[int] = frozenset()

    def first(self, *, auto_gen: bool) -> Result:
        if auto_gen:
            self._order = self._order.with_prefetch(_session_name())
            _replace_prefetch(None)
        folder, cancel = Folder(), CancelToken()
        try:
            batch = self._runner.run(self._order, folder.path, cancel, self._report)
        except InvalidValue as error:
            use_argument_name(error, self._order.task)
            raise
        # Every batch continues the seeds of the one before, so only the first can hold seeds that lie ahead.
        self._used_seeds = frozenset(batch.seeds)
        return self._result(batch, folder, auto_gen=auto_gen)

    def _result(self, batch: Batch, folder: Folder, *, auto_gen: bool) -> Result:
        stored, engine = bool(batch.job_id), batch.engine
        takes = tuple(self._take(take, folder, engine, is_stored=stored) for take in batch.takes)
        self._report("done", 1.0)
        first = takes[0]
        first_prefetch = self._prefetch(batch) if auto_gen else None
        pending: list[tuple[Prefetch, Folder]] = [first_prefetch] if first_prefetch else []

        def next_batch() -> Result:
            for _ in range(2):
                prefetch, place = pending[0] if pending else self._prefetch(batch)
                pending[:] = [(prefetch, place)]
                try:
                    return self._result(prefetch.wait(CancelToken(), self._report), place, auto_gen=auto_gen)
                except Cancelled:  # it was dropped for another request: run it again
                    pending.clear()
                except BaseException:
                    pending.clear()
                    raise
            raise Cancelled

        unused = [f"The draft engine has no use for {name}." for name in self._unused if batch.engine == "draft"]
        warnings = (warning for take in takes for warning in take.get("warnings", ()))
        notes = tuple(dict.fromkeys((*self._notes, *unused, *warnings)))
        result = Result(
            first.audio, first.stems, first.seed, first.metadata, first.vary_by, first.finish_by, takes, batch.engine, notes,
            batch.ranking, next_batch,
        )  # fmt: skip
        if first_prefetch is not None:
            _replace_prefetch(first_prefetch[0])
            weakref.finalize(result, first_prefetch[0].drop)
        return result

    def _prefetch(self, batch: Batch) -> tuple[Prefetch, Folder]:
        folder, seeds = Folder(), next_seeds(batch.seeds[-1], len(batch.seeds), self._used_seeds)
        order = self._order.with_seeds(tuple(seeds), batch.takes[0].seed)
        return self._runner.prefetch(order, batch, folder.path), folder

    def _take(self, take: TakeFiles, folder: Folder, engine: str, *, is_stored: bool) -> Take:
        """Return a take whose files are in ``folder``; ``is_stored``: a daemon has them too."""
        sounds = {output.header.role: Audio(output.path, folder) for output in take.outputs}
        mixture, source = sounds.pop(MIX, None), self._order.source
        if mixture is None and source is not None and TASKS[self._order.task].is_accompaniment:
            mixture = mix(source, *sounds.values())
        elif mixture is None:  # the requested stems, without the remainder
            requested = [sounds[name] for name in sounds if name != OTHER] or list(sounds.values())
            mixture = requested[0] if len(requested) == 1 else mix(*requested)
        steps = tuple(Variation(step["amount"], step["seed"]) for step in take.metadata.get("variations", ()))

        def vary(amount: float, batch_size: int) -> Result:
            order = self._order.vary(TakeSeed(take.seed, steps), amount, batch_size)
            return _Session(self._runner, order, self._unused, self._notes, self._report).first(auto_gen=False)

        def finish() -> Result:
            first = take.outputs[0]
            preview_id = first.sha256 if is_stored else str(folder.path / first.path.name)
            order = self._order.finish(TakeSeed(take.seed, steps), preview_id, engine)
            return _Session(self._runner, order, self._unused, self._notes, self._report).first(auto_gen=False)

        is_preview = "preview" in take.metadata
        return Take(mixture, sounds, take.seed, take.metadata.copy(), vary, finish if is_preview else None)


def _session_name() -> str:
    """Return the name of this thread's session, the same for all its requests."""
    import uuid

    if not hasattr(_thread_session, "name"):
        _thread_session.name = uuid.uuid4().hex
    name: str = _thread_session.name
    return name


def _replace_prefetch(prefetch: Prefetch | None) -> None:
    """Store the prefetched batch of this thread, and drop the one before."""
    before: Callable[[], Prefetch | None] = getattr(_thread_session, "prefetch", lambda: None)
    if (old := before()) is not None:
        old.drop()
    _thread_session.prefetch = weakref.ref(prefetch) if prefetch is not None else (lambda: None)
