from hypothesis import given
from hypothesis import strategies as st

from acestep_runtime.audio.tags.marks import Marks, chunks_of, comments_of, marks_in_comments, marks_in_wave
from acestep_runtime.audio.tags.riff import Chunk, WaveChunks
from tests.support import wave_chunks as made

TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=0x3FF, blacklist_categories=("Cc",)), max_size=12)
MARKERS = st.lists(st.tuples(st.integers(0, 48_000 * 7200), TEXT), max_size=6)


@given(
    reference=st.one_of(st.none(), st.integers(0, 2**40)),
    markers=MARKERS,
    rate=st.sampled_from((44_100, 48_000, 96_000)),
)
def test_marks_come_back_from_comments_and_chunks(
    reference: int | None, markers: list[tuple[int, str]], rate: int
) -> None:
    held = tuple((frame / rate, name) for frame, name in sorted(markers))
    marks = Marks(reference, "me" if reference is not None else "", "", held)
    found = marks_in_wave(WaveChunks(tuple(chunks_of(marks, rate))), rate)
    assert found == marks
    place, chapters = comments_of(marks, rate, rate)
    comments = {name.lower(): [text] for name, text in {**place, **chapters}.items()}
    again = marks_in_comments(comments)
    assert (again.reference, again.originator) == (marks.reference, marks.originator)
    assert [name for _, name in again.markers] == [name for _, name in marks.markers]
    assert all(abs(a - b) <= 0.0006 for (a, _), (b, _) in zip(again.markers, marks.markers, strict=True))


def test_texts_in_the_encoding_of_windows_are_read_too() -> None:
    labels = made.labels({1: "Strophé".encode("cp1252"), 2: "코러스".encode()})
    bext = made.bext(5, description="für Zoë".encode("cp1252"), originator="é".encode() * 15 + "x한".encode()[:2])
    chunks = (Chunk(b"bext", bext), Chunk(b"cue ", made.cue(0, 480)), Chunk(b"LIST", labels))
    marks = marks_in_wave(WaveChunks(chunks), 48_000)
    assert [name for _, name in marks.markers] == ["Strophé", "코러스"]
    assert (marks.description, marks.originator) == ("für Zoë", "é" * 15 + "x\ufffd")


@given(
    st.dictionaries(
        st.sampled_from(("time_reference", "chapter001", "chapter002name", "originator")), st.lists(st.text())
    )
)
def test_comments_of_any_text_do_no_harm(comments: dict[str, list[str]]) -> None:
    marks = marks_in_comments(comments)
    assert len(marks.markers) <= 1
    assert len(chunks_of(marks, 48_000)) <= 3
