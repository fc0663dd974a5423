"""Fields of requests by the names that they have at the command line: ``output.takes`` is ``--takes``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from acebridge.cli.request_fields import FIELDS, GROUPS, SUBMISSION
from acebridge.errors import ErrorReason, JobFailed, reason_of
from acestep_runtime.errors import InvalidValue

#: Options that are not written as they are called in the code.
_WRITTEN = {"encoding": "--format", "tries": "--best-of", "contents": "--mix", "voices": "--mono"}


def flag_of(option: str) -> str:
    """Return an option as it is written at the command line."""
    return _WRITTEN.get(option, f"--{option.replace('_', '-')}")


#: Field of a request, with its group → option.
OPTIONS_OF_FIELDS = {
    **{field: flag_of(option) for field, option in FIELDS.items()},
    **{f"{group}.{field}": flag_of(option) for group, names in GROUPS.items() for field, option in names.items()},
    **{f"submission.{field}": flag_of(option) for field, option in SUBMISSION.items()},
    **dict.fromkeys(("match_loudness", "loudness_of"), "--match-loudness"),
    **dict.fromkeys(("sampling.adapters.name", "sampling.adapters.scale"), "--lora"),
    "seed": "--seed",
    "take": "--take",
    "reference": "--reference",
    # Words of the language that are no options in the middle of a sentence, or an argument.
    "description": "The description",
    "codes": "The plan's list of codes",
}
#: Fields that are no words of the language, so that they are fields wherever they stand.
_UNMISTAKABLE = re.compile(
    r"(?<![\w.])("
    + "|".join(re.escape(name) for name in sorted(OPTIONS_OF_FIELDS, key=len, reverse=True) if {".", "_"} & set(name))
    + r")(?![\w]|\.\w)"
)


def with_options(sentence: str) -> str:
    """Return a sentence with the options that stand for the fields in it."""
    first, space, rest = sentence.partition(" ")
    sentence = f"{OPTIONS_OF_FIELDS.get(first, first)}{space}{rest}"
    return _UNMISTAKABLE.sub(lambda match: OPTIONS_OF_FIELDS[match[0]], sentence)


def _remedy(error: JobFailed | InvalidValue) -> str:
    """Return what to do about an error, with the option that does it."""
    if reason_of(error) is not ErrorReason.UNREADABLE_AUDIO:
        return error.remedy
    from acestep_runtime.audio.decode import STEREO_REMEDY

    return f"{error.remedy} --downmix mixes it down." if error.remedy == STEREO_REMEDY else error.remedy


@contextmanager
def name_options() -> Iterator[None]:
    """Have the errors of a command name its options where they name fields of its request."""
    try:
        yield
    except JobFailed as error:
        error.message, error.remedy = with_options(error.message), with_options(_remedy(error))
        error.args = (f"{error.message} {error.remedy}".rstrip(),)
        raise
    except InvalidValue as error:
        error.field, error.remedy = OPTIONS_OF_FIELDS.get(error.field, error.field), _remedy(error)
        raise
