"""Lyric alignment from attention maps: against reference values, and properties of any map."""

from __future__ import annotations

import functools
import itertools
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acestep_runtime.errors import EngineFailure
from acestep_runtime.lyrics.alignment import _token_times, agreement, align_by_attention
from acestep_runtime.lyrics.consensus import find_consensus
from acestep_runtime.lyrics.formats.lrc import to_lrc
from acestep_runtime.lyrics.text import parse, word_spans
from acestep_runtime.lyrics.token_times import decode_pieces, lyric_mask
from tests.support.paths import GOLDEN

CASES = ("clean", "noisy", "scrambled")
FAMILY = "\U0001f469\u200d\U0001f469\u200d\U0001f467"


@functools.cache
def golden_alignment(case: str) -> Any:
    return json.loads((GOLDEN / "lyrics_expected.json").read_text("utf-8"))[case]


@functools.cache
def golden_maps(case: str) -> tuple[np.ndarray, ...]:
    safetensors = pytest.importorskip("safetensors.numpy", reason="the golden maps are in safetensors")
    tensors = safetensors.load_file(GOLDEN / "lyrics_attention.safetensors")
    return tuple(tensors[name] for name in sorted(tensors) if name.startswith(f"{case}/"))


def characters(text: str) -> list[bytes]:
    """Each character is a token."""
    return [char.encode() for char in text]


def token_times(case: str) -> Any:
    return _token_times(find_consensus(golden_maps(case)).evidence, golden_alignment(case)["duration"])


def rows_with_times(text: str, times: Any) -> list[list[Any]]:
    """Each line that is not blank, from the start of its first token to the end of its line break; tokens are characters."""
    rows: list[list[Any]] = []
    at = 0
    for row in text.splitlines(keepends=True):
        stop = at + len(row)
        if row.strip():
            rows.append([row.strip(), round(float(times.start_s[at]), 3), round(float(times.end_s[stop - 1]), 3)])
        at = stop
    return rows


def test_times_of_tokens_are_those_of_the_reference() -> None:
    exact = []
    for case in CASES:
        times, frame_s = token_times(case), golden_alignment(case)["duration"] / golden_alignment(case)["frames"]
        off = np.abs(np.stack([times.start_s, times.end_s], 1) - golden_alignment(case)["tokens"]) / frame_s
        assert off.max() <= 1 + 1e-9
        exact += (off < 1e-6).ravel().tolist()
    assert np.mean(exact) >= 0.99


@pytest.mark.parametrize("case", CASES)
def test_lines_and_scores_are_those_of_the_reference(case: str) -> None:
    want, pieces = golden_alignment(case), [chr(token).encode() for token in golden_alignment(case)["token_ids"]]
    assert rows_with_times(decode_pieces(pieces), token_times(case)) == want["sentences"]
    assert lyric_mask(pieces).astype(int).tolist() == want["type_mask"]
    found = agreement(find_consensus(golden_maps(case)).energy, lyric_mask(pieces))
    assert found.score == pytest.approx(want["score"]["lyrics_score"], abs=1e-4)


@pytest.mark.parametrize("case", CASES)
def test_tags_are_sections_and_the_rest_are_the_lines_of_the_reference(case: str) -> None:
    want = golden_alignment(case)
    pieces = [chr(token).encode() for token in want["token_ids"]]
    alignment = align_by_attention(golden_maps(case), pieces, want["duration"], want["duration"])
    lines = [row for row in want["lrc"].splitlines() if not row.endswith("]")]
    assert to_lrc(alignment.timing.lines).splitlines() == lines
    stanzas = parse(want["text"])
    assert [section.name for section in alignment.timing.sections] == [stanza.tag for stanza in stanzas]
    assert [line.text for line in alignment.timing.lines] == [line.text for stanza in stanzas for line in stanza.lines]
    words = [[word.text for word in line.words] for line in alignment.timing.lines]
    assert words == [line.text.split() for line in alignment.timing.lines]
    for one, other in itertools.pairwise(alignment.timing.sections):
        assert one.end_s == other.start_s
    assert alignment.timing.sections[-1].end_s == want["duration"]


def diagonal(tokens: int, frames: int, heads: int = 2, seed: int = 0) -> list[np.ndarray]:
    """Maps of a song in which tokens are sung one after the other, with some noise."""
    rng, maps = np.random.default_rng(seed), []
    for _ in range(heads):
        attention = 0.05 * rng.random((tokens, frames))
        for token in range(tokens):
            attention[
                token, token * frames // tokens : max((token + 1) * frames // tokens, token * frames // tokens + 1)
            ] += 1
        maps.append(attention.astype(np.float32))
    return maps


LYRICS = st.lists(
    st.sampled_from(
        ["[Verse 1]", "la la", "하늘 별", "空を見る", FAMILY, "[Chorus] oh", "[[Bridge]] la", "[Hook",
         "", "e\u0301te\u0301 ", "don't stop-me", "..."]
    ), min_size=1, max_size=8,
).map("\n".join)  # fmt: skip


@settings(deadline=None, max_examples=100)
@given(lyrics=LYRICS, frames=st.integers(1, 90), seed=st.integers(0, 1000), cut=st.integers(1, 4), noise=st.booleans())
def test_times_never_decrease_and_tags_are_no_lines(lyrics: str, frames: int, seed: int, cut: int, noise: bool) -> None:
    """Also where characters are cut into tokens of a few bytes, where there are fewer frames than tokens, and for noise."""
    whole = lyrics.encode()
    pieces = [whole[at : at + cut] for at in range(0, len(whole), cut)]
    if not pieces:
        return
    maps = diagonal(len(pieces), frames, seed=seed)
    if noise:
        maps = [np.random.default_rng(seed).random((len(pieces), frames)).astype(np.float32)]
    alignment = align_by_attention(maps, pieces, 10.0, 9.5)
    expected_lines = [row for stanza in parse(lyrics) for row in stanza.lines]
    assert [line.text for line in alignment.timing.lines] == [line.text for line in expected_lines]
    assert all("[" not in line.text for line in alignment.timing.lines)
    assert [section.name for section in alignment.timing.sections] == [row.tag for row in parse(lyrics) if row.tag]
    last = 0.0
    for line in alignment.timing.lines:
        assert last <= line.start_s <= line.end_s <= 9.5
        last = line.start_s
        at = line.start_s
        for word in line.words:
            assert at <= word.start_s <= word.end_s <= line.end_s
            at = word.end_s
        assert "".join(word.text for word in line.words) == "".join(line.text.split())
    for section in alignment.timing.sections:
        assert 0 <= section.start_s <= section.end_s <= 9.5
    if alignment.agreement is not None:
        assert 0 <= alignment.agreement.score <= 1


@settings(deadline=None, max_examples=40)
@given(by=st.integers(0, 40), seed=st.integers(0, 1000))
def test_a_shifted_map_shifts_the_times(by: int, seed: int) -> None:
    """Tokens sung later come later, by as many frames; only the first begins at the start, and the last ends at the end."""
    text = "[a]\none two\nthree"
    frames, tokens = 60, len(text)
    rng = np.random.default_rng(seed)
    clean = np.zeros((tokens, frames + 40), np.float32)
    for token in range(tokens):
        clean[token, 3 * token : 3 * token + 3] = 1 + rng.random()
    plain = align_by_attention([clean], characters(text), 100.0, 100.0).timing
    shifted_timing = align_by_attention([np.roll(clean, by, axis=1)], characters(text), 100.0, 100.0).timing
    for one, other in zip(plain.lines, shifted_timing.lines, strict=True):
        assert other.start_s == pytest.approx(one.start_s + by)
        for word, later in zip(one.words, other.words, strict=True):
            assert later.start_s == pytest.approx(word.start_s + by)


def test_the_order_of_heads_and_where_characters_are_cut_do_not_matter() -> None:
    text = f"[Verse]\n하늘 {FAMILY} 空"
    maps = diagonal(len(text), 200, heads=4)
    one, other = (align_by_attention(some, characters(text), 8.0, 8.0) for some in (maps, maps[::-1]))
    assert one.timing == other.timing
    cut = [piece[at : at + 1] for piece in characters(text) for at in range(len(piece))]
    repeat = [len(piece) for piece in characters(text)]
    each = align_by_attention([np.repeat(m, repeat, axis=0) for m in maps], cut, 8.0, 8.0)
    assert [line.text for line in each.timing.lines] == [f"하늘 {FAMILY} 空"]
    assert [word.text for word in each.timing.lines[0].words] == ["하늘", FAMILY, "空"]


def test_lyrics_without_words_have_no_score() -> None:
    assert align_by_attention([], [], 1.0, 1.0).agreement is None
    tags = align_by_attention(diagonal(9, 20), characters("[Intro]\n\n"), 1.0, 1.0)
    assert tags.timing.lines == ()
    assert [section.name for section in tags.timing.sections] == ["Intro"]
    only = align_by_attention(diagonal(7, 20), characters("[Intro]"), 1.0, 1.0)
    assert only.agreement is None


def test_uniform_maps_still_give_times() -> None:
    alignment = align_by_attention([np.full((6, 30), 0.5, np.float32)], characters("la\nla\n"), 3.0, 3.0)
    assert [line.text for line in alignment.timing.lines] == ["la", "la"]
    assert alignment.agreement is not None
    assert alignment.agreement.score == 0


def test_maps_that_are_not_finite_are_refused() -> None:
    with pytest.raises(EngineFailure, match="no numbers"):
        align_by_attention([np.full((3, 5), np.nan, np.float32)], characters("abc"), 1.0, 1.0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("walking  down", ["walking", "down"]), ("새로운 가사", ["새로운", "가사"]), ("空、見よ", ["空、", "見", "よ"]),
        ("ちょっと待って", ["ちょっ", "と", "待っ", "て"]), ("テレビゲーム", ["テ", "レ", "ビ", "ゲー", "ム"]),
        ("我爱rock你", ["我", "爱", "rock", "你"]),
        (f"{FAMILY} hi", [FAMILY, "hi"]), ("", []), ("  ", []), ("e\u0301te\u0301 (oh)", ["e\u0301te\u0301", "(oh)"]),
    ],
)  # fmt: skip
def test_words(text: str, words: list[str]) -> None:
    assert [text[a:b] for a, b in word_spans(text)] == words


def test_text_truncated_within_a_character() -> None:
    assert decode_pieces([b"la ", "하".encode()[:2]]) == "la "
