"""Help as it is shown: nothing in it is taken for markup and left out."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import acebridge.cli

FILES = sorted(Path(acebridge.cli.__file__).parent.glob("*.py"))


def help_texts(file: Path) -> list[str]:
    """Every ``help=`` of a module, and the docstrings of its functions with a decorator: those are commands."""
    tree = ast.parse(file.read_text("utf-8"))
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == "help"]
    return [text.value for text in texts if isinstance(text, ast.Constant) and isinstance(text.value, str)] + [
        ast.get_docstring(node) or ""
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.decorator_list
    ]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_no_words_stand_in_brackets(file: Path) -> None:
    assert not [text for text in help_texts(file) if re.search(r"(?<!\\)\[[a-z_ ]+\]", text)]


def test_help_is_found() -> None:
    texts = [text for file in FILES for text in help_texts(file)]
    assert "Address to listen at (127.0.0.1)." in texts
    assert any(text.startswith("Serve OSC over UDP and TCP") for text in texts)
