"""Changing a plan in its file: the parser says the change is there, and all else stays as it was written."""

from __future__ import annotations

import difflib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acestep_runtime.errors import InvalidValue
from acestep_runtime.song.plan_edit import set_like
from acestep_runtime.song.plan_file import parse_plan

PLAN = '''# my song
bpm = 120

[[section]]   # it begins
name = "Verse"
bars = 4
lyrics = """
[[section]]
name = "Chorus 2"
like = "Verse"
"""

[[ section ]]
bars = 4
name = 'Chorus'  # loud

[["section"]]
bars = 4
like = "Verse" # for now
name = "Chorus 2"
'''


def edit(path: Path, text: str, *arguments: str, strength: float | None = None) -> list[str]:
    """Return the lines that are other ones after the change, with + and -."""
    path.write_bytes(text.encode())
    set_like(path, *arguments, strength=strength)
    before, after = text.splitlines(), path.read_bytes().decode().splitlines()
    return [line for line in difflib.ndiff(before, after) if line[0] in "+-"]


def test_a_line_is_added_or_replaced_in_its_section(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    assert edit(path, PLAN, "Chorus", "verse") == ['+ like = "Verse"']
    assert parse_plan(path.read_text("utf-8")).sections[1].like == "Verse"
    assert edit(path, PLAN, "Chorus 2", "Chorus") == ['- like = "Verse" # for now', '+ like = "Chorus"']
    assert edit(path, PLAN, "Chorus 2", "Verse", strength=0.5) == ["+ like_strength = 0.5"]


def test_line_ends_and_the_end_of_the_file_stay(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    text = 'bpm = 120\r\n[[section]]\r\nname = "A"\r\nbars = 1\r\n[[section]]\r\nbars = 1\r\nname = "B"'
    path.write_bytes(text.encode())
    set_like(path, "B", "A")
    assert path.read_bytes().decode() == text + '\nlike = "A"\n'
    path.write_bytes(text.replace('bars = 1\r\nname = "B"', 'name = "B"\r\nbars = 1').encode())
    set_like(path, "B", "A")
    assert b'name = "B"\r\nlike = "A"\r\nbars = 1' in path.read_bytes()


def test_a_plan_that_is_written_in_another_way_is_refused_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    text = 'bpm = 120\nsection = [{name = "A", bars = 1}, {name = "B", bars = 1}]\n'
    path.write_text(text, "utf-8")
    with pytest.raises(InvalidValue, match=r'section "B" cannot be changed\. Write like = "A" below it yourself'):
        set_like(path, "B", "A")
    assert path.read_text("utf-8") == text


NAME = st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=12).filter(
    lambda text: text.strip() == text and text.isprintable()
)


@given(
    names=st.lists(NAME, min_size=2, max_size=5, unique_by=str.casefold),
    lyrics=st.text(st.characters(exclude_categories=("Cs",)), max_size=40),
    data=st.data(),
)
def test_any_section_can_be_made_like_an_earlier_one(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], lyrics: str, data: st.DataObject
) -> None:
    number = data.draw(st.integers(1, len(names) - 1))
    model = data.draw(st.integers(0, number - 1))
    text = "bpm = 120\n" + "".join(
        f"[[section]]\nname = {quote(name)}\nbars = 1\nlyrics = {quote(lyrics)}\n" for name in names
    )
    path = tmp_path_factory.mktemp("edit") / "plan.toml"
    path.write_bytes(text.encode())
    before = parse_plan(path.read_bytes().decode())
    after = set_like(path, names[number], names[model])
    assert [section.like for section in after.sections] == [
        names[model] if at == number else "" for at in range(len(names))
    ]
    assert [section.lyrics for section in after.sections] == [section.lyrics for section in before.sections]


def quote(text: str) -> str:
    """Return a text as TOML has it, which escapes what JSON does and one more."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
