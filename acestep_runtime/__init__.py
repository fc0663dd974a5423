"""AI music without a host: tasks, engines and signal processing. No network, no DAW, no database.

The Python API is ``from acestep_runtime import generate, …``; see `acestep_runtime.guide`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from acestep_runtime.guide import (
        Audio,
        Result,
        Take,
        Transcription,
        analyze_audio,
        concat,
        downmix,
        generate,
        mix,
        save,
        save_lrc,
        transcribe,
    )

__all__ = [
    "Audio", "Result", "Take", "Transcription", "analyze_audio", "concat", "downmix", "generate", "mix", "save", "save_lrc",
    "transcribe",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import the API on first use: importing a single module of the runtime stays cheap."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from acestep_runtime import guide

    return getattr(guide, name)
