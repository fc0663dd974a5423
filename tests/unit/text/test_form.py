import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acestep_runtime.text.form import natural_length_s, plan_sections, section_tags
from acestep_runtime.text.style import style_from_caption

LYRICS = """[Intro]
[Verse 1]
walking down the road
[Pre-Chorus]
[Chorus - powerful]
we sing
[Bridge]
[Guitar Solo - expressive]
[Outro - fade out]"""


def test_tags_become_sections_in_order():
    assert [s.kind for s in plan_sections(LYRICS, 40)] == [
        "intro",
        "verse",
        "prechorus",
        "chorus",
        "bridge",
        "solo",
        "outro",
    ]
    assert [s.name for s in plan_sections(LYRICS, 40)][1] == "Verse 1"


def test_the_manner_of_a_tag_sets_energy_and_fades():
    by_kind = {kind: (energy, fades) for _, kind, energy, fades in section_tags(LYRICS + "\n[Chorus]")}
    assert by_kind["chorus"][0] == pytest.approx(0.9)
    assert section_tags("[Chorus - powerful]")[0][2] == 1.0
    assert section_tags("[Verse - calm]")[0][2] < section_tags("[Verse]")[0][2]
    assert by_kind["outro"][1]
    assert not by_kind["verse"][1]


@pytest.mark.parametrize(
    ("tag", "kind"), [("[후렴]", "chorus"), ("[인트로]", "intro"), ("[1절]", "verse"), ("[간주]", "instrumental")]
)
def test_korean_tags(tag, kind):
    assert section_tags(tag + "\n[Verse]")[0][1] == kind


def test_instrumental_alone_and_unknown_tags_give_no_form():
    assert section_tags("[Instrumental]") == section_tags("[Whatever]") == section_tags("") == []
    assert len(plan_sections("[Instrumental]", 32)) > 2


@settings(deadline=None, max_examples=60)
@given(bars=st.integers(1, 400), lyrics=st.sampled_from(["", LYRICS, "[Chorus]", "[Verse]\n" * 30]))
def test_sections_divide_the_bars_without_gap(bars, lyrics):
    sections = plan_sections(lyrics, bars)
    at = 0
    for section in sections:
        assert section.first_bar == at
        assert section.bars >= 1
        assert 0 < section.energy <= 1
        at += section.bars
    assert at == bars


# ------------------------------------------------------------------------------------------------- words and lengths
def texts(sections):
    return [[line.text for line in section.lines] for section in sections]


def test_lines_belong_to_the_sections_of_their_tags():
    lyrics = "[Verse 1]\none\ntwo\n\n[Whatever]\nthree\n[Chorus]\nfour\n[Guitar Solo]\n[Outro - fade out]\nfive"
    sections = plan_sections(lyrics, 40)
    assert [s.name for s in sections] == ["Verse 1", "Chorus", "Guitar Solo", "Outro"]
    assert texts(sections) == [["one", "two", "three"], ["four"], [], ["five"]]


def test_lines_before_any_tag_are_a_verse():
    assert [(s.kind, [x.text for x in s.lines]) for s in plan_sections("hello\n[Chorus]\nworld", 16)] == [
        ("verse", ["hello"]), ("chorus", ["world"])]  # fmt: skip


def test_solos_and_interludes_have_no_words_but_vocal_solos_do():
    lyrics = "[Verse]\none\n[Guitar Solo]\n(wailing)\n[간주]\nla\n[Vocal Solo]\nooh\n[보컬 솔로]\n아"
    assert texts(plan_sections(lyrics, 60)) == [["one"], [], [], ["ooh"], ["아"]]
    assert texts(plan_sections("[Solo]\nthese are all the words", 20)) == [["these are all the words"]]
    assert [x for row in texts(plan_sections("[Instrumental]\nla la", 20)) for x in row] == ["la la"]


def test_without_tags_there_are_verses_between_intro_and_outro():
    rows = plan_sections("one\ntwo\n\nthree\nfour", 24)
    assert [s.kind for s in rows] == ["intro", "verse", "verse", "outro"]
    assert texts(rows) == [[], ["one", "two"], ["three", "four"], []]
    many = plan_sections("\n".join(f"line {k}" for k in range(20)), 80)
    assert [len(s.lines) for s in many] == [0, 8, 8, 4, 0]
    assert [s.kind for s in plan_sections("one\ntwo", 3)] == ["verse"]


@settings(deadline=None, max_examples=80)
@given(bars=st.integers(1, 120), rows=st.lists(st.sampled_from(
    ["[Verse]", "[Chorus]", "[Outro]", "[Instrumental]", "[Bridge]", "one", "둘", "three four", ""]), max_size=30))  # fmt: skip
def test_every_line_has_a_section_whatever_the_length(bars, rows):
    """Those under an instrumental tag apart, unless there are no others, or nothing but that tag."""
    numbered = [row if row.startswith("[") or not row else f"{row} {k}" for k, row in enumerate(rows)]
    under, due = "", []
    for row in numbered:
        under = row if row.startswith("[") else under
        due += [row] if row and not row.startswith("[") and under != "[Instrumental]" else []
    found = [text for row in texts(plan_sections("\n".join(numbered), bars)) for text in row]
    everything = [row for row in numbered if row and not row.startswith("[")]
    formless = [row for row in numbered if row.startswith("[")] in ([], ["[Instrumental]"])
    assert found == (due if due and not formless else everything)


def test_a_song_is_as_long_as_its_words():
    style = style_from_caption("pop")
    bar_s = 4 * 60 / 120

    def bars(lyrics):
        return natural_length_s(lyrics, 120, 4, style) / bar_s

    four = "one two\n" * 4
    assert bars(f"[Intro]\n[Verse]\n{four}[Chorus]\n{four}[Solo]\n[Outro]") == 4 + 8 + 8 + 8 + 4 + 1
    assert bars(four) == 4 + 8 + 4 + 1
    assert bars(f"[Verse]\n{four * 4}") == 32 + 1
    assert natural_length_s("", 120, 4, style) == natural_length_s("[Instrumental]", None, None, style) == 30.0
    assert natural_length_s("hey", 300, 2, style) >= 20
    assert natural_length_s("hey\n" * 500, 60, 4, style) <= 240
    assert natural_length_s("[Verse]\n[Chorus]", 120, 4, style) / bar_s == 8 + 8 + 1


@settings(deadline=None, max_examples=60)
@given(lines=st.integers(0, 90), bpm=st.floats(30, 300), meter=st.sampled_from([2, 3, 4, 6]))
def test_natural_lengths_are_whole_bars_within_bounds(lines, bpm, meter):
    length_s = natural_length_s("[Verse]\n" + "la la la\n" * lines, bpm, meter, style_from_caption("pop"))
    bar_s = meter * 60 / bpm
    assert 20 <= length_s <= 240
    assert abs(length_s / bar_s - round(length_s / bar_s)) < 1e-3
    assert natural_length_s("la\n" * lines, None, None, style_from_caption("jazz")) >= 20
