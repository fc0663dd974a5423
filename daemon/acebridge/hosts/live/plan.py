"""From a selection and the values of a dialog to the parts of a request, and to where their results belong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ableton_extensions import AudioClip, AudioTrack, Resources, Song, TakeLane

from acebridge.hosts.live.clock import Clock, beats_to_seconds, read_clock, seconds_to_beats
from acebridge.hosts.live.music import music_of
from acebridge.hosts.live.notes import midi_file
from acebridge.hosts.live.refusals import Refusal
from acebridge.hosts.live.render import MAX_SOURCE_S, Recording, record, render
from acebridge.hosts.live.selection import Selection, check_audio, clips_in
from acestep_runtime.errors import printable

if TYPE_CHECKING:
    from pydantic import JsonValue

#: How much of the music around a region a task is given, as other hosts do by default.
CONTEXT_S = 30.0
#: In the job's folder: the notes that new music follows.
_NOTES = "notes.mid"
_AVERAGE = "The tempo changes there, or is not the one that Live shows now: the notes are followed at its average."
#: The longest new music.
MAX_NEW_S = 600.0
#: The rate of new music in a Set where nothing says which it has.
DEFAULT_RATE_HZ = 44_100


@dataclass(frozen=True)
class Work:
    """What a plan works with: the Set, its renders, the job's folder, and whom to say how far it is."""

    song: Song
    resources: Resources
    folder: Path
    tell: Callable[[str], None]


@dataclass(frozen=True)
class Target:
    """Where the result of a part belongs: a take lane of ``track``, or a new track where that is ``None``.

    ``clip`` is the one that was read, ``clip_start`` the beat at which it began then: the result moves with it.
    """

    clock: Clock
    name: str
    track: AudioTrack | None = None
    clip: AudioClip | None = None
    clip_start: float = 0.0


@dataclass(frozen=True)
class Plan:
    """Parts of a request, a target for each, and sentences for the musician. Without targets the result is facts."""

    parts: list[dict[str, JsonValue]]
    targets: list[Target] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)


Planner = Callable[[Work, Selection, Mapping[str, "JsonValue"]], Plan]


def _read(
    work: Work,
    tracks: Sequence[AudioTrack],
    start: float,
    end: float,
    marks: Sequence[float] = (),
    name: str = "source",
) -> Recording:
    return record(
        work.resources, tracks, start, end, marks, bpm=work.song.tempo, folder=work.folder, name=name, tell=work.tell
    )


def _output(values: Mapping[str, JsonValue], **more: JsonValue) -> dict[str, JsonValue]:
    seed = values.get("seed")
    known: dict[str, JsonValue] = {"takes": values.get("takes"), "seeds": None if seed is None else [seed], **more}
    return {name: value for name, value in known.items() if value is not None}


def _names(values: Mapping[str, JsonValue]) -> list[JsonValue]:
    """Return "drums, Backing vocals" as names of tracks."""
    names = (
        name.strip().lower().replace(" ", "_").replace("-", "_") for name in str(values.get("tracks") or "").split(",")
    )
    return [name for name in names if name]


def _tempo_sentence(clock: Clock) -> list[str]:
    if clock.bpm is not None:
        return []
    return ["The tempo changes there, or is not the one that Live shows now, so the engine was told none."]


# Takes of what a track plays. ------------------------------------------------------------------------------------------


def plan_repaint(work: Work, selection: Selection, values: Mapping[str, JsonValue]) -> Plan:
    """Repaint the selection on each of its tracks: a take as long as the clips that it touches."""
    check_audio(selection)
    plan = Plan([])
    for number, track in enumerate(selection.tracks, 1):
        clips = clips_in(track, selection.start, selection.end)
        if clips:
            _add_repaint(plan, work, selection, values, track, clips, number)
    if not plan.parts:
        names = ", ".join(printable(track.name) for track in selection.tracks)
        raise Refusal(
            f"There is no audio clip in the selection on {names}.",
            remedy="Select a stretch that lies on a clip, or use Generate here.",
        )
    return plan


def _add_repaint(
    plan: Plan,
    work: Work,
    selection: Selection,
    values: Mapping[str, JsonValue],
    track: AudioTrack,
    clips: Sequence[AudioClip],
    number: int,
) -> None:
    start, end = _around(selection, clips, work.song.tempo)
    found = _read(work, [track], start, end, (selection.start, selection.end), f"source-{number}")
    first, last = found.clock.frame_at(selection.start), found.clock.frame_at(selection.end)
    fields: dict[str, JsonValue] = {
        "music": music_of(work.song, values, found.clock.bpm),
        "start_s": first / found.clock.rate_hz,
        "context_s": CONTEXT_S,
        "output": _output(values),
    }
    if last < found.clock.frames:  # without: the end of the source
        fields["end_s"] = last / found.clock.rate_hz
    fields |= {key: values[key] for key in ("mode", "strength") if values.get(key) is not None}
    plan.parts.append({"task": "repaint", "label": track.name, "source": found.source, "fields": fields})
    plan.targets.append(Target(found.clock, track.name, track, clips[0], clips[0].start_time))
    plan.sentences.extend(each for each in _tempo_sentence(found.clock) if each not in plan.sentences)


def _around(selection: Selection, clips: Sequence[AudioClip], bpm: float) -> tuple[float, float]:
    """Return the stretch that a repaint reads: the clips that it touches, or as much of them as a task takes."""
    start = min(selection.start, clips[0].start_time)
    end = max(selection.end, *(clip.end_time for clip in clips))
    if beats_to_seconds(end - start, bpm) <= MAX_SOURCE_S:
        return start, end
    around = seconds_to_beats(2 * CONTEXT_S, bpm)
    return max(start, selection.start - around), min(end, selection.end + around)


def plan_again(work: Work, selection: Selection, values: Mapping[str, JsonValue]) -> Plan:  # noqa: ARG001 - as all plans
    """Make another take of a clip that AceBridge has made, as its recipe says."""
    return _plan_from_recipe(work, selection)


def plan_vary(work: Work, selection: Selection, values: Mapping[str, JsonValue]) -> Plan:
    """Make takes near a clip that AceBridge has made, as far from it as the amount says."""
    amount = values.get("amount")
    assert amount is not None, "the form has a default"
    return _plan_from_recipe(work, selection, {"output": _output(values)}, variation=amount)


def _plan_from_recipe(
    work: Work, selection: Selection, fields: dict[str, JsonValue] | None = None, **more: JsonValue
) -> Plan:
    """Plan takes of the clip's whole file by the recipe in it, on a lane of its track."""
    import soundfile

    clip = selection.clip
    if clip is None:
        raise Refusal("No clip was clicked.", remedy="Right-click an audio clip that AceBridge has made.")
    file = Path(clip.file_path)
    try:
        facts = soundfile.info(str(file))
    except (soundfile.LibsndfileError, OSError) as error:
        raise Refusal(
            f"The audio file {printable(str(file), 200)} cannot be read: {error}.",
            remedy="Check that it is still there.",
        ) from error
    if clip.warping or clip.start_marker > 0:
        raise Refusal(
            "The clip is warped, or begins inside its file, so a take of its file would lie elsewhere.",
            remedy="Crop it, or repaint the selection instead.",
        )
    start, bpm = clip.start_time, work.song.tempo
    end = start + seconds_to_beats(facts.frames / facts.samplerate, bpm)
    clock = Clock(int(facts.samplerate), ((0, start), (int(facts.frames), end)), bpm)
    parent = clip.parent
    track = parent.parent if isinstance(parent, TakeLane) else parent
    target = Target(clock, clip.name, track if isinstance(track, AudioTrack) else None, clip, start)
    return Plan([{"again": {"file": str(file)}, "label": clip.name, "fields": fields or {}, **more}], [target])


# New tracks. -----------------------------------------------------------------------------------------------------------


def _whole(task: str, name: str, fill: Callable[[dict[str, JsonValue], Mapping[str, JsonValue]], None]) -> Planner:
    """Return a plan for a task on the mix of the selected tracks, whose results go to new tracks."""

    def plan(work: Work, selection: Selection, values: Mapping[str, JsonValue]) -> Plan:
        check_audio(selection)
        found = _read(work, selection.tracks, selection.start, selection.end)
        fields: dict[str, JsonValue] = {
            "music": music_of(work.song, values, found.clock.bpm),
            "output": _output(values),
        }
        fill(fields, values)
        part: dict[str, JsonValue] = {"task": task, "source": found.source, "fields": fields}
        return Plan([part], [Target(found.clock, name)], _tempo_sentence(found.clock))

    return plan


def _fill_cover(fields: dict[str, JsonValue], values: Mapping[str, JsonValue]) -> None:
    if values.get("strength") is not None:
        fields["strength"] = values["strength"]


def _fill_complete(fields: dict[str, JsonValue], values: Mapping[str, JsonValue]) -> None:
    fields["tracks"] = _names(values)


def _fill_extract(fields: dict[str, JsonValue], values: Mapping[str, JsonValue]) -> None:
    fields["tracks"] = _names(values)
    del fields["music"], fields["output"]


plan_cover = _whole("cover", "Cover", _fill_cover)
plan_complete = _whole("complete", "Complete", _fill_complete)
plan_extract = _whole("extract", "Stems", _fill_extract)


def plan_lego(work: Work, selection: Selection, values: Mapping[str, JsonValue]) -> Plan:
    """Add a layer to the selection; it is made from the music around the selection too."""
    check_audio(selection)
    around = seconds_to_beats(CONTEXT_S, work.song.tempo)
    start, end = max(0.0, selection.start - around), selection.end + around
    found = _read(work, selection.tracks, start, end, (selection.start, selection.end))
    clock = found.clock
    fields: dict[str, JsonValue] = {
        "music": music_of(work.song, values, clock.bpm),
        "tracks": _names(values),
        "start_s": clock.frame_at(selection.start) / clock.rate_hz,
        "end_s": clock.frame_at(selection.end) / clock.rate_hz,
        "context_s": CONTEXT_S,
        "scope": "region",
        "output": _output(values),
    }
    part: dict[str, JsonValue] = {"task": "lego", "source": found.source, "fields": fields}
    return Plan([part], [Target(clock, "Layer")], _tempo_sentence(clock))


def plan_generate(work: Work, selection: Selection, values: Mapping[str, JsonValue]) -> Plan:
    """Make new music as long as the selection. It follows the notes on selected MIDI tracks, where nobody says otherwise."""
    clock = _empty_clock(work, selection)
    seconds = clock.frames / clock.rate_hz
    if not 0.1 <= seconds <= MAX_NEW_S:
        raise Refusal(
            f"The selection is {seconds:.2f} s long; allowed: 0.1 to {MAX_NEW_S:.0f} s of new music.",
            remedy="Select another stretch.",
        )
    fields: dict[str, JsonValue] = {
        "music": music_of(work.song, values, clock.bpm),
        "duration_s": seconds,
        "output": _output(values, sample_rate=clock.rate_hz),
    }
    part: dict[str, JsonValue] = {"task": "text2music", "fields": fields}
    data = None
    if values.get("notes") != "no":
        data = midi_file(selection.midi, selection.start, selection.end, seconds)
    if data is None:
        return Plan([part], [Target(clock, "New music")], _tempo_sentence(clock))
    (work.folder / _NOTES).write_bytes(data)
    part["midi"] = {"file": _NOTES}
    fields["music"] = music_of(work.song, values, None)  # the file has the tempo
    return Plan([part], [Target(clock, "New music")], [] if clock.bpm is not None else [_AVERAGE])


def _empty_clock(work: Work, selection: Selection) -> Clock:
    """Return the clock of a selection that nothing is read of: the render of any audio track says how long it is."""
    bpm, start, end = work.song.tempo, selection.start, selection.end
    audio = [track for track in (*selection.tracks, *work.song.tracks) if isinstance(track, AudioTrack)]
    for track in audio:
        try:
            found = render(work.resources, track, start, end, work.folder / "measure.wav")
        except Refusal:
            continue  # a group track, which the API also calls an audio track
        return read_clock(start, end, (), bpm=bpm, frames=found.frames, rate_hz=found.rate_hz, measure=lambda _: 0)
    frames = round(beats_to_seconds(end - start, bpm) * DEFAULT_RATE_HZ)
    return Clock(DEFAULT_RATE_HZ, ((0, start), (frames, end)), bpm)


# Facts. ----------------------------------------------------------------------------------------------------------------


def plan_analyse(work: Work, selection: Selection, values: Mapping[str, JsonValue]) -> Plan:  # noqa: ARG001 - as all plans
    """Find tempo, key, meter and a description of the selection."""
    check_audio(selection)
    found = _read(work, selection.tracks, selection.start, selection.end)
    return Plan([{"task": "understand", "source": found.source, "fields": {}}])
