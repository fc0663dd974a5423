"""Latents follow the audio that they were decoded to, frame by frame, and a file that is damaged is none."""

from __future__ import annotations

import hashlib
import logging
import os
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acestep_runtime.latents_files import _FORMAT, MAX_BYTES, is_whole, latents_path, pack, unpack
from acestep_runtime.take_latents import (
    FRAME_SAMPLES,
    Piece,
    TakeLatents,
    from_bytes,
    join,
    read_latents,
    to_bytes,
    write_latents,
)

SHA = hashlib.sha256(b"audio").hexdigest()


def latents_of(frames: int, start: int = 0, *, seed: int = 1, reach: int = 2, vae: str = "v") -> TakeLatents:
    values = np.random.default_rng(seed).standard_normal((frames, 3)).astype(np.float16)
    return TakeLatents(values, np.ones(frames, bool), start, vae, reach)


@given(
    size=st.tuples(st.integers(1, 20 * FRAME_SAMPLES), st.integers(-3 * FRAME_SAMPLES, 3 * FRAME_SAMPLES)),
    cuts=st.tuples(st.floats(0, 1), st.floats(0, 1), st.integers(0, 900)),
    grids=st.tuples(st.integers(-2, 2), st.integers(0, FRAME_SAMPLES - 1), st.integers(1, 25)),
    reach=st.integers(0, 3),
    holes=st.integers(0, 2**20),
)
@settings(max_examples=80, deadline=None)
def test_a_frame_is_exact_only_where_all_that_it_reaches_is_of_one_piece(
    size: tuple[int, int], cuts: tuple[float, float, int], grids: tuple[int, int, int], reach: int, holes: int
) -> None:
    length, start = size
    stop = start + length
    first, second = sorted(round(cut * (length - 1)) for cut in cuts[:2])
    second += 1
    edge = start + grids[1] % FRAME_SAMPLES + grids[0] * FRAME_SAMPLES
    new = latents_of(grids[2], edge, seed=1, reach=reach)
    old = latents_of(grids[2] + 3, edge - 2 * FRAME_SAMPLES, seed=2, reach=reach)
    old.exact[:] = [bool(holes >> bit & 1) for bit in range(len(old.exact))]
    fade = cuts[2]
    new_span = (start + first, start + second)
    old_spans = ((start, max(start, start + first - fade)), (min(stop, start + second + fade), stop))
    out = join([Piece(new, (new_span,)), Piece(old, old_spans)], start, stop)

    whose = np.full(length, -1)  # of each sample: 0 the new piece, 1 the old one
    for number, spans in enumerate(((new_span,), old_spans)):
        for left, right in spans:
            whose[left - start : max(left, right) - start] = number
    begin = start - (start - edge) % FRAME_SAMPLES
    frames = -(-(stop - begin) // FRAME_SAMPLES)
    for frame in range(frames):
        at = begin + frame * FRAME_SAMPLES
        reached = (at - reach * FRAME_SAMPLES, at + (1 + reach) * FRAME_SAMPLES)
        inside = whose[max(start, reached[0]) - start : min(stop, reached[1]) - start]
        value = None
        for number, piece in enumerate((new, old)):
            index = (at - piece.start) // FRAME_SAMPLES
            ends = piece.start, piece.start + len(piece.exact) * FRAME_SAMPLES
            goes_on = reached[0] >= start or ends[0] > start - FRAME_SAMPLES
            goes_on = goes_on and (reached[1] <= stop or ends[1] < stop + FRAME_SAMPLES)
            is_there = 0 <= index < len(piece.exact) and piece.exact[index]
            if goes_on and is_there and len(inside) and (inside == number).all():
                value = piece.latents[index]
        if value is None:
            assert out is None or not out.exact[frame]
        else:
            assert out is not None
            assert out.exact[frame]
            assert np.array_equal(out.latents[frame], value)
    if out is not None:
        assert len(out.exact) == frames
        assert out.start == begin - start
        assert not out.latents[~out.exact].any()


def test_pieces_on_another_grid_or_of_another_autoencoder_have_no_part() -> None:
    new = latents_of(4, 0, reach=0)
    spans = ((4 * FRAME_SAMPLES, 8 * FRAME_SAMPLES),)
    for other in (latents_of(9, -7, reach=0), latents_of(9, 0, reach=0, vae="w")):
        out = join([Piece(new, ((0, 4 * FRAME_SAMPLES),)), Piece(other, spans)], 0, 8 * FRAME_SAMPLES)
        assert out is not None
        assert out.exact.tolist() == [True] * 4 + [False] * 4
    assert join([Piece(new, ((5, 9),))], 0, FRAME_SAMPLES) is None


def test_a_window_has_the_frames_that_it_holds_whole() -> None:
    own = latents_of(10, -100)
    audio_stop = 10 * FRAME_SAMPLES - 100 - 5
    assert own.window(0, FRAME_SAMPLES, audio_stop) is None
    whole = own.window(-100, audio_stop, audio_stop)
    assert whole is not None
    assert np.array_equal(whole.latents, own.latents)
    assert whole.exact.all()
    part = own.window(2 * FRAME_SAMPLES - 100, 4 * FRAME_SAMPLES, audio_stop)  # its last frame is cut
    assert part is not None
    assert part.exact.tolist() == [True, True, False]
    assert np.array_equal(part.latents[:2], own.latents[2:4])
    wider = own.window(-FRAME_SAMPLES - 100, 12 * FRAME_SAMPLES, audio_stop)
    assert wider is not None
    assert wider.exact.tolist() == [False] + [True] * 10 + [False] * 3


def test_a_file_comes_back_as_it_was_written(tmp_path: Path) -> None:
    own = latents_of(11, -9)
    own.exact[3:5] = False
    audio = tmp_path / "곡.wav"
    write_latents(own, audio, SHA)
    assert latents_path(audio).name == "곡.wav.latents"
    back = read_latents(audio, "곡.wav", lambda: SHA)
    assert back is not None
    assert np.array_equal(back.latents, own.latents)
    assert np.array_equal(back.exact, own.exact)
    assert (back.start, back.vae, back.reach) == (own.start, own.vae, own.reach)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_no_changed_file_is_taken(data: Any) -> None:
    good = to_bytes(latents_of(5), SHA)
    at = data.draw(st.integers(0, len(good) - 1))
    changed = {
        "a byte": good[:at] + bytes([good[at] ^ data.draw(st.integers(1, 255))]) + good[at + 1 :],
        "cut off": good[:at],
        "longer": good + b"\0",
    }
    assert is_whole(good)
    for bad in changed.values():
        assert not is_whole(bad)
        with pytest.raises(ValueError, match="whole"):
            from_bytes(bad, SHA)


@pytest.mark.parametrize("facts", [{"frames": 4}, {"frames": "5"}, {"channels": 0}, {"reach": -1}, {"start": None}])
def test_numbers_that_do_not_fit_are_refused(facts: dict[str, Any]) -> None:
    values, content = unpack(to_bytes(latents_of(5), SHA))
    with pytest.raises(ValueError, match=r"size|numbers"):
        from_bytes(pack({**values, **facts}, content), SHA)


def test_other_content_is_refused() -> None:
    own = latents_of(5)
    own.latents[2, 1] = np.nan
    with pytest.raises(ValueError, match="no numbers"):
        from_bytes(to_bytes(own, SHA), SHA)
    with pytest.raises(ValueError, match="facts"):
        from_bytes(pack([1], b""), SHA)  # type: ignore[arg-type]


def test_what_is_damaged_or_of_other_audio_is_left_alone_with_a_line_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    audio = tmp_path / "a.wav"
    assert read_latents(audio, "a.wav", lambda: SHA) is None
    assert not caplog.records
    write_latents(latents_of(5), audio, SHA)
    with caplog.at_level(logging.WARNING):
        assert read_latents(audio, "a.wav", lambda: hashlib.sha256(b"other").hexdigest()) is None
        latents_path(audio).write_bytes(b"")
        assert read_latents(audio, "a.wav", lambda: SHA) is None
    assert [record.getMessage() for record in caplog.records] == [
        "The latents of a.wav are not used (of other audio): it is encoded again.",
        "The latents of a.wav are not used (not whole): it is encoded again.",
    ]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_what_is_no_file_of_latents_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_path: Path) -> bytes:
        raise AssertionError("it was read")

    audio, path = tmp_path / "a.wav", latents_path(tmp_path / "a.wav")
    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(Path, "read_bytes", fail)
        os.mkfifo(path)
        assert read_latents(audio, "a.wav", lambda: SHA) is None
        path.unlink()
        with path.open("wb") as file:
            file.truncate(MAX_BYTES + 1)
        assert read_latents(audio, "a.wav", lambda: SHA) is None
        path.unlink()
        path.symlink_to(tmp_path / "nowhere")
        assert read_latents(audio, "a.wav", lambda: SHA) is None
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        "The latents of a.wav are not used (no plain file)",
        f"The latents of a.wav are not used (of {MAX_BYTES + 1} bytes; allowed",
    ]


def test_a_head_that_promises_a_billion_frames_or_is_nested_without_end_is_refused() -> None:
    values, content = unpack(to_bytes(latents_of(5), SHA))
    tracemalloc.start()
    try:
        for facts in ({"frames": 10**9}, {"frames": 10**30, "channels": 10**30}, {"frames": 1, "channels": 10**9}):
            with pytest.raises(ValueError, match="size"):
                from_bytes(pack({**values, **facts}, content), SHA)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
    whole = _FORMAT + b"[" * 200_000 + b"\n"
    with pytest.raises(ValueError, match=r"deep|JSON|Expecting"):
        unpack(whole + hashlib.sha256(whole).digest())


def test_a_file_of_latents_that_is_there_already_gives_way(tmp_path: Path) -> None:
    audio = tmp_path / "a.wav"
    latents_path(audio).write_bytes(b"of another take")
    write_latents(latents_of(5), audio, SHA)
    assert read_latents(audio, "a.wav", lambda: SHA) is not None
    assert [file.name for file in tmp_path.iterdir()] == ["a.wav.latents"]


def test_latents_that_cannot_be_written_are_no_error(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        write_latents(latents_of(5), tmp_path / "none" / "a.wav", SHA)
    assert "cannot be kept" in caplog.text
    assert not list(tmp_path.iterdir())
