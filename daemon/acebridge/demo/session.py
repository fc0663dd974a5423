"""The demo's results as a session: tracks, items and markers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from acebridge.colours import OTHER, REPAINT, SONG, TRACK_COLOURS, colour_of
from acebridge.project_files.arrangement import Item, Marker, Track


def tracks(
    frames: Mapping[str, int], *, patch: tuple[int, int], layers: Sequence[str], stems: Sequence[str]
) -> list[Track]:
    """Return the tracks. ``frames`` is the length of every file, ``patch`` the place of the repainted part in the song.

    Song      | song.wav          |                | song.wav   |   up to the patch, and after it
    Repaint                       | repainted part |               together: repainted.wav, sample by sample
    Stems ▸   | drums.wav … other.wav                           |   muted, like the next
    Layers ▸  | backing.wav, new drums, new bass                |
    """
    start, stop = patch
    whole = frames["song.wav"]
    song = (
        Item("song", "song.wav", 0, start),
        Item("song, replaced", "song.wav", start, stop - start, offset=start, muted=True),
        Item("song", "song.wav", stop, whole - stop, offset=stop),
    )

    def part(name: str, file: str, colour: str) -> Track:
        return Track(name, colour, (Item(name, file, 0, frames[file]),))

    return [
        Track("Song", SONG, tuple(item for item in song if item.frames)),
        Track("Repaint", REPAINT, (Item("repainted bars", "repainted-bars.wav", start, frames["repainted-bars.wav"]),)),
        Track(
            "Stems",
            OTHER,
            muted=True,
            children=tuple(part(stem.capitalize(), f"stems/{stem}.wav", colour_of(stem)) for stem in stems),
        ),
        Track(
            "New layers",
            TRACK_COLOURS["synth"],
            muted=True,
            children=(
                part("Song without drums and bass", "backing.wav", SONG),
                *(part(f"New {layer}", f"layers/{layer}.wav", colour_of(layer)) for layer in layers),
            ),
        ),
    ]


def markers(
    sections: Sequence[tuple[str, int, int]], region: tuple[int, int], region_name: str, analysis_text: str
) -> list[Marker]:
    """Return a region for every section of the song and for the repainted bars, and a marker with the analysis."""
    return [
        Marker(analysis_text, 0),
        *(Marker(name, start, stop, SONG) for name, start, stop in sections),
        Marker(f"Repainted: {region_name}", *region, REPAINT),
    ]
