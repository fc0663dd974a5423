"""Tasks with an engine whose every sample is known, and with engines that violate the protocol."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acestep_runtime.audio import convert, decode, wav
from acestep_runtime.audio.samples import Samples
from acestep_runtime.engines.base import Block, EngineEvent, EngineRequest, Metadata, Progress
from acestep_runtime.engines.fake import FakeEngine, tone
from acestep_runtime.errors import Cancelled, EngineFailure, InvalidValue, UnreadableAudio
from acestep_runtime.limits import Limits, limits_of, validate
from acestep_runtime.tasks import TASKS, build_task, to_fields, with_all_seeds
from acestep_runtime.tasks.base import Output, OutputBlock, OutputHeader, Source, Take
from acestep_runtime.tasks.extract import Extract
from acestep_runtime.tasks.lego import Lego
from acestep_runtime.tasks.repaint import Repaint
from acestep_runtime.tasks.source_audio import Clip
from acestep_runtime.tasks.text2music import TextToMusic
from acestep_runtime.values import TRACKS, Adapter, CancelToken, Key, Morph, Music, Sampling
from tests.support.signals import noise


@dataclass
class Recorder:
    """The fake engine, with what it was asked."""

    name: str = "fake"
    context_limit_s: float = math.inf
    reads_context: bool = False
    has_latents: bool = False
    requests: list[EngineRequest] = field(default_factory=list)

    def run(self, request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
        self.requests.append(request)
        return FakeEngine().run(request, cancel)


@dataclass
class Recording:
    headers: dict[int, OutputHeader]
    samples: dict[int, Samples]
    takes: list[Take]


def play(task: Any, engine: Any = None) -> Recording:
    """Perform a task, asserting what every task promises."""
    headers: dict[int, OutputHeader] = {}
    blocks: dict[int, list[Samples]] = {}
    takes: list[Take] = []
    fraction = 0.0
    for event in task.run(engine or FakeEngine(), CancelToken()):
        if isinstance(event, Progress):
            assert fraction <= event.fraction <= 1
            fraction = event.fraction
        elif isinstance(event, OutputHeader):
            assert event.output == len(headers)
            assert event.take == len(takes)
            headers[event.output], blocks[event.output] = event, []
        elif isinstance(event, OutputBlock):
            assert event.samples.dtype == np.float32
            assert event.samples.shape[1] == headers[event.output].channels
            blocks[event.output].append(event.samples)
        else:
            assert isinstance(event, Take)
            takes.append(event)
    samples = {number: np.concatenate(parts) for number, parts in blocks.items()}
    for number, header in headers.items():
        assert len(samples[number]) == header.frames
        assert np.isfinite(samples[number]).all()
    return Recording(headers, samples, takes)


@pytest.fixture
def song(tmp_path: Path) -> Path:
    wav.write(tmp_path / "song.wav", noise(2.0, rate_hz=44_100), 44_100, "float32")
    return tmp_path / "song.wav"


# ---- JSON ----

TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
BY_NAME: dict[str, st.SearchStrategy[Any]] = {
    "keyscale": st.none() | st.builds(lambda t, m: str(Key(t, m)), st.integers(0, 11), st.sampled_from(["major", "minor"])),
    "preview_id": st.just(""),  # with one take alone
    "preview_bars": st.none(),  # not with scores
    "path": st.text(st.characters(codec="utf-8"), min_size=1, max_size=12),
    "seeds": st.lists(st.integers(0, 2**32 - 1), max_size=8).map(tuple),
    "tracks": st.lists(st.sampled_from(TRACKS), unique=True).map(tuple),
    "mode": st.sampled_from(["conservative", "balanced", "aggressive"]),
    "scope": st.sampled_from(["whole", "region"]),
    "encoding": st.sampled_from(["float32", "pcm24", "pcm16"]),
    "timesteps": st.lists(st.floats(0.01, 1), max_size=4).map(lambda levels: tuple(sorted(levels, reverse=True))),
    "timesignature": st.sampled_from([None, 2, 3, 4, 6]),
}  # fmt: skip


def values_of(kind: type[Any]) -> st.SearchStrategy[Any]:
    """Any valid instance of a task or of one of its parts, within the limits that its fields declare."""
    hints = typing.get_type_hints(kind)
    fields = {f.name: _value_of(f, hints[f.name]) for f in dataclasses.fields(kind)}
    if kind is Adapter:
        fields["name"] = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
    if kind is Morph:  # one that changes something
        other = {"caption": st.just("of the source"), "lyrics": st.just("of the source"), "draws": fields["draws"]}
        return st.just(Morph()) | st.builds(Morph, st.sampled_from(["words", "style", "all"]), **other)
    if kind is not Output:
        return st.builds(kind, **fields)
    # No more seeds than takes, and nothing of a choice without one.
    plain = {
        **fields,
        "tries": st.none(),
        "min_score": st.none(),
        "score_by": st.just(""),
        "keep_all": st.just(False),
    }
    without = {"seeds": st.just(()), "variation_seeds": st.just(())}
    some = {**plain, "takes": st.just(8)}
    choosing = {**fields, "takes": st.integers(1, 8), "tries": st.integers(8, 64)}
    return st.one_of(*(st.builds(kind, **each) for each in ({**plain, **without}, some, choosing)))


def _value_of(f: dataclasses.Field[Any], hint: Any) -> st.SearchStrategy[Any]:
    if f.name in BY_NAME:
        return BY_NAME[f.name]
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    (value_type,) = (option for option in options if option is not type(None))
    limits = limits_of(f) or Limits()
    low, high = limits.low, limits.high
    if limits.choices:
        strategy = st.sampled_from(limits.choices)
    elif dataclasses.is_dataclass(value_type):
        strategy = values_of(typing.cast(type[Any], value_type))
    elif value_type is float:
        strategy = st.floats(low, high, allow_nan=False, allow_infinity=False)
    elif typing.get_origin(value_type) is tuple:
        of = typing.get_args(value_type)[0]
        each = values_of(of) if dataclasses.is_dataclass(of) else st.integers(low, high)
        strategy = st.lists(each, max_size=3, unique_by=lambda item: getattr(item, "name", id(item))).map(tuple)
    elif value_type is bool:
        strategy = st.booleans()
    elif value_type is int:
        strategy = st.integers(low, high)
    else:
        strategy = TEXT
    return strategy if len(options) == 1 else st.none() | strategy


@settings(deadline=None, max_examples=100)
@given(data=st.data(), name=st.sampled_from(sorted(TASKS)))
def test_tasks_survive_json(data: st.DataObject, name: str) -> None:
    import json

    task = data.draw(values_of(TASKS[name]))
    validate(task)
    fields = json.loads(json.dumps(to_fields(task)))
    assert build_task(name, fields) == task
    seeded = with_all_seeds(task)
    assert with_all_seeds(seeded) == seeded
    if hasattr(task, "output"):
        assert len(seeded.output.seeds) == len(seeded.output.take_seeds) == seeded.output.count
        assert dataclasses.replace(seeded, output=task.output) == task


def test_only_changed_fields_are_written_and_paths_are_located(song: Path) -> None:
    task = Repaint(Source(asset_id="1", name="x"), Music(bpm=90.0), start_s=1.0)
    fields = to_fields(task)
    assert fields == {"source": {"asset_id": "1", "name": "x"}, "music": {"bpm": 90.0}, "start_s": 1.0}
    built = build_task("repaint", fields).locate({"1": str(song)}.__getitem__)
    assert built.audio_inputs()["source"].path == str(song)
    assert build_task("repaint", fields) == task


def test_a_source_needs_a_path_or_an_asset() -> None:
    with pytest.raises(
        InvalidValue, match=r"^source\.path is ''; allowed: the path of an audio file, or asset_id instead"
    ):
        build_task("repaint", {"source": {"name": "x"}})


@pytest.mark.parametrize(
    ("name", "fields", "blamed", "says"),
    [
        ("sing", {}, "task", "task is 'sing'; allowed: text2music, cover,"),
        ("text2music", {"colour": 1}, "colour", "colour is 1; allowed: the fields codes, duration_s, guide, midi, music,"),
        ("text2music", {"music": {"tempo": 1}}, "music.tempo", "music.tempo is 1; allowed: the fields bpm,"),
        ("text2music", {"duration_s": "long"}, "duration_s", "duration_s is 'long'; allowed: a value of type float."),
        ("text2music", {"duration_s": True}, "duration_s", "duration_s is True; allowed: a value of type float."),
        ("text2music", {"output": {"takes": 1.5}}, "output.takes", "output.takes is 1.5; allowed: a value of type int."),
        ("text2music", {"output": {"takes": None}}, "output.takes", "output.takes is None; allowed: a value of type int."),
        ("text2music", {"output": {"seeds": ["x"]}}, "output.seeds", "output.seeds is 'x'; allowed: a value of type int."),
        ("text2music", {"output": {"seeds": [-1]}}, "output.seeds", "output.seeds is -1; allowed: 0 to 4294967295."),
        ("text2music", {"music": {"keyscale": "H"}}, "music.keyscale", "music.keyscale is 'H'; allowed: A to G,"),
        ("text2music", {"music": {"bpm": float("nan")}}, "music.bpm", "music.bpm is nan; allowed: 30 to 300"),
        ("text2music", {"music": "loud"}, "music", "music is 'loud'; allowed: an object."),
        ("text2music", {"output": {"seeds": 3}}, "output.seeds", "output.seeds is 3; allowed: a list."),
        ("repaint", {}, "source", "source is missing."),
        ("repaint", {"source": {"path": "x", "start_s": -1.0}}, "source.region.start_s", "source.region.start_s is -1.0;"),
    ],
)  # fmt: skip
def test_json_of_no_task_is_refused(name: str, fields: dict[str, Any], blamed: str, says: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        build_task(name, fields)
    assert caught.value.field == blamed
    assert str(caught.value).startswith(says)


# ---- repaint ----


@settings(deadline=None, max_examples=30)
@given(
    start=st.integers(-20_000, 88_200),
    length=st.integers(1, 120_000),
    context_s=st.sampled_from([0.0, 0.1, 5.0]),
    crossfade_ms=st.sampled_from([0.0, 10.0, 200.0]),
    whole=st.booleans(),
    channels=st.sampled_from([None, 1, 2]),
    loud=st.booleans(),
)
def test_a_repaint_changes_its_region_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory,
    start: int,
    length: int,
    context_s: float,
    crossfade_ms: float,
    whole: bool,
    channels: int | None,
    loud: bool,
) -> None:
    rate = 44_100
    stop = max(start + length, 0)
    stop = stop if stop > start else start + 1
    source = noise(2.0, rate_hz=rate)
    path = tmp_path_factory.mktemp("x") / "song.wav"
    wav.write(path, source, rate, "float32")
    task = Repaint(
        Source(str(path)),
        start_s=start / rate,
        end_s=stop / rate,
        context_s=context_s,
        crossfade_ms=crossfade_ms,
        match_loudness=loud,
        scope="whole" if whole else "region",
        output=Output(seeds=(5, 6), takes=2, channels=channels),
    )
    task.validate()
    engine = Recorder()
    outcome = play(task, engine)
    source = convert.to_channels(source, channels or 2)
    fade = round(crossfade_ms * rate / 1000)
    before, after = min(fade, max(0, start)), min(fade, max(0, len(source) - stop))
    prepended = max(0, -start)
    for number, header in outcome.headers.items():
        got = outcome.samples[number]
        if not whole:
            assert header.frames == before + (stop - start) + after
            assert header.start_frame == start - before
            continue
        assert header.frames == max(stop, len(source)) + prepended
        assert header.start_frame == -prepended
        left, right = max(0, start - before), min(len(source), stop + after)
        assert np.array_equal(got[prepended : prepended + left], source[:left])
        assert np.array_equal(got[prepended + right : prepended + len(source)], source[right:])
    if whole:
        part = play(dataclasses.replace(task, scope="region"))
        first = prepended + start - before
        for number, samples in part.samples.items():
            assert np.array_equal(outcome.samples[number][first : first + len(samples)], samples)
    # The engine's window is no longer than region and contexts, with the region marked in it.
    for request in engine.requests:
        assert request.source is not None
        assert len(request.source) == request.frames
        longest_s = (stop - start) / rate + 2 * max(context_s, fade / rate)
        assert request.frames <= longest_s * 48_000 + 2
        low, high = request.span
        assert 0 <= low < high <= request.frames
        assert high - low >= min(request.frames, (stop - start) / rate * 48_000 - 1e-6)
        assert 0 <= request.known[0] <= request.known[1] <= request.frames
    assert [request.seed for request in engine.requests] == [5, 6]


def test_a_repaint_at_the_engines_rate_is_the_engines_sound(tmp_path: Path) -> None:
    wav.write(tmp_path / "a.wav", noise(1.0), 48_000)
    task = Repaint(Source(str(tmp_path / "a.wav")), start_s=0.25, end_s=0.5, crossfade_ms=0, match_loudness=False,
                   output=Output(seeds=(9,)))  # fmt: skip
    got = play(task).samples[0]
    assert np.array_equal(got[12_000:24_000], tone(9, 0, 12_000, 24_000))


# ---- the others ----


def test_layers_lie_at_their_positions(song: Path) -> None:
    task = Lego(
        Source(str(song), start_s=0.5), tracks=("bass", "fx"), start_s=0.5, end_s=1.0, output=Output(seeds=(1,))
    )
    outcome = play(task)
    assert [header.role for header in outcome.headers.values()] == ["bass", "fx"]
    for samples in outcome.samples.values():
        assert len(samples) == round(1.5 * 44_100)
        assert not samples[:22_050].any()
        assert samples[22_050:44_100].any()
        assert not samples[44_100:].any()
    part = play(dataclasses.replace(task, scope="region"))
    assert np.array_equal(part.samples[1], outcome.samples[1][22_050:44_100])
    assert part.headers[1].start_frame == 22_050


@pytest.mark.parametrize("rate_hz", [None, 22_050, 48_000])
def test_every_stem_is_as_long_as_the_source(song: Path, rate_hz: int | None) -> None:
    task = Extract(
        Source(str(song), end_s=1.3), tracks=("drums", "bass"), output=Output(seeds=(3,), sample_rate=rate_hz)
    )
    outcome = play(task)
    frames = round(1.3 * (rate_hz or 44_100))
    assert [header.frames for header in outcome.headers.values()] == [frames, frames]
    engine_frames = round(1.3 * 48_000)
    want = convert.resample(tone(3, 1, 0, engine_frames), 48_000, rate_hz or 44_100, frames)
    assert np.abs(outcome.samples[1] - want).max() < 2e-6


@pytest.mark.parametrize("name", ["FLAC", "OGG"])
def test_a_part_of_a_compressed_file_is_that_part(tmp_path: Path, name: str) -> None:
    import soundfile

    path = tmp_path / f"a.{name.lower()}"
    soundfile.write(path, noise(1.0, rate_hz=44_100), 44_100)
    whole = decode.read(path)
    clip = Clip.open(Source(str(path), start_s=0.25, end_s=0.75), Output())
    assert np.array_equal(clip.read(0, clip.frames), whole[11_025:33_075])
    assert np.array_equal(np.concatenate(list(clip.blocks(100, 9000))), whole[11_125:20_025])
    padded = clip.read(-10, clip.frames + 10)
    assert not padded[:10].any()
    assert not padded[-10:].any()
    assert np.array_equal(padded[10:-10], whole[11_025:33_075])


def test_a_song_of_any_length_is_exact() -> None:
    for duration_s, rate_hz in ((0.1, 8000), (1.00001, 44_100), (2.5, 96_000)):
        task = TextToMusic(duration_s=duration_s, output=Output(seeds=(1,), sample_rate=rate_hz, channels=1))
        assert play(task).headers[0].frames == round(duration_s * rate_hz)


def test_values_that_the_engine_lacks_are_reported_missing(song: Path) -> None:
    done = play(TextToMusic(duration_s=0.1, output=Output(auto_lrc=True))).takes[0]
    assert done.metadata["lrc_missing"] == "The fake engine gave no lrc for this take."
    assert "score_missing" not in done.metadata
    assert play(TASKS["understand"](Source(str(song)), Music(bpm=77.0))).takes[0].metadata["bpm"] == 77.0


# ---- validation ----


@pytest.mark.parametrize(
    ("task", "says"),
    [
        (
            lambda s: Repaint(Source(s, start_s=2.0)),
            r"^source\.region\.start_s is 2\.0; allowed: 0 to below 2\.000 seconds",
        ),
        (
            lambda s: Repaint(Source(s, start_s=1.0, end_s=0.5)),
            r"^source\.region\.end_s is 0\.5; allowed: after the start",
        ),
        (lambda s: Repaint(Source(s), end_s=1300.0), r"^The result would be 1300 s long"),
        (lambda s: Lego(Source(s), tracks=("bass",), end_s=3.0), r"allowed: at most 2 s, the end of the source"),
        (lambda s: Lego(Source(s)), r"^No track is named"),
        (lambda s: Extract(Source(s), tracks=("bass", "bass")), r"allowed: each name once"),
        (lambda s: Extract(Source(s), tracks=("kazoo",)), r"^tracks is 'kazoo'"),
        (lambda s: TASKS["align_lyrics"](Source(s)), r"Give the lyrics"),
        (lambda s: TASKS["create_sample"]("  "), r"Say what the song should be"),  # noqa: ARG005
    ],
)
def test_validation_happens_before_work(song: Path, task: Any, says: str) -> None:
    with pytest.raises(InvalidValue, match=says):
        task(str(song)).validate()
    with pytest.raises(UnreadableAudio, match="does not exist"):
        Repaint(Source(str(song) + "x")).validate()


# ---- engines that break their word ----


@dataclass
class FaultyEngine:
    lengths: tuple[int, ...]
    roles: tuple[str, ...] = ("mix",)
    name: str = "broken"
    context_limit_s: float = math.inf
    reads_context: bool = False
    has_latents: bool = False

    def run(self, _request: EngineRequest, _cancel: CancelToken) -> Iterator[EngineEvent]:
        yield Metadata({})
        for role in self.roles:
            for length in self.lengths:
                yield Block(role, np.zeros((length, 2), np.float32))


@pytest.mark.parametrize(
    ("lengths", "says"),
    [
        ((), "returned no audio"),
        ((100,), "returned 100 of 96000 frames of mix"),
        ((10, 20), "returned 30 of 96000 frames of mix"),
        ((90_000, 10_000), "returned 100000 of 96000 frames of mix"),
    ],
)
@pytest.mark.parametrize("task", [Repaint, TASKS["cover"]])
def test_an_engine_that_returns_another_length_fails(
    song: Path, task: Any, lengths: tuple[int, ...], says: str
) -> None:
    with pytest.raises(EngineFailure, match=says + r"\. This is a fault in AceBridge: please report it\.$"):
        play(task(Source(str(song))), FaultyEngine(lengths))


def test_cancelling_stops_at_the_next_step() -> None:
    cancel = CancelToken()
    events = TextToMusic(duration_s=1.0, sampling=Sampling(steps=100)).run(FakeEngine(), cancel)
    next(events)
    cancel.cancel()
    with pytest.raises(Cancelled):
        next(events)
