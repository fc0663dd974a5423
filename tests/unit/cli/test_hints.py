"""Words of other programs are answered with the word of this one, and real ones never are."""

from __future__ import annotations

from typing import Any

import pytest
import typer

from acebridge.cli.app import TASK_COMMANDS, app
from acebridge.cli.hints import ALIASES, COMMANDS, OPTIONS, USUAL, check_words, replace_alias
from acestep_runtime.errors import InvalidValue

GROUP: Any = typer.main.get_command(app)


def options_of(command: str) -> set[str]:
    return {option for parameter in GROUP.commands[command].params for option in parameter.opts}


@pytest.mark.parametrize("word", COMMANDS)
def test_a_command_of_another_program(word: str) -> None:
    assert word not in GROUP.commands
    meant = COMMANDS[word].format(word).split()
    place = GROUP
    if meant != ["--version"]:
        for part in (part for part in meant if part != "--help"):
            place = place.commands[part]
    with pytest.raises(
        InvalidValue, match=rf"^There is no command {word}\. Did you mean `acebridge {' '.join(meant)}`\?$"
    ):
        check_words([word, "x"])


@pytest.mark.parametrize("word", OPTIONS)
def test_an_option_of_another_program(word: str) -> None:
    assert not any(word in options_of(command) for command in TASK_COMMANDS)
    check_words(["serve", word])  # which has options of its own
    having = [command for command in TASK_COMMANDS if OPTIONS[word] in options_of(command)]
    assert having
    for command in TASK_COMMANDS:
        arguments = [command, "song.wav", f"{word}=3"]
        if command in having:
            with pytest.raises(InvalidValue, match=rf"^There is no option {word}\. Did you mean `{OPTIONS[word]}`\?$"):
                check_words(arguments)
        else:
            check_words(arguments)


def test_what_is_right_passes() -> None:
    for command in GROUP.commands:
        check_words([command, "--help"])
    check_words([])
    check_words(["generate"])
    check_words(["generate", "warm soul", "--duration", "3"])
    check_words(["generate", "-c", "tempo", "--bpm", "100"])


@pytest.mark.parametrize("word", ALIASES)
def test_an_alias_is_taken_for_the_command(word: str) -> None:
    assert word not in COMMANDS
    assert word not in GROUP.commands
    place = GROUP
    for part in ALIASES[word]:
        place = place.commands[part]
    assert replace_alias([word, "x", word]) == [*ALIASES[word], "x", word]


def test_what_is_no_alias_stays() -> None:
    assert not replace_alias([])
    assert replace_alias(["jobs", "ps"]) == ["jobs", "ps"]


def test_the_usual_command_of_a_group_is_meant_where_none_is_named() -> None:
    for group, names in USUAL.items():
        assert set(names) == GROUP.commands[group].commands.keys()
        assert replace_alias([group, "x.toml"]) == [group, names[0], "x.toml"]
        assert replace_alias([group, "--json", "x.toml"]) == [group, names[0], "--json", "x.toml"]
        for known in (*names, "-h", "--help"):
            assert replace_alias([group, known]) == [group, known]
        assert replace_alias([group]) == [group]
