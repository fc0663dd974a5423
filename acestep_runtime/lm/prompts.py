"""What the language model is told, as text: one prompt for each mode, and what stands for "nothing was asked" in guidance.

mode         instruction   user                         the model writes
plan         generate      caption and lyrics           <think> metadata </think>
codes        generate      caption, lyrics, a thought   codes of the audio
understand   understand    codes of the audio           <think> metadata </think>, lyrics
simple       expand        a sentence                   <think> metadata </think>, lyrics
format       format        caption and lyrics           <think> metadata </think>, lyrics

Source: the public ACE-Step 1.5 code; the thought of the mode codes stands in a turn of its own that is ended, as the chat
template of Qwen3 writes it, and the codes follow after that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

GENERATE = "Generate audio semantic tokens based on the given conditions:"
UNDERSTAND = "Understand the given musical conditions and describe the audio semantics accordingly:"
EXPAND = "Expand the user's input into a more detailed and specific musical description:"
FORMAT = "Format the user's input into a more detailed and specific musical description:"

BEGIN, END = "<|im_start|>", "<|im_end|>"
THINK, THOUGHT = "<think>", "</think>"
#: Follows a thought where lyrics come after it.
LYRIC_HEADING = "\n\n# Lyric\n"
#: Stands for a text that nobody gave, when a score asks how likely the model finds one without reason.
NO_INPUT = "NO USER INPUT"

#: What a tokenizer would take for a mark of its own, in the text of a user.
_MARK = re.compile(r"<\|[^<>|]*\|>|</?think>")


def plan(caption: str, lyrics: str) -> str:
    """Return the prompt after which the model thinks about a song."""
    return _chat(GENERATE, f"# Caption\n{plain(caption)}\n\n# Lyric\n{plain(lyrics)}\n")


def codes(caption: str, lyrics: str, thought: str) -> str:
    """Return the prompt after which the model writes codes. ``thought`` is YAML, as `grammar.written` writes it."""
    return f"{plan(caption, lyrics)}{THINK}\n{plain(thought).strip()}\n{THOUGHT}\n\n{END}\n"


def codes_unguided(caption: str, lyrics: str, negative: str = "") -> str:
    """Return what guidance compares `codes` with: no thought, and a caption that is not wanted if one is given."""
    return codes(negative if negative.strip() else caption, lyrics, "")


def understand(audio_codes: Iterable[int]) -> str:
    """Return the prompt after which the model describes audio."""
    return _chat(UNDERSTAND, "".join(map(code, audio_codes)))


def understand_unguided(negative: str = "") -> str:
    """Return what guidance compares `understand` with."""
    return _chat(UNDERSTAND, plain(negative))


def simple(sentence: str, *, instrumental: bool = False) -> str:
    """Return the prompt after which the model writes a song from a sentence."""
    return _chat(EXPAND, f"{plain(sentence)}\n\ninstrumental: {'true' if instrumental else 'false'}")


def formatted(caption: str, lyrics: str) -> str:
    """Return the prompt after which the model puts caption and lyrics into form."""
    return _chat(FORMAT, f"# Caption\n{plain(caption)}\n\n# Lyric\n{plain(lyrics)}")


def code(number: int) -> str:
    """Return the mark of an audio code."""
    return f"<|audio_code_{number}|>"


def _chat(instruction: str, user: str) -> str:
    system = f"# Instruction\n{instruction}\n\n"
    return f"{BEGIN}system\n{system}{END}\n{BEGIN}user\n{user}{END}\n{BEGIN}assistant\n"


def plain(text: str) -> str:
    """Return a user's text without anything that would end its turn, also where taking one mark away makes another."""
    while (without := _MARK.sub("", text)) != text:
        text = without
    return text
