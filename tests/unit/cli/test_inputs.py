"""The command line's own reading of inputs, before it calls a daemon."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from acebridge.cli.request_fields import request_fields
from acebridge.client.client import Client
from acestep_runtime.errors import InvalidValue
from acestep_runtime.tasks import Repaint, TextToMusic


def test_lyrics_are_a_text_or_the_name_of_a_text_file(tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("[Verse]\n밤하늘", "utf-8-sig")

    def lyrics(given: str) -> str:
        text: str = request_fields(TextToMusic, {"lyrics": given})["music"]["lyrics"]
        return text

    assert lyrics(str(words)) == "[Verse]\n밤하늘"
    assert lyrics("[Verse]\nHello") == "[Verse]\nHello"
    assert lyrics("la " * 2000) == "la " * 2000
    words.write_text("[Verse]\n밤하늘", "utf-16")
    with pytest.raises(InvalidValue, match="Save it as UTF-8"):
        lyrics(str(words))


def test_zero_is_given_and_nothing_is_not() -> None:
    fields = request_fields(Repaint, {"start": 0.0, "context": 0.0, "seed": [0], "auto_lrc": False})
    assert fields == {"start_s": 0.0, "context_s": 0.0, "output": {"seeds": [0]}}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    with Client("127.0.0.1:1") as client, pytest.raises(OSError, match="not an audio file"):
        client.upload(tmp_path / "pipe.wav")
