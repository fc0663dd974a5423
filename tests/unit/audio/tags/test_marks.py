from hypothesis import given
from hypothesis import strategies as st

from acestep_runtime.audio.tags.marks import Marks, chunks_of, comments_of, marks_in_comments, marks_in_wave
from acestep_runtime.audio.tags.riff import WaveChunks

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


@given(
    st.dictionaries(
        st.sampled_from(("time_reference", "chapter001", "chapter002name", "originator")), st.lists(st.text())
    )
)
def test_comments_of_any_text_do_no_harm(comments: dict[str, list[str]]) -> None:
    marks = marks_in_comments(comments)
    assert len(marks.markers) <= 1
    assert len(chunks_of(marks, 48_000)) <= 3
