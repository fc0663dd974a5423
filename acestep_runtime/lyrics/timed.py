"""Timed lyrics: lines, their words, and sections."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class TimedWord:
    """A word sung from ``start_s`` to ``end_s`` seconds."""

    start_s: float
    end_s: float
    text: str

    def shift(self, by_s: float) -> TimedWord:
        """Return the word ``by_s`` seconds later."""
        return replace(self, start_s=self.start_s + by_s, end_s=self.end_s + by_s)


@dataclass(frozen=True)
class TimedLine:
    """A line sung from ``start_s`` to ``end_s`` seconds; ``words`` is empty where their times are unknown.

    ``translations`` are shown with the line and never sung.
    """

    start_s: float
    end_s: float
    text: str
    words: tuple[TimedWord, ...] = ()
    translations: tuple[str, ...] = ()

    def shift(self, by_s: float) -> TimedLine:
        """Return the line ``by_s`` seconds later."""
        words = tuple(word.shift(by_s) for word in self.words)
        return replace(self, start_s=self.start_s + by_s, end_s=self.end_s + by_s, words=words)


@dataclass(frozen=True)
class TimedSection:
    """A section of the song, such as "Verse 1", from ``start_s`` to ``end_s`` seconds."""

    start_s: float
    end_s: float
    name: str

    def shift(self, by_s: float) -> TimedSection:
        """Return the section ``by_s`` seconds later."""
        return replace(self, start_s=self.start_s + by_s, end_s=self.end_s + by_s)


@dataclass(frozen=True)
class Timing:
    """Lines and sections in order of time."""

    lines: tuple[TimedLine, ...]
    sections: tuple[TimedSection, ...]

    def between(self, start_s: float, end_s: float) -> Timing:
        """Return the lines that are sung from ``start_s`` to ``end_s`` for at least half of their time, or of that, and the
        sections they belong to."""
        lines = tuple(line for line in self.lines if _is_within(line, start_s, end_s))
        sections = (
            replace(section, start_s=max(section.start_s, min(line.start_s for line in own)))
            for section in self.sections
            if (own := [line for line in lines if section.start_s <= line.start_s < section.end_s])
        )
        return Timing(lines, tuple(sections))

    def with_translations(self, known: Timing) -> Timing:
        """Return the same with the translations of ``known``, of the lines that have the same words, in order."""
        found: dict[str, list[tuple[str, ...]]] = {}
        for line in known.lines:
            found.setdefault(_words_of(line), []).append(line.translations)
        lines = []
        for line in self.lines:
            same = found.get(_words_of(line), [])
            # A line that returns is known each time, or once.
            translations = (same.pop(0) if len(same) > 1 else same[0]) if same else ()
            lines.append(replace(line, translations=line.translations or translations))
        return replace(self, lines=tuple(lines))

    @property
    def lyrics(self) -> str:
        """The words alone, a row for each line, and a tag where a section begins."""
        rows = [(section.start_s, 0, f"[{section.name}]") for section in self.sections]
        rows += [(line.start_s, 1, line.text) for line in self.lines]
        return "\n".join(text for *_, text in sorted(rows, key=lambda row: row[:2]))

    def shift(self, by_s: float) -> Timing:
        """Return lines and sections ``by_s`` seconds later, as for a region that begins there in a song."""
        return Timing(
            tuple(line.shift(by_s) for line in self.lines), tuple(section.shift(by_s) for section in self.sections)
        )


def _words_of(line: TimedLine) -> str:
    """Return the words of a line for comparison."""
    return " ".join(line.text.split()).casefold()


def _is_within(line: TimedLine, start_s: float, end_s: float) -> bool:
    common_s = min(line.end_s, end_s) - max(line.start_s, start_s)
    shorter_s = min(line.end_s - line.start_s, end_s - start_s)
    return common_s >= shorter_s / 2 and (common_s > 0 or start_s <= line.start_s < end_s)
