import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acestep_runtime.dsp.form import form, tags

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
    assert [s.kind for s in form(LYRICS, 40)] == ["intro", "verse", "prechorus", "chorus", "bridge", "solo", "outro"]
    assert [s.name for s in form(LYRICS, 40)][1] == "Verse 1"


def test_manner_adds_energy_and_fades():
    by_kind = {kind: (energy, fades) for _, kind, energy, fades in tags(LYRICS + "\n[Chorus]")}
    assert by_kind["chorus"][0] == pytest.approx(0.9)
    assert tags("[Chorus - powerful]")[0][2] == 1.0
    assert tags("[Verse - calm]")[0][2] < tags("[Verse]")[0][2]
    assert by_kind["outro"][1]
    assert not by_kind["verse"][1]


@pytest.mark.parametrize(
    ("tag", "kind"), [("[후렴]", "chorus"), ("[인트로]", "intro"), ("[1절]", "verse"), ("[간주]", "instrumental")]
)
def test_korean_tags(tag, kind):
    assert tags(tag + "\n[Verse]")[0][1] == kind


def test_instrumental_alone_and_unknown_tags_are_no_form():
    assert tags("[Instrumental]") == tags("[Whatever]") == tags("") == []
    assert len(form("[Instrumental]", 32)) > 2


@settings(deadline=None, max_examples=60)
@given(bars=st.integers(1, 400), lyrics=st.sampled_from(["", LYRICS, "[Chorus]", "[Verse]\n" * 30]))
def test_sections_divide_the_bars_without_gap(bars, lyrics):
    sections = form(lyrics, bars)
    at = 0
    for section in sections:
        assert section.first_bar == at
        assert section.bars >= 1
        assert 0 < section.energy <= 1
        at += section.bars
    assert at == bars
