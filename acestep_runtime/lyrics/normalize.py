"""Normalising lyrics: uniform section tags, one empty line between stanzas, no words lost."""

from __future__ import annotations

import re
from collections import Counter

from acestep_runtime.lyrics.marks import IS_SECTION
from acestep_runtime.values import MAX_TEXT

#: Names of sections, in lower case → as the tag is written.
SECTIONS = {
    "intro": "Intro", "verse": "Verse", "pre-chorus": "Pre-Chorus", "prechorus": "Pre-Chorus", "pre chorus": "Pre-Chorus",
    "chorus": "Chorus", "refrain": "Chorus", "hook": "Hook", "post-chorus": "Post-Chorus", "bridge": "Bridge",
    "interlude": "Interlude", "instrumental": "Instrumental", "instrumental break": "Instrumental", "solo": "Solo",
    "guitar solo": "Guitar Solo", "piano solo": "Piano Solo", "breakdown": "Breakdown", "outro": "Outro", "ending": "Outro",
    "절": "Verse", "벌스": "Verse", "후렴": "Chorus", "후렴구": "Chorus", "코러스": "Chorus", "훅": "Hook",
    "프리코러스": "Pre-Chorus", "브릿지": "Bridge", "브리지": "Bridge", "간주": "Interlude", "연주": "Instrumental",
    "인트로": "Intro", "도입": "Intro", "도입부": "Intro", "전주": "Intro", "아웃트로": "Outro",
    "엔딩": "Outro", "후주": "Outro",
    "솔로": "Solo", "기타 솔로": "Guitar Solo", "피아노 솔로": "Piano Solo",
}  # fmt: skip
#: Names that count as a section alone in the first line of a paragraph; other names may be words of the song.
_CLEAR = ("Intro", "Verse", "Pre-Chorus", "Chorus", "Bridge", "Interlude", "Outro")
_NAME = "|".join(sorted(map(re.escape, SECTIONS), key=len, reverse=True))
_LABEL = re.compile(rf"(?:(\d{{1,2}})\s*)?({_NAME})\s*#?(\d{{1,2}})?", re.IGNORECASE)
_TAG = re.compile(rf"\[{IS_SECTION}([^\[\]\n]{{1,200}})\]")
_IN_ROUND = re.compile(r"\(\s*([^()]*?)\s*\)\s*:?")
_BEFORE_COLON = re.compile(r"([^:：]{1,30})[:：]\s*(.*)")
#: Share of common lines from which one paragraph repeats another.
_AGAIN = 0.6

Section = tuple[str, list[str]]


def normalize_lyrics(lyrics: str) -> str:
    """Return lyrics with tags such as ``[Verse 1]`` before each section and one empty line between stanzas.

    Tags in other forms ("Verse 1:", "(Chorus)", "후렴") are rewritten. Lyrics without any get tags:
    repeated paragraphs become choruses, the others verses; text before the first tag is a verse. Where that would
    make them longer than `MAX_TEXT`, they stay unchanged.
    """
    sections = _sections(lyrics)
    if not any(tag for tag, _ in sections):
        sections = _name_by_repetition([lines for _, lines in sections])
    elif not sections[0][0]:
        sections[0] = ("Verse", sections[0][1])
    blocks = ("\n".join([f"[{tag}]", *lines] if tag else lines) for tag, lines in sections)
    text = "\n\n".join(block for block in blocks if block)
    return text if len(text) <= MAX_TEXT else lyrics


def _sections(lyrics: str) -> list[Section]:
    """Return (tag, lines) for each paragraph; the tag is empty for a paragraph without one."""
    sections: list[Section] = [("", [])]
    for row in lyrics.splitlines():
        line = " ".join(row.split())
        if not line:
            sections.append(("", []))
            continue
        for tag, words in _pieces(line, first=not sections[-1][1]):
            if tag:
                sections.append((tag, []))
            if words:
                sections[-1][1].append(words)
    merged: list[Section] = []
    for tag, lines in sections:
        if not tag and not lines:
            continue
        # A tag, an empty line, then its words.
        if not tag and merged and merged[-1][0] and not merged[-1][1] and not _is_instrumental(merged[-1][0]):
            merged[-1][1].extend(lines)
        else:
            merged.append((tag, list(lines)))
    return merged


def _is_instrumental(tag: str) -> bool:
    return section_label(tag) in ("Intro", "Interlude", "Instrumental", "Solo", "Guitar Solo", "Piano Solo", "Outro")


def _pieces(line: str, *, first: bool) -> list[tuple[str, str]]:
    """Split a line into (tag, words that follow it); ``first`` marks the first line of a paragraph."""
    # A bracket that stays open would hide the words behind it, once the tag is on a line of its own.
    if (parts := _TAG.split(line))[1:] and not any("[" in words for words in parts[::2]):
        pairs = zip(["", *parts[1::2]], parts[0::2], strict=True)
        return [
            (section_label(tag) or tag.strip(), words.strip()) for tag, words in pairs if tag.strip() or words.strip()
        ]
    if (match := _IN_ROUND.fullmatch(line)) and (name := section_label(match[1])):
        return [(name, "")]
    if (match := _BEFORE_COLON.fullmatch(line)) and (name := section_label(match[1].strip("*_# "))):
        return [(name, match[2].strip("*_ "))]
    bare = section_label(line.strip("*_# "))
    if first and (bare[-1:].isdigit() or (bare in _CLEAR and (line != line.lower() or not line.isascii()))):
        return [(bare, "")]
    return [("", line)]


def section_label(text: str) -> str:
    """Return the usual spelling of a section's name: "verse 2" and "2절" are "Verse 2"; empty for other texts."""
    match = _LABEL.fullmatch(text.strip())
    if not match or (match[1] and match[3]):
        return ""
    number = match[1] or match[3]
    name = SECTIONS[match[2].lower()]
    return f"{name} {int(number)}" if number else name


def _name_by_repetition(paragraphs: list[list[str]]) -> list[Section]:
    verses, sections = 0, []
    for n, lines in enumerate(paragraphs):
        if any(_is_repeat(lines, other) for k, other in enumerate(paragraphs) if k != n):
            sections.append(("Chorus", lines))
        else:
            verses += 1
            sections.append((f"Verse {verses}", lines))
    return sections


def _is_repeat(one: list[str], other: list[str]) -> bool:
    counts = [Counter(line.casefold().strip(" .,!?~") for line in lines) for lines in (one, other)]
    return (counts[0] & counts[1]).total() >= _AGAIN * max(len(one), len(other))
