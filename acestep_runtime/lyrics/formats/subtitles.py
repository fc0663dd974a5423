"""Subtitles: SubRip, and WebVTT with a time before each word, ``<00:00:12.600><c>down</c>``. Neither has sections. Cues
with the same times are a line and its translations.

WebVTT follows the W3C (webvtt1). SubRip has no standard, and no escape for a ``<`` that looks like a style: an invisible
word joiner after it makes it plain.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

from acestep_runtime.lyrics.formats.rows import (
    escape_matches,
    extract_tags,
    fold_translations,
    is_tag,
    line_error,
    plain_lines,
    split_words,
    unescape_matches,
    words_from_pieces,
)
from acestep_runtime.lyrics.timed import TimedLine, Timing
from acestep_runtime.units import seconds_to_clock

_TIME = r"(?:(\d{1,4}):)?([0-5]?\d):([0-5]\d)[,.](\d{1,3})"
_CUE = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}(?:\s.*)?")
_STYLE = re.compile(r"</?[a-zA-Z][^<>]*>|\{\\[^{}]*\}")
#: Words that would be read as a style.
_STYLE_LIKE = re.compile(r"<(?=[/a-zA-Z])|\{(?=\\)")
_TAG = re.compile(r"<([^<>]*)>")
_WORD_TIME = re.compile(_TIME)
_SRT_ALLOWED = "two times, such as 00:01:02,500 --> 00:01:05,000, above the words"
_VTT_ALLOWED = "two times, such as 00:01:02.500 --> 00:01:05.000, above the words"
_NO_CUES = ("NOTE", "STYLE", "REGION")

Block = list[tuple[int, str]]


def write_srt(timing: Timing) -> str:
    """Return the lines of ``timing`` as SubRip, to the millisecond; no words, no sections."""
    cues = (
        (line, escape_matches(text, _STYLE_LIKE))
        for line in plain_lines(timing).lines
        for text in (line.text, *line.translations)
    )
    return "".join(
        f"{number}\n{_srt_time(line.start_s)} --> {_srt_time(line.end_s)}\n{text}\n\n"
        for number, (line, text) in enumerate(cues, start=1)
    )


def write_vtt(timing: Timing) -> str:
    """Return the lines and words of ``timing`` as WebVTT, to the millisecond; no sections."""
    cues = (
        f"\n{_vtt_time(line.start_s)} --> {_vtt_time(line.end_s)}\n{text}\n"
        for line in plain_lines(timing).lines
        for text in (_vtt_words(line), *map(_escape, line.translations))
    )
    return "WEBVTT\n" + "".join(cues)


def _vtt_words(line: TimedLine) -> str:
    words = split_words(line)
    if not words:
        return _escape(line.text)
    # Times in a cue rise, and lie between its own.
    text, now, last = "", _vtt_time(line.start_s), _vtt_time(line.end_s)
    for number, (word, part) in enumerate(words):
        start, end = _vtt_time(word.start_s), _vtt_time(word.end_s)
        if now < start < last:
            text += f"<{start}>"
            now = start
        text += f"<c>{_escape(part.rstrip())}</c>{part[len(part.rstrip()) :]}"
        following = _vtt_time(words[number + 1][0].start_s) if number + 1 < len(words) else last
        if now < end < following:
            text += f"<{end}>"
            now = end
    return text


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _srt_time(time_s: float) -> str:
    return "{:02d}:{:02d}:{:02d},{:03d}".format(*seconds_to_clock(time_s))


def _vtt_time(time_s: float) -> str:
    return _srt_time(time_s).replace(",", ".")


def read_srt(text: str) -> Timing:
    """Read SubRip, without styles. Raises `InvalidValue` for words without their times."""
    lines = []
    for block in _blocks(text):
        start_s, end_s, words = _cue(block, _SRT_ALLOWED)
        lines.append(TimedLine(start_s, end_s, unescape_matches(_STYLE.sub("", " ".join(words)))))
    return extract_tags(_timing(lines))


def read_vtt(text: str) -> Timing:
    """Read WebVTT, without styles. Raises `InvalidValue` where the header is missing, and for words without
    their times."""
    blocks = list(_blocks(text))
    if not blocks or not re.fullmatch(r"WEBVTT(?:[ \t].*)?", blocks[0][0][1]):
        raise line_error(*(blocks[0][0] if blocks else (1, "")), "WEBVTT on the first line")
    lines = []
    for block in blocks[1:]:
        if not block[0][1].startswith(_NO_CUES) or any("-->" in row for _, row in block[:2]):
            start_s, end_s, words = _cue(block, _VTT_ALLOWED)
            lines.append(_vtt_line(start_s, end_s, " ".join(words)))
    return extract_tags(_timing(lines))


def _vtt_line(start_s: float, end_s: float, words: str) -> TimedLine:
    """Return the line of a cue. Its pieces begin at times and at ``<c>``; without either there are no words."""
    pieces: list[tuple[float, str]] = [(start_s, "")]
    for number, part in enumerate(_TAG.split(words)):
        if number % 2 == 0:
            at, text = pieces[-1]
            pieces[-1] = (at, text + unescape(part))
        elif time := _WORD_TIME.fullmatch(part):
            pieces.append((_seconds(*time.groups()), ""))
        elif re.match(r"c\b", part):
            pieces.append((pieces[-1][0], ""))
    text = "".join(text for _, text in pieces)
    # A time and the <c> behind it open one piece; space between words is none.
    word_pieces = [
        piece
        for piece, following in zip(pieces, [*pieces[1:], None], strict=True)
        if piece[1].strip() or following is None or following[0] > piece[0]
    ]
    return TimedLine(start_s, end_s, text.strip(), words_from_pieces(word_pieces, end_s) if len(pieces) > 1 else ())


def _timing(lines: list[TimedLine]) -> Timing:
    """Return the lines that are not blank; cues with the same times are a line and its translations."""
    folded: dict[tuple[float, float, int], TimedLine] = {}
    for number, line in enumerate(line for line in lines if line.text.strip()):
        is_own = is_tag(line.text) or line.end_s <= line.start_s
        place = (line.start_s, line.end_s, number if is_own else -1)
        folded[place] = fold_translations(folded[place], [line]) if place in folded else line
    return Timing(tuple(folded.values()), ())


def _blocks(text: str) -> Iterator[Block]:
    """Yield rows that no blank row parts, each with its number from 1."""
    block: Block = []
    for number, row in enumerate([*text.lstrip("\ufeff").splitlines(), ""], start=1):
        if row.strip():
            block.append((number, row))
        elif block:
            yield block
            block = []


def _cue(block: Block, allowed: str) -> tuple[float, float, list[str]]:
    """Return start, end and words of a cue, whose times are in its first row or below its name."""
    for at, (_, row) in enumerate(block[:2]):
        if match := _CUE.fullmatch(row):
            start_s, end_s = _seconds(*match.groups()[:4]), _seconds(*match.groups()[4:])
            return start_s, max(start_s, end_s), [row for _, row in block[at + 1 :]]
    raise line_error(*next((row for row in block[:2] if "-->" in row[1]), block[0]), allowed)


def _seconds(hours: str | None, minutes: str, seconds: str, fraction: str) -> float:
    whole = int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds)
    return whole + float(f"0.{fraction}")
