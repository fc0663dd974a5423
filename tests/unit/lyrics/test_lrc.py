from hypothesis import given
from hypothesis import strategies as st

from acestep_runtime.lyrics.lrc import TimedLine, from_lrc, to_lrc

GUIDE = """[00:12.50]Walking down the street
[00:15.30]Thinking of the words you used to say
[00:18.70]I'm moving on, I'm staying strong
[00:22.40]This is where I belong
"""


def test_the_example_of_the_guide_is_read_and_written():
    lines = from_lrc(GUIDE)
    assert [line.start_s for line in lines] == [12.5, 15.3, 18.7, 22.4]
    assert [line.end_s for line in lines] == [15.3, 18.7, 22.4, 27.4]
    assert to_lrc(lines) == GUIDE


def test_minutes_carry_over_and_may_exceed_an_hour():
    assert to_lrc([TimedLine(59.996, 61, "a"), TimedLine(6000, 6001, "b")]) == "[01:00.00]a\n[100:00.00]b\n"


def test_lrc_of_other_players_is_read():
    text = (
        "\ufeff[ti:A song]\n[offset:+500]\n[00:10.00][01:10.0]again\n[00:05]<00:05.00> once <00:06.00> more\nno time\n"
    )
    assert [(line.start_s, line.text) for line in from_lrc(text)] == [
        (4.5, "once more"),
        (9.5, "again"),
        (69.5, "again"),
    ]


def test_empty_lrc_has_no_lines():
    assert from_lrc("") == ()
    assert to_lrc([]) == ""


words = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="[]<>"), min_size=1, max_size=20)


@given(st.lists(st.tuples(st.integers(0, 600_000), words), max_size=20))
def test_round_trip_keeps_words_and_hundredths(rows):
    lines = [TimedLine(at / 100, at / 100 + 1, text) for at, text in rows]
    back = from_lrc(to_lrc(lines))
    assert [(round(line.start_s * 100), line.text) for line in back] == sorted(rows, key=lambda row: row[0])
