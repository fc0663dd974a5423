"""Tiles equal the whole signal, cost no more than their span, and are encoded once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.paths import ROOT

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from torch import Tensor

from acestep_runtime.audio.samples import Samples
from acestep_runtime.vae.cache import TileCache
from acestep_runtime.vae.codec import SILENCE_LEVEL, Codec, fingerprint
from acestep_runtime.vae.fuse import fuse
from tests.support.small_vae import small

FRAME = 1920
NARROW = (1, 1, 1, 1, 1)
#: What the reach must be for the ratios of ACE-Step; `test_stages` finds the exact samples.
REACH = (7, 7)


def _noise(samples: int, seed: int = 1) -> Samples:
    return (0.3 * np.random.default_rng(seed).standard_normal((samples, 2))).astype(np.float32)


def _latents(frames: int, channels: int = 4, seed: int = 1) -> Tensor:
    return torch.randn(1, frames, channels, generator=torch.Generator().manual_seed(seed))


def _whole_mean(vae: Any, samples: Samples) -> Tensor:
    """The latents of diffusers for all samples at once."""
    padded = np.concatenate((samples, np.zeros((-len(samples) % FRAME, 2), np.float32)))
    return vae.encode(torch.from_numpy(padded.T[None].copy())).latent_dist.mean.transpose(1, 2)


def _whole_samples(vae: Any, latents: Tensor) -> Samples:
    return vae.decode(latents.transpose(1, 2)).sample[0].T.numpy()


def _count_encoded_frames(vae: Any) -> list[int]:
    """Record the frames of each encoder call."""
    frames: list[int] = []
    vae.encoder.register_forward_pre_hook(lambda _, inputs: frames.append(inputs[0].shape[-1] // FRAME))
    return frames


@pytest.fixture(scope="module")
def vae() -> Any:
    return fuse(small(8, NARROW))


@pytest.fixture(scope="module")
def sample_vae() -> Any:
    return fuse(small(16))


@pytest.fixture(scope="module")
def song(vae: Any) -> tuple[Samples, Tensor]:
    samples = _noise(30 * FRAME + 7)
    return samples, _whole_mean(vae, samples)


def test_encoding_in_tiles_equals_encoding_at_once(sample_vae: Any) -> None:
    samples = _noise(40 * FRAME - 100)
    whole = _whole_mean(sample_vae, samples)
    tiled = Codec(sample_vae, encode_tile_frames=9).encode(samples)
    assert tiled.shape == (1, 40, 8)
    assert tiled.dtype == torch.float32
    assert whole.abs().max() > 0.1
    assert (tiled - whole).abs().max() <= 1e-5


def test_decoding_in_tiles_equals_decoding_at_once(sample_vae: Any) -> None:
    latents = _latents(40, 8)
    whole = _whole_samples(sample_vae, latents)
    blocks = list(Codec(sample_vae, decode_tile_frames=9).decode(latents))
    assert [block.shape for block in blocks] == [(9 * FRAME, 2)] * 4 + [(4 * FRAME, 2)]
    assert all(block.dtype == np.float32 for block in blocks)
    assert np.abs(whole).max() > 0.1
    assert np.abs(np.concatenate(blocks) - whole).max() <= 1e-5


@settings(deadline=None, max_examples=8)
@given(tile=st.integers(5, 40), origin=st.integers(-50, 50))
def test_latents_do_not_depend_on_tile_length_or_origin(
    vae: Any, song: tuple[Samples, Tensor], tile: int, origin: int
) -> None:
    samples, whole = song
    tiled = Codec(vae, encode_tile_frames=tile).encode(samples, origin=origin * FRAME)
    assert (tiled - whole).abs().max() <= 1e-5


@settings(deadline=None, max_examples=8)
@given(length=st.integers(1, 15 * FRAME))
def test_the_end_is_padded_with_zeros(vae: Any, length: int) -> None:
    samples = _noise(length)
    tiled = Codec(vae, encode_tile_frames=6).encode(samples)
    assert tiled.shape[1] == -(-length // FRAME)
    assert (tiled - _whole_mean(vae, samples)).abs().max() <= 1e-5


def test_a_song_is_read_tile_by_tile(vae: Any, song: tuple[Samples, Tensor]) -> None:
    samples, whole = song
    spans: list[tuple[int, int]] = []

    def read(start: int, stop: int) -> Samples:
        spans.append((start, stop))
        assert 0 <= start < stop <= len(samples)
        return samples[start:stop]

    tiles = list(Codec(vae, encode_tile_frames=6).encode_tiles(read, len(samples)))
    assert [tile.shape[1] for tile in tiles] == [6] * 5 + [1]
    assert (torch.cat(tiles, 1) - whole).abs().max() <= 1e-5
    assert max(stop - start for start, stop in spans) <= (6 + sum(REACH)) * FRAME
    with pytest.raises(ValueError, match="length"):
        Codec(vae).encode(read)


def test_context_frames_cover_the_receptive_field(vae: Any) -> None:
    assert Codec(vae).context_frames == REACH


@settings(deadline=None, max_examples=10)
@given(data=st.data())
def test_a_decoded_region_equals_that_of_the_whole_song(vae: Any, data: st.DataObject) -> None:
    latents = _latents(24)
    start = data.draw(st.integers(0, 24))
    stop = data.draw(st.integers(start, 24))
    tile = data.draw(st.integers(3, 30))
    whole = _whole_samples(vae, latents)[start * FRAME : stop * FRAME]
    blocks = list(Codec(vae, decode_tile_frames=tile).decode(latents, start, stop))
    assert sum(map(len, blocks)) == len(whole)
    if blocks:
        assert np.abs(np.concatenate(blocks) - whole).max() <= 1e-5


def test_the_cost_of_a_region_does_not_depend_on_the_song(vae: Any) -> None:
    seen: list[int] = []
    handle = vae.decoder.conv1.register_forward_pre_hook(lambda _, given: seen.append(given[0].shape[-1]))
    try:
        blocks = list(Codec(vae, decode_tile_frames=5).decode(_latents(1000), 500, 510))
    finally:
        handle.remove()
    assert len(blocks) == len(seen) == 2
    assert max(seen) <= 5 + 20


def test_work_stops_at_the_next_tile(vae: Any) -> None:
    class Stop(Exception):
        pass

    checks: list[int] = []

    def check() -> None:
        checks.append(1)
        if len(checks) == 3:
            raise Stop

    codec, blocks = Codec(vae, encode_tile_frames=4, decode_tile_frames=4), []
    with pytest.raises(Stop):
        blocks.extend(codec.decode(_latents(40), check=check))
    checks.clear()
    with pytest.raises(Stop):
        codec.encode(_noise(40 * FRAME), check=check)
    stream = codec.decode(_latents(40))
    next(stream)
    assert not torch.is_inference_mode_enabled()
    stream.close()  # type: ignore[attr-defined]
    assert next(stream, None) is None


def test_a_second_take_reads_all_tiles_from_the_cache(vae: Any, song: tuple[Samples, Tensor]) -> None:
    samples, _ = song
    codec = Codec(vae, cache=TileCache(), encode_tile_frames=8)
    seen = _count_encoded_frames(vae)
    first = codec.encode(samples, origin=3 * FRAME)
    seen.clear()
    again = codec.encode(samples, origin=3 * FRAME)
    assert seen == []
    assert torch.equal(first, again)
    again.zero_()
    assert torch.equal(codec.encode(samples, origin=3 * FRAME), first)


def test_an_overlapping_passage_encodes_only_new_tiles(vae: Any) -> None:
    samples = _noise(100 * FRAME)
    codec, seen = Codec(vae, cache=TileCache(), encode_tile_frames=8), _count_encoded_frames(vae)
    codec.encode(samples[5 * FRAME : 75 * FRAME], origin=5 * FRAME)
    seen.clear()
    mine = samples[13 * FRAME : 91 * FRAME]
    latents = codec.encode(mine, origin=13 * FRAME)
    assert (latents - _whole_mean(vae, mine)).abs().max() <= 1e-5
    # Of tiles 13–16, 16–24, 24–32 … 88–91 those are known that hear no end of either passage: 24–32 to 56–64. The ends are new.
    kept = seen[:-1] if seen[-1] == 91 - 13 else seen  # the last is the whole, in the line above
    assert len(kept) == 11 - 5


def test_one_different_sample_changes_the_cache_key(vae: Any) -> None:
    samples = _noise(20 * FRAME)
    codec = Codec(vae, cache=TileCache(), encode_tile_frames=7)
    codec.encode(samples)
    for at in (0, 11 * FRAME + 5, 20 * FRAME - 1):
        other = samples.copy()
        other[at] += 0.5
        assert (codec.encode(other) - _whole_mean(vae, other)).abs().max() <= 1e-5


def test_equal_samples_at_another_end_have_another_cache_key(vae: Any) -> None:
    flat = np.full((40 * FRAME, 2), 0.25, np.float32)
    codec = Codec(vae, cache=TileCache(), encode_tile_frames=7)
    for start in (0, 2, 5):
        for stop in (20, 33):
            window = flat[start * FRAME : stop * FRAME]
            latents = codec.encode(window, origin=start * FRAME)
            assert (latents - _whole_mean(vae, window)).abs().max() <= 1e-5


def test_weights_and_dtypes_have_separate_tiles(tmp_path: Path) -> None:
    samples = _noise(5 * FRAME)
    vaes = [small(8, NARROW), small(8, NARROW, seed=6), small(8, NARROW).to(torch.bfloat16)]
    names = [fingerprint(vae) for vae in vaes]
    assert len(set(names)) == 3
    assert fingerprint(small(8, NARROW)) == names[0]
    cache = TileCache(folder=tmp_path)
    for vae, name in zip(vaes, names, strict=True):
        Codec(vae, cache=cache, model_id=name).encode(samples)
    assert len(list(tmp_path.iterdir())) == 3
    seen = _count_encoded_frames(vaes[0])
    Codec(vaes[0], cache=TileCache(folder=tmp_path), model_id=names[0]).encode(samples)
    assert seen == []


@pytest.mark.slow
def test_half_precision_returns_float32() -> None:
    half = fuse(
        small(128, NARROW).to(torch.bfloat16)
    )  # as wide as released models: some CPUs compute 8 channels wrongly
    codec, full = Codec(half, encode_tile_frames=2, decode_tile_frames=2), Codec(fuse(small(128, NARROW)))
    samples, latents = _noise(3 * FRAME), _latents(3, 64)
    mean, (decoded,) = full.encode(samples), full.decode(latents)
    half_mean, half_decoded = codec.encode(samples), np.concatenate(list(codec.decode(latents)))
    assert (half_mean.dtype, half_decoded.dtype) == (torch.float32, np.float32)
    assert (half_mean - mean).norm() <= 0.05 * mean.norm()
    assert np.linalg.norm(half_decoded - decoded) <= 0.05 * np.linalg.norm(decoded)


SILENCE = torch.arange(9.0).reshape(1, 9, 1).expand(1, 9, 4)


def test_a_silent_passage_is_not_encoded(vae: Any) -> None:
    seen = _count_encoded_frames(vae)
    latents = Codec(vae, encode_tile_frames=7).encode(np.zeros((20 * FRAME + 1, 2), np.float32), silence=SILENCE)
    assert seen == []
    assert latents[0, :, 0].tolist() == [*range(9), *range(9), 0, 1, 2]


@settings(deadline=None, max_examples=6)
@given(tile=st.integers(6, 40), origin=st.integers(-9, 9), level=st.sampled_from([0.0, 0.9 * SILENCE_LEVEL]))
def test_silent_frames_do_not_depend_on_tiles(vae: Any, tile: int, origin: int, level: float) -> None:
    samples = np.full((40 * FRAME, 2), level, np.float32)
    samples[: 3 * FRAME] = _noise(3 * FRAME)
    samples[30 * FRAME - 1] = 2 * SILENCE_LEVEL
    latents = Codec(vae, encode_tile_frames=tile).encode(samples, silence=SILENCE, origin=origin * FRAME)
    silent = np.zeros(40, bool)
    silent[3 + REACH[0] : 29 - REACH[1]] = True  # they hear neither the music before nor the sample after
    silent[30 + REACH[0] :] = True
    assert torch.equal(latents[0, silent, 0], torch.arange(40.0)[silent] % 9)
    assert (latents - _whole_mean(vae, samples))[0, ~silent].abs().max() <= 1e-5


def test_silence_is_encoded_where_no_silence_latents_are_passed(vae: Any) -> None:
    nothing = np.zeros((20 * FRAME, 2), np.float32)
    assert (Codec(vae, encode_tile_frames=7).encode(nothing) - _whole_mean(vae, nothing)).abs().max() <= 1e-5


@pytest.mark.parametrize("origin", [1, -1919])
def test_an_origin_within_a_latent_frame_raises(vae: Any, origin: int) -> None:
    with pytest.raises(ValueError, match="multiples of 1920"):
        Codec(vae).encode(_noise(FRAME), origin=origin)


@pytest.mark.parametrize(("start", "stop"), [(-1, 3), (3, 2), (0, 11)])
def test_decoding_frames_outside_the_latents_raises(vae: Any, start: int, stop: int) -> None:
    with pytest.raises(ValueError, match="cannot decode"):
        list(Codec(vae).decode(_latents(10), start, stop))


def test_encoding_no_samples_raises(vae: Any) -> None:
    with pytest.raises(ValueError, match="no samples"):
        Codec(vae).encode(np.zeros((0, 2), np.float32))


@pytest.mark.parametrize(("free", "frames"), [(0, 32), (100 << 20, 100), (80 << 30, 512)])
def test_a_decode_tile_takes_half_of_free_gpu_memory(
    vae: Any, monkeypatch: pytest.MonkeyPatch, free: int, frames: int
) -> None:
    codec = Codec(vae)
    weight = SimpleNamespace(device=torch.device("cuda"), element_size=lambda: 2)
    monkeypatch.setattr(codec, "_weight", weight)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (free, 0))
    # Some copies of eight channels at 48 kHz, of two bytes each.
    assert codec._frame_bytes() % (8 * FRAME * 2) == 0
    monkeypatch.setattr(codec, "_frame_bytes", lambda: 512 << 10)
    assert codec._max_tile_frames() == frames


PEAK = """
import resource, sys
sys.path.insert(0, sys.argv[1])
import numpy as np, torch
from tests.support.small_vae import small
from acestep_runtime.vae.codec import Codec
from acestep_runtime.vae.fuse import fuse
torch.set_num_threads(1)
codec = Codec(fuse(small(4, (1, 1, 1, 1, 1))), encode_tile_frames=25, decode_tile_frames=25)

def encode(seconds):
    return codec.encode_tiles(lambda start, stop: np.full((stop - start, 2), 0.1, np.float32), seconds * 48_000)

def decode(seconds):
    return codec.decode(torch.zeros(1, seconds * 25, 2))

for seconds in (5, 10, 40):
    print(sum(part.shape[-2] for part in globals()[sys.argv[2]](seconds)))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("work", "a_second"), [("encode", 25), ("decode", 48_000)])
def test_memory_does_not_grow_with_the_song(work: str, a_second: int) -> None:
    process = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PEAK, str(ROOT), work],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = [int(line) for line in process.stdout.split()]
    assert lines[::2] == [5 * a_second, 10 * a_second, 40 * a_second]
    _, short, long = (peak * (1 if sys.platform == "darwin" else 1024) for peak in lines[1::2])
    # 30 s more, at the full rate in 4 channels, would take 23 MB for each signal that is alive.
    assert long - short < 6e6


@pytest.mark.parametrize("frames", [(0, 3), (5, 6), (10, 37), (0, 37), (36, 37)])
def test_some_frames_equal_those_among_all_others(vae: Any, frames: tuple[int, int]) -> None:
    samples = _noise(37 * FRAME - 500)
    codec = Codec(vae, encode_tile_frames=16)
    whole = codec.encode(samples)
    part = codec.encode(samples, frames=frames)
    assert part.shape[1] == frames[1] - frames[0]
    assert (part - whole[:, slice(*frames)]).abs().max() < 1e-5


def test_reach_is_what_the_convolutions_reach(vae: Any) -> None:
    """Changes in a frame change no sample further away than that, and no latent, and one at each limit."""
    codec, middle = Codec(vae), 20
    samples, latents = _noise(41 * FRAME), _latents(41)
    changed = samples.copy()
    changed[middle * FRAME : (middle + 1) * FRAME] += 0.5
    difference = (codec.encode(samples) - codec.encode(changed)).abs().amax((0, 2))
    reached = [int(frame) - middle for frame in torch.nonzero(difference).flatten()]
    other = latents.clone()
    other[:, middle] += 0.5
    decoded = [np.concatenate(list(codec.decode(each))) for each in (latents, other)]
    moved = np.abs(decoded[0] - decoded[1]).reshape(41, -1).max(1)
    reached += [int(frame) - middle for frame in np.flatnonzero(moved)]
    assert max(map(abs, reached)) <= codec.reach_frames == 9
