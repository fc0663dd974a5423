"""The language check of `make lint`: names are verbs or nouns, and some words and phrases are not used at all.

A function whose name begins with a past participle (``decoded``, ``_shifted_chords``) and a class whose name ends in one
(``Kept``) say what became of something, not what the code does. `language.toml` beside this file lists the phrases and words
that are not used, and the exceptions, each with its reason. ``python -m tests.support.language`` prints every place and exits
with 1 if there is one.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
TABLE = Path(__file__).with_suffix(".toml")
#: Text that people read. Generated code and data are left out.
_TEXT = re.compile(r".*\.(py|pyi|lua|md|proto|toml|mjs|c|cpp|hpp|h)|Makefile|.*/run")
_NOT_OURS = re.compile(
    r".*_pb2(_grpc)?\.pyi?|protos/google/.*|LICENSE|tests/.*/(test_)?language\.(py|toml)|docs/glossary\.md|.*/text/.*\.toml"
)
_FUNCTION = re.compile(r"^\s*(?:local\s+)?function\s+(?:[\w.]*[.:])?(\w+)", re.MULTILINE)


class Finding(NamedTuple):
    """A place that breaks a rule, and what to do."""

    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


class Table(NamedTuple):
    """What `language.toml` holds: phrase or word → what to write, name → why it may stay, and which words are participles."""

    phrases: dict[str, str]
    words: dict[str, str]
    exceptions: dict[str, str]
    irregular_participles: frozenset[str]
    no_participles: frozenset[str]


def load_table(path: Path = TABLE) -> Table:
    """Read the words. Raises ``ValueError`` for an exception without a reason."""
    values = tomllib.loads(path.read_text("utf-8"))
    for name in ("irregular_participles", "no_participles"):
        values[name] = frozenset(values[name].split())
    table = Table(**values)
    for name, reason in table.exceptions.items():
        if not reason.strip():
            raise ValueError(f"{path.name}: the exception {name} has no reason")
    return table


def split_name(name: str) -> list[str]:
    """Return the words of an identifier, lower case: ``["job", "sink"]`` for ``JobSink`` and ``_job_sink``."""
    return [word for word in re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().split("_") if word]


def is_participle(word: str, table: Table) -> bool:
    """Return whether a word is a past participle: a verb's form that says what became of a thing."""
    regular = len(word) > 4 and word.endswith("ed") and word not in table.no_participles
    return regular or word in table.irregular_participles


def check_python(path: str, source: str, table: Table) -> Iterator[Finding]:
    """Yield the names of a Python file that break a rule."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            words = split_name(node.name)
            if words and is_participle(words[0], table) and node.name not in table.exceptions:
                yield Finding(path, node.lineno, f"{node.name}: a function is a verb phrase or a noun, no participle")
            yield from _check_words(path, node.lineno, node.name, table)
        elif isinstance(node, ast.ClassDef):
            words = split_name(node.name)
            if words and is_participle(words[-1], table) and node.name not in table.exceptions:
                yield Finding(path, node.lineno, f"{node.name}: a class is a noun, no participle")
            yield from _check_words(path, node.lineno, node.name, table)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield from _check_words(path, node.lineno, node.id, table)
        elif isinstance(node, ast.arg):
            yield from _check_words(path, node.lineno, node.arg, table)


def check_lua(path: str, source: str, table: Table) -> Iterator[Finding]:
    """Yield the functions of a Lua file whose names break a rule."""
    for match in _FUNCTION.finditer(source):
        name, line = match[1], source.count("\n", 0, match.start(1)) + 1
        words = split_name(name)
        if words and is_participle(words[0], table) and name not in table.exceptions:
            yield Finding(path, line, f"{name}: a function is a verb phrase or a noun, no participle")
        yield from _check_words(path, line, name, table)


def _check_words(path: str, line: int, name: str, table: Table) -> Iterator[Finding]:
    if name not in table.exceptions:
        for word in split_name(name):
            if word in table.words:
                yield Finding(path, line, f"{name}: not {word!r}; say {table.words[word]}")


def check_text(path: str, text: str, table: Table) -> Iterator[Finding]:
    """Yield the phrases of any text that are not used here; a line break counts as a space."""
    for phrase, instead in table.phrases.items():
        pattern = r"\b" + r"(?:\s+(?:#|//|--|\*)?\s*)".join(map(re.escape, phrase.split())) + r"\b"
        for match in re.finditer(pattern, text, re.IGNORECASE):
            yield Finding(path, text.count("\n", 0, match.start()) + 1, f"not {phrase!r}; say {instead}")


_CHECKS = {".py": check_python, ".lua": check_lua}


def check_file(path: str, text: str, table: Table) -> Iterator[Finding]:
    """Yield all that a file does wrong."""
    check = _CHECKS.get(Path(path).suffix)
    if check is not None:
        yield from check(path, text, table)
    yield from check_text(path, text, table)


def unused_exceptions(files: dict[str, str], table: Table) -> list[str]:
    """Return exceptions that no file needs: they would hide the next mistake."""
    bare = table._replace(exceptions={})
    needed = {finding.text.split(":")[0] for path, text in files.items() for finding in check_file(path, text, bare)}
    return [name for name in table.exceptions if name not in needed]


def read_files() -> dict[str, str]:
    """Return the text of every file of the project that people read, by path."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    paths = (path for path in listed if _TEXT.fullmatch(path) and not _NOT_OURS.fullmatch(path))
    return {path: (ROOT / path).read_text("utf-8") for path in paths if (ROOT / path).is_file()}


def main() -> int:
    """Check the whole project; return the exit status."""
    table, files = load_table(), read_files()
    findings = [finding for path, text in files.items() for finding in check_file(path, text, table)]
    for finding in findings:
        print(finding)
    unused = unused_exceptions(files, table)
    for name in unused:
        print(f"{TABLE.name}: the exception {name} is not needed any more")
    print(f"Language: {len(files)} files, {len(findings)} findings, {len(table.exceptions)} exceptions")
    return 1 if findings or unused else 0


if __name__ == "__main__":
    sys.exit(main())
