"""Prompts of the language model: one for each mode, and the negative prompts of guidance.

mode       instruction   user message                 the model writes
plan       generate      caption and lyrics           <think> metadata </think>
codes      generate      caption, lyrics, a thought   codes of the audio
describe   understand    codes of the audio           <think> metadata </think>, lyrics
sample     expand        a sentence                   <think> metadata </think>, lyrics
format     format        caption and lyrics           <think> metadata </think>, lyrics

Source: the public ACE-Step 1.5 code. In the codes prompt the thought is a complete turn, as the chat template of Qwen3
writes it, and the codes follow it.
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
#: The user message of the unconditional prompt in scores.
NO_INPUT = "NO USER INPUT"


def plan_prompt(caption: str, lyrics: str) -> str:
    """Return the prompt for the metadata of a song."""
    return _chat_prompt(GENERATE, f"# Caption\n{guard_text(caption)}\n\n# Lyric\n{guard_text(lyrics)}\n")


def codes_prompt(caption: str, lyrics: str, thought: str) -> str:
    """Return the prompt for the codes of a song. ``thought`` is YAML of `grammar.metadata_to_yaml`."""
    return f"{plan_prompt(caption, lyrics)}{THINK_BEGIN}\n{guard_text(thought).strip()}\n{THINK_END}\n\n{TURN_END}\n"


def codes_negative_prompt(caption: str, lyrics: str, negative: str = "") -> str:
    """Return the negative prompt of `codes_prompt`: no thought, and the ``negative`` caption if there is one."""
    return codes_prompt(negative if negative.strip() else caption, lyrics, "")


def describe_prompt(audio_codes: Iterable[int]) -> str:
    """Return the prompt for a description of audio."""
    return _chat_prompt(UNDERSTAND, "".join(map(code_token, audio_codes)))


def describe_negative_prompt(negative: str = "") -> str:
    """Return the negative prompt of `describe_prompt`."""
    return _chat_prompt(UNDERSTAND, guard_text(negative))


def sample_prompt(sentence: str, *, instrumental: bool = False) -> str:
    """Return the prompt for a song from a sentence."""
    return _chat_prompt(EXPAND, f"{guard_text(sentence)}\n\ninstrumental: {'true' if instrumental else 'false'}")


def format_prompt(caption: str, lyrics: str) -> str:
    """Return the prompt for the standard form of a caption and lyrics."""
    return _chat_prompt(FORMAT, f"# Caption\n{guard_text(caption)}\n\n# Lyric\n{guard_text(lyrics)}")


def code_token(number: int) -> str:
    """Return the token of an audio code."""
    return f"<|audio_code_{number}|>"


def _chat_prompt(instruction: str, user_message: str) -> str:
    system_turn = f"{TURN_BEGIN}system\n# Instruction\n{instruction}\n\n{TURN_END}\n"
    return f"{system_turn}{TURN_BEGIN}user\n{user_message}{TURN_END}\n{TURN_BEGIN}assistant\n"
