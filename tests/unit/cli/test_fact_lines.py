"""How facts about a take are printed."""

from __future__ import annotations

from acebridge.cli.perform import _fact_lines


def test_notes_are_sentences_each_on_a_line() -> None:
    notes = ["The source is taken for a mix, and was separated first.", "The tempo is steady."]
    assert _fact_lines("notes", [*notes]) == ["notes:", *(f"  {note}" for note in notes)]


def test_other_lists_are_one_line() -> None:
    assert _fact_lines("instruments", ["drums", "bass"]) == ["instruments: drums, bass"]
