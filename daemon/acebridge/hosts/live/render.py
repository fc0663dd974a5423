"""Audio of tracks, as Live renders it: what their clips play, before effects, volume and pan."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ableton_extensions import AbletonError, AudioTrack, BridgeConnectionError, BridgeTimeoutError, Resources

from acebridge.hosts.live.clock import Clock, read_clock
from acebridge.hosts.live.refusals import Refusal
from acestep_runtime.errors import printable

if TYPE_CHECKING:
    from pydantic import JsonValue

#: The longest source of a task.
MAX_SOURCE_S = 1200.0
#: Live names a render after a clip and the second: a later one may replace it, so each is copied before the next begins.
_RENDERING = threading.Lock()


@dataclass(frozen=True)
class Render:
    """A file with the audio of a track."""

    file: Path
    frames: int
    rate_hz: int


def render(resources: Resources, track: AudioTrack, start: float, end: float, file: Path) -> Render:
    """Write what a track plays from beat ``start`` to ``end`` into ``file``.

    Raises `Refusal` where Live does not render the track, ``OSError`` as the file system does, and what a lost bridge raises.
    """
    import soundfile

    with _RENDERING:
        try:
            path = Path(resources.render_pre_fx_audio(track, start, end))
        except (BridgeConnectionError, BridgeTimeoutError):
            raise
        except AbletonError as error:
            name = printable(track.name)  # a track that is gone says so here
            raise Refusal(
                f"Live does not render the track {name} ({error}).",
                remedy="Select tracks with audio clips of their own: MIDI, group, return and main tracks have none.",
            ) from error
        shutil.copyfile(path, file)
    try:
        facts = soundfile.info(str(file))
    except soundfile.LibsndfileError as error:
        raise Refusal(f"What Live rendered is no audio: {error}.", remedy="Run the action again.") from error
    return Render(file, int(facts.frames), int(facts.samplerate))


@dataclass(frozen=True)
class Recording:
    """The audio of a stretch of the arrangement: a ``source`` for a job folder, and where its frames lie."""

    source: dict[str, JsonValue]
    clock: Clock


def record(
    resources: Resources,
    tracks: Sequence[AudioTrack],
    start: float,
    end: float,
    marks: Sequence[float],
    *,
    bpm: float,
    folder: Path,
    name: str,
    tell: Callable[[str], None],
) -> Recording:
    """Render tracks from beat ``start`` to ``end`` into ``folder``; several become a mix, each at its own level.

    ``marks`` are beats whose frames are wanted, ``bpm`` is the tempo that Live tells. Raises as `render` does.
    """
    renders: list[Render] = []
    for number, track in enumerate(tracks, 1):
        tell(f"Reading track {number} of {len(tracks)}" if len(tracks) > 1 else f"Reading {printable(track.name, 40)}")
        renders.append(render(resources, track, start, end, folder / f"{name}-{number}.wav"))
    first = renders[0]
    frames = max(each.frames for each in renders)
    rates = {each.rate_hz for each in renders}
    if len(rates) > 1:
        raise Refusal(f"Live rendered at several sample rates: {sorted(rates)}.", remedy="Select one track.")
    if frames < 1 or frames > MAX_SOURCE_S * first.rate_hz:
        raise Refusal(
            f"The selection is {frames / first.rate_hz:.1f} s long; allowed: up to {MAX_SOURCE_S:.0f} s.",
            remedy="Select less.",
        )

    def measure(beat: float) -> int:
        return render(resources, tracks[0], start, beat, folder / "measure.wav").frames

    clock = read_clock(start, end, marks, bpm=bpm, frames=frames, rate_hz=first.rate_hz, measure=measure)
    if len(renders) == 1:
        return Recording({"file": first.file.name}, clock)
    mix: list[JsonValue] = [{"file": each.file.name} for each in renders]
    return Recording({"mix": mix, "frames": frames}, clock)
