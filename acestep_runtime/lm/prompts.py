"""Prompts of the language model: one for each mode, and the negative prompts of guidance.

mode       instruction   user message                 the model writes
plan       generate      caption and lyrics           <think> metadata </think>
codes      generate      caption, lyrics, a thought   codes of the audio
describe   understand    codes of the audio           <think> metadata </think>, lyrics
sample     expand        a sentence                   <think> metadata </think>, lyrics
format     format        caption and lyrics           <think> metadata </think>, lyrics

Source: the public ACE-Step 1.5 code. In the codes prompt the turn of the thought stays open: the codes go on in it.
"""

from __future__ import annotations

from collections.abc import Iterable

from acestep_runtime.text.tokens import guard_text

GENERATE = "Generate audio semantic tokens based on the given conditions:"
UNDERSTAND = "Understand the given musical conditions and describe the audio semantics accordingly:"
EXPAND = "Expand the user's input into a more detailed and specific musical description:"
FORMAT = "Format the user's input into a more detailed and specific musical description:"

TURN_BEGIN, TURN_END = "<|im_start|>", "<|im_end|>"
THINK_BEGIN, THINK_END = "<think>", "</think>"
#: Precedes lyrics after a thought.
LYRIC_HEADING = "\n\n# Lyric\n"
#: The user message of unconditional prompts, and of what is blank.
NO_INPUT = "NO USER INPUT"
_INSTRUMENTAL = "[Instrumental]"


def plan_prompt(caption: str, lyrics: str) -> str:
    """Return the prompt for the metadata of a song."""
    return _chat_prompt(GENERATE, f"# Caption\n{guard_text(caption)}\n\n# Lyric\n{guard_text(lyrics)}\n")


def codes_prompt(caption: str, lyrics: str, thought: str) -> str:
    """Return the prompt for the codes of a song. ``thought`` is YAML of `grammar.metadata_to_yaml`."""
    return plan_prompt(caption, lyrics) + _think_block(thought)


def codes_negative_prompt(negative: str = "") -> str:
    """Return the unconditional prompt of `codes_prompt`: no song and no thought, but the ``negative`` text if there is one.

    Guidance then strengthens caption, lyrics and metadata, all that this prompt lacks.
    """
    is_given = negative.strip() not in ("", NO_INPUT)
    return _chat_prompt(GENERATE, guard_text(negative) if is_given else NO_INPUT) + _think_block("")


def _think_block(text: str) -> str:
    return f"{THINK_BEGIN}\n{guard_text(text).strip()}\n{THINK_END}\n\n"


def describe_prompt(audio_codes: Iterable[int]) -> str:
    """Return the prompt for a description of audio."""
    return _chat_prompt(UNDERSTAND, "".join(map(code_token, audio_codes)))


def describe_negative_prompt(negative: str = "") -> str:
    """Return the negative prompt of `describe_prompt`."""
    return _chat_prompt(UNDERSTAND, guard_text(negative))


def sample_prompt(sentence: str, *, instrumental: bool = False) -> str:
    """Return the prompt for a song from a sentence."""
    words = guard_text(sentence) if sentence.strip() else NO_INPUT
    return _chat_prompt(EXPAND, f"{words}\n\ninstrumental: {'true' if instrumental else 'false'}")


def format_prompt(caption: str, lyrics: str) -> str:
    """Return the prompt for the standard form of a caption and lyrics."""
    description = guard_text(caption) if caption.strip() else NO_INPUT
    words = guard_text(lyrics) if lyrics.strip() else _INSTRUMENTAL
    return _chat_prompt(FORMAT, f"# Caption\n{description}\n\n# Lyric\n{words}")


def code_token(number: int) -> str:
    """Return the token of an audio code."""
    return f"<|audio_code_{number}|>"


def _chat_prompt(instruction: str, user_message: str) -> str:
    system_turn = f"{TURN_BEGIN}system\n# Instruction\n{instruction}\n\n{TURN_END}\n"
    return f"{system_turn}{TURN_BEGIN}user\n{user_message}{TURN_END}\n{TURN_BEGIN}assistant\n"
