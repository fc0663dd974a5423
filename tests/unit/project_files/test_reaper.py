"""REAPER projects, also that of the demo, read back with rpp and compared with the frames of the files."""

from __future__ import annotations

from itertools import pairwise

import rpp
from hypothesis import given, settings
from hypothesis import strategies as st

from acebridge.demo import session
from acebridge.project_files.arrangement import Arrangement, Item, Marker, Take, Track
from acebridge.project_files.reaper import native_colour, project_text

RATE_HZ = 48_000


def write_project(tracks: list[Track], markers: list[Marker] | None = None) -> rpp.Element:
    return rpp.loads(project_text(Arrangement("song", RATE_HZ, tuple(tracks), tuple(markers or ()), bpm=112.0)))


def field(element: rpp.Element, name: str) -> list[str]:
    return element.find(name)[1:]


def frames(element: rpp.Element, name: str) -> int:
    """The frame that a time in seconds names; it must name one to within a millionth."""
    exact = float(field(element, name)[0]) * RATE_HZ
    assert abs(exact - round(exact)) < 1e-6
    return round(exact)


@settings(deadline=None, max_examples=40)
@given(start=st.integers(0, 20 * 60 * RATE_HZ), length=st.integers(1, 20 * 60 * RATE_HZ), offset=st.integers(0, 10**7))
def test_items_lie_on_exact_frames(start: int, length: int, offset: int) -> None:
    item = write_project([Track("one", items=(Item("a", "a.wav", start, length, offset),))]).find("TRACK").find("ITEM")
    assert (frames(item, "POSITION"), frames(item, "LENGTH"), frames(item, "SOFFS")) == (start, length, offset)


def test_items_neither_loop_nor_fade() -> None:
    item = (
        write_project([Track("one", items=(Item("a b", "stems/a.wav", 0, 9, muted=True),))]).find("TRACK").find("ITEM")
    )
    assert field(item, "LOOP") == ["0"]
    assert field(item, "FADEIN")[1:] == field(item, "FADEOUT")[1:] == ["0", "0"]
    assert field(item, "MUTE") == ["1", "0"]
    assert field(item, "NAME") == ["a b"]
    assert item.find("SOURCE").attrib == ["WAVE"]
    assert field(item.find("SOURCE"), "FILE") == ["stems/a.wav"]


def test_takes_follow_the_one_that_plays() -> None:
    takes = (Take("b", "b.mp3", 20, 3), Take("c", "c.flac", 30))
    item = write_project([Track("one", items=(Item("a", "a.wav", 0, 9, others=takes),))]).find("TRACK").find("ITEM")
    assert [element.attrib[0] for element in item.findall("SOURCE")] == ["WAVE", "MP3", "FLAC"]
    assert [row for row in item if isinstance(row, str)] == ["TAKE", "TAKE"]
    assert [row[1] for row in item.findall("NAME")] == ["a", "b", "c"]
    assert [round(float(row[1]) * RATE_HZ) for row in item.findall("SOFFS")] == [0, 3, 0]


def test_project_has_tempo_meter_and_rate() -> None:
    root = write_project([])
    assert field(root, "TEMPO") == ["112", "4", "4"]
    assert field(root, "SAMPLERATE")[:2] == ["48000", "1"]
    assert field(root, "TIMELOCKMODE") == ["0"]


def test_folders_open_and_close() -> None:
    inner = Track("inner", children=(Track("x"), Track("y")))
    tracks = write_project([Track("a"), Track("outer", children=(Track("b"), inner)), Track("c")]).findall("TRACK")
    depths = [(field(track, "NAME")[0], int(field(track, "ISBUS")[1])) for track in tracks]
    assert depths == [("a", 0), ("outer", 1), ("b", 0), ("inner", 1), ("x", 0), ("y", -2), ("c", 0)]
    assert sum(depth for _, depth in depths) == 0


def test_identities_are_unique_and_repeatable() -> None:
    tracks = [
        Track("a", items=(Item("i", "i.wav", 0, 1), Item("i", "i.wav", 1, 1))),
        Track("b", children=(Track("a"),)),
    ]
    once, again = (project_text(Arrangement("song", RATE_HZ, tuple(tracks), bpm=90, beats_per_bar=3)) for _ in range(2))
    assert once == again
    ids = [line.split()[-1] for line in once.splitlines() if line.split()[0] in ("<TRACK", "IGUID", "GUID")]
    assert len(ids) == len(set(ids)) == 3 + 2 * 2


def test_colours_are_blue_green_red_with_a_flag() -> None:
    assert native_colour("#010203") == 0x1000000 | 0x030201
    tracks = write_project([Track("a", "#ef4444"), Track("b")]).findall("TRACK")
    assert [field(track, "PEAKCOL")[0] for track in tracks] == [str(0x1000000 | 0x4444EF), "16576"]


def test_markers_and_regions() -> None:
    root = write_project([], [Marker("heard", 0), Marker("Verse 1", 48_001, 96_000, "#0000ff")])
    lines = [row[1:] for row in root.findall("MARKER")]
    assert lines[0][:4] == ["1", "0", "heard", "0"]
    assert lines[1][:5] == ["2", lines[1][1], "Verse 1", "1", str(0x1FF0000)]
    assert lines[2] == ["2", "2", "", "1"]
    assert round(float(lines[1][1]) * RATE_HZ) == 48_001


def test_session_plays_the_repainted_song_without_gap_or_overlap() -> None:
    whole, start, stop = 1_542_857, 822_557, 1_235_683
    lengths = {
        "song.wav": whole, "repainted-bars.wav": stop - start, "backing.wav": whole,
        "stems/drums.wav": whole, "stems/other.wav": whole, "layers/bass.wav": whole,
    }  # fmt: skip
    tracks = session.tracks(lengths, patch=(start, stop), stems=["drums", "other"], layers=["bass"])
    tracks = write_project(tracks).findall("TRACK")
    names = [field(track, "NAME")[0] for track in tracks]
    assert names == [
        "Song",
        "Repaint",
        "Stems",
        "Drums",
        "Other",
        "New layers",
        "Song without drums and bass",
        "New bass",
    ]

    played_items = [
        (frames(item, "POSITION"), frames(item, "LENGTH"))
        for track in tracks[:2] for item in track.findall("ITEM") if field(item, "MUTE")[0] == "0"
    ]  # fmt: skip
    played_items.sort()
    assert played_items[0][0] == 0
    assert sum(length for _, length in played_items) == whole
    assert all(a + length == b for (a, length), (b, _) in pairwise(played_items))

    for track in tracks:
        for item in track.findall("ITEM"):
            file = field(item.find("SOURCE"), "FILE")[0]
            if file == "song.wav":  # in pieces, each in its own place
                assert frames(item, "SOFFS") == frames(item, "POSITION")
            else:
                assert (frames(item, "SOFFS"), frames(item, "LENGTH")) == (0, lengths[file])
    assert [field(track, "MUTESOLO")[0] for track in tracks] == ["0", "0", "1", "0", "0", "1", "0", "0"]
