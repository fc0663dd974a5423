"""The options of ``acebridge protools run`` are those of the commands of its tasks."""

from __future__ import annotations

import inspect
import re

import pytest

from acebridge.cli import protools
from acebridge.cli.app import TASK_COMMANDS
from acestep_runtime.errors import InvalidValue

#: Its own: what is done, how the result is placed, and where Pro Tools is.
OWN = {"task", "caption_words", "replace", "mark", "port"}
DECLARED = inspect.signature(protools.run).parameters
OPTIONS = [name for name in DECLARED if name not in OWN]


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_is_declared_as_in_the_commands_of_tasks(option: str) -> None:
    commands = [TASK_COMMANDS[task.value] for task in protools.TaskName]
    found = {
        inspect.signature(command.run).parameters[option].annotation
        for command in commands
        if option in command.options
    }
    assert DECLARED[option].annotation in found


@pytest.mark.parametrize("task", protools.TaskName)
def test_a_task_takes_the_options_of_its_command_and_no_others(task: protools.TaskName) -> None:
    for option in OPTIONS:
        given = dict.fromkeys(OPTIONS) | {option: 1}
        if option in TASK_COMMANDS[task.value].options:
            protools._check_options(task.value, given)
        else:
            with pytest.raises(InvalidValue, match=re.escape(f"{task.value} has no --{option.replace('_', '-')}.")):
                protools._check_options(task.value, given)
