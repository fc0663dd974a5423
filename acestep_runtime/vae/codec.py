"""Encoding samples to latents and decoding latents to samples, tile by tile, so that memory does not grow with the song.

Tiles are exact (see `stages`): `Codec.encode` equals the posterior mean of all samples at once and `Codec.decode` the
decoder's output from all latents, up to float rounding. Silence latents, where passed, replace those of silent frames.
Loudness is not changed, and samples may exceed full scale.

Letters: S samples at 48 kHz, 2 channels, T latent frames, C channels of a latent, n a part of S or T.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from acestep_runtime.audio.samples import Samples
from acestep_runtime.gpu.host_copies import copy_to_host
from acestep_runtime.vae.cache import TileCache
from acestep_runtime.vae.stages import ConvStage, partial_forward, receptive_field

if TYPE_CHECKING:
    from diffusers.models.autoencoders.autoencoder_oobleck import AutoencoderOobleck

#: Returns samples ``[n, 2]`` of the audio to encode, from a first one to the one after the last.
Reader = Callable[[int, int], Samples]

#: Samples below this level, −120 dB, are silent. Resampled digital silence stays below it.
SILENCE_LEVEL = 1e-6
#: Latent frames of an encoded tile: 5.12 s. It is constant, because the cache finds tiles by their content.
ENCODE_TILE_FRAMES = 128
#: Minimum and maximum latent frames of a decoded tile. A CPU uses the minimum, 1.28 s in 160 MB; longer tiles are no faster.
DECODE_TILE_FRAMES = (32, 512)
#: Arrays of the size of the widest signal that are alive at the same time, with a margin.
_LIVE_ARRAYS = 6


class Codec:
    """Encodes and decodes with an autoencoder, which it does not change. An autoencoder that went through `fuse` is faster.

    ``model_id`` identifies the weights in a shared ``cache``, for example the `fingerprint` of the encoder.
    ``decode_tile_frames`` defaults to what the device's memory allows. Computes with the module's dtype and device; returns
    float32.
    """

    def __init__(
        self,
        vae: AutoencoderOobleck,
        *,
        cache: TileCache | None = None,
        model_id: str = "",
        encode_tile_frames: int = ENCODE_TILE_FRAMES,
        decode_tile_frames: int | None = None,
    ) -> None:
        self._encoder = (ConvStage.of(vae.encoder),)
        decoder = vae.decoder
        self._decoder = (
            ConvStage.of(decoder.conv1),
            *map(ConvStage.of, decoder.block),
            ConvStage.of(decoder.snake1, decoder.conv2),
        )
        #: Samples of a latent frame.
        self.frame_samples = self._encoder[0].downsampling
        if self._encoder[0].length(7 * self.frame_samples) != 7 or _length(self._decoder, 7) != 7 * self.frame_samples:
            raise ValueError("an autoencoder whose latent frames are not all of one length cannot work in tiles")
        self._weight: Tensor = next(vae.parameters())
        self._cache = cache
        self._model_id = model_id
        self._encode_tile_frames = encode_tile_frames
        self._decode_tile_frames = decode_tile_frames

    def encode(
        self,
        samples: Samples | Reader,
        length: int | None = None,
        *,
        origin: int = 0,
        silence: Tensor | None = None,
        frames: tuple[int, int] | None = None,
        check: Callable[[], object] = lambda: None,
    ) -> Tensor:
        """Return the latents ``[1, T, C]`` of samples: the posterior mean, T = ⌈S / 1920⌉. See `encode_tiles`."""
        tiles = self.encode_tiles(samples, length, origin=origin, silence=silence, frames=frames, check=check)
        return torch.cat(list(tiles), 1)

    def encode_tiles(
        self,
        samples: Samples | Reader,
        length: int | None = None,
        *,
        origin: int = 0,
        silence: Tensor | None = None,
        frames: tuple[int, int] | None = None,
        check: Callable[[], object] = lambda: None,
    ) -> Iterator[Tensor]:
        """Yield the latents of samples ``[S, 2]`` tile by tile, each ``[1, n, C]``, T = ⌈S / 1920⌉ frames in total.

        ``samples`` is an array, or a reader with ``length`` S. The last frame is padded with zeros. ``check`` is called
        before each tile and stops the work by raising.

        ``origin`` is the position of the first sample in the song, in samples, a multiple of a latent frame; it may be
        negative. Tiles lie on a grid over the song, so overlapping passages share tiles. The cache returns a tile if the
        same samples, receptive field included, were encoded before.

        ``silence`` ``[1, any, C]`` replaces the latents of frames with only silence (`SILENCE_LEVEL`) in their receptive
        field: frame t of T takes frame t, and ``silence`` repeats when it is too short. This does not depend on tiles.
        Tiles of silent frames alone are not encoded.

        Of ``frames``, a first one and the one after the last, only those are encoded, as among all others.
        """
        if callable(samples):
            if length is None:
                raise ValueError("samples that are read need their length")
            read, total = samples, length
        else:
            array, total = samples, len(samples)
            read = lambda start, stop: array[start:stop]  # noqa: E731
        if total <= 0:
            raise ValueError("there are no samples to encode")
        if origin % self.frame_samples:
            raise ValueError(f"origin is {origin}; allowed: multiples of {self.frame_samples}")
        start, stop = frames or (0, math.ceil(total / self.frame_samples))
        first, tile = origin // self.frame_samples, self._encode_tile_frames
        edges = range((first + start) // tile + 1, -(-(first + stop) // tile))
        cuts = [start, *(edge * tile - first for edge in edges), stop]
        for span in pairwise(cuts):
            check()
            yield self._encode_tile(read, total, span, silence)

    def decode(
        self,
        latents: Tensor,
        start_frame: int = 0,
        stop_frame: int | None = None,
        *,
        check: Callable[[], object] = lambda: None,
    ) -> Iterator[Samples]:
        """Yield samples ``[n, 2]`` of latents ``[1, T, C]`` tile by tile, 1920 for each latent frame.

        ``start_frame`` and ``stop_frame`` (default: T) select latent frames. Only these and their receptive field are
        decoded, with the same result as from all latents. ``check`` is called before each tile and stops the work by
        raising; so does closing the iterator. A GPU decodes the next tile while one is used.
        """
        frames = latents.shape[1]
        stop_frame = frames if stop_frame is None else stop_frame
        if len(latents) != 1 or not 0 <= start_frame <= stop_frame <= frames:
            raise ValueError(f"cannot decode frames {start_frame} to {stop_frame} of latents {tuple(latents.shape)}")
        length = self._decode_tile_frames or self._max_tile_frames()

        def tiles() -> Iterator[Tensor]:
            for start in range(start_frame, stop_frame, length):
                check()
                yield self._decode_tile(latents, (start, min(start + length, stop_frame)))

        for samples in copy_to_host(tiles()):
            yield samples.numpy()

    @property
    def reach_frames(self) -> int:
        """Latent frames on each side that the encoder sees for a latent, or that the decoder sees for its samples."""
        start, stop = receptive_field(self._decoder, (0, self.frame_samples))
        return max(*self.context_frames, -start, stop - 1)

    @property
    def decode_operations(self) -> float:
        """Operations of decoding a latent frame."""
        points, operations = 1, 0.0
        for conv in (conv for stage in self._decoder for conv in stage.convolutions):
            operations += 2.0 * conv.in_channels * conv.out_channels * conv.kernel_size[0] * points
            points *= conv.stride[0] if isinstance(conv, nn.ConvTranspose1d) else 1
        return operations

    @property
    def context_frames(self) -> tuple[int, int]:
        """Latent frames before and after a frame in the receptive field of its latent."""
        start, stop = receptive_field(self._encoder, (0, 1))
        return -(start // self.frame_samples), -(-stop // self.frame_samples) - 1

    # Neither of these two is a generator: inference mode must not outlive a yield.
    @torch.inference_mode()
    def _encode_tile(self, read: Reader, total: int, span: tuple[int, int], silence: Tensor | None) -> Tensor:
        frames = math.ceil(total / self.frame_samples)
        before, after = self.context_frames
        context = max(0, span[0] - before), min(frames, span[1] + after)
        samples = np.zeros(((context[1] - context[0]) * self.frame_samples, 2), np.float32)
        available = read(context[0] * self.frame_samples, min(total, context[1] * self.frame_samples))
        samples[: len(available)] = available
        inside = slice(span[0] - context[0], span[1] - context[0])
        silent = (
            _silent_frames(samples, self.frame_samples, self.context_frames)[inside]
            if silence is not None
            else np.zeros(1, bool)
        )
        if silence is not None and silent.all():
            return self._silence(silence, span)
        latents = self._encode_with_cache(samples, (inside.start, inside.stop))
        if silence is not None and silent.any():
            mask = torch.from_numpy(silent).to(latents.device)[None, :, None]
            latents = torch.where(mask, self._silence(silence, span), latents)
        return latents

    def _silence(self, silence: Tensor, span: tuple[int, int]) -> Tensor:
        frames = torch.arange(*span, device=silence.device) % silence.shape[1]
        return silence[:, frames].to(self._weight.device, torch.float32)

    def _encode_with_cache(self, samples: Samples, inside: tuple[int, int]) -> Tensor:
        """Return the latents of the frames ``inside`` samples, which include the receptive field or end with the song."""
        if self._cache is None:
            return self._posterior_mean(samples, inside)
        key = self._cache_key(samples, inside)
        latents = self._cache.get(key)
        if latents is None:
            latents = self._posterior_mean(samples, inside)
            self._cache.put(key, latents)
        return latents.to(self._weight.device)

    def _cache_key(self, samples: Samples, inside: tuple[int, int]) -> str:
        """Return a hash of everything the latents depend on. BLAKE2b is the fastest good hash of the standard library."""
        weight = self._weight
        encoder_id = (
            f"1 {self._model_id} {weight.dtype} {weight.device.type} {self.frame_samples} {inside[0]} {inside[1]}"
        )
        key = hashlib.blake2b(encoder_id.encode() + b"\0", digest_size=20)
        key.update(samples.data)
        return key.hexdigest()

    def _posterior_mean(self, samples: Samples, inside: tuple[int, int]) -> Tensor:
        signal = torch.from_numpy(samples.T[None]).to(self._weight)

        def read(start: int, stop: int) -> Tensor:
            return signal[..., start:stop]

        # Mean and scale of the posterior, stacked.
        statistics = partial_forward(self._encoder, signal.shape[-1], inside, read)
        return statistics[:, : statistics.shape[1] // 2].transpose(1, 2).float().contiguous()

    @torch.inference_mode()
    def _decode_tile(self, latents: Tensor, span: tuple[int, int]) -> Tensor:
        """Return samples ``[n, 2]`` of latent frames, on the device."""

        def read(start: int, stop: int) -> Tensor:
            return latents[:, start:stop].transpose(1, 2).to(self._weight)

        samples = partial_forward(
            self._decoder, latents.shape[1], (span[0] * self.frame_samples, span[1] * self.frame_samples), read
        )
        return samples[0].T.float().contiguous()

    def _max_tile_frames(self) -> int:
        """Return the latent frames of a decoded tile that takes at most half of the device's free memory."""
        minimum, maximum = DECODE_TILE_FRAMES
        if self._weight.device.type != "cuda":
            return minimum
        free, _ = torch.cuda.mem_get_info(self._weight.device)
        return max(minimum, min(maximum, free // 2 // self._frame_bytes()))

    def _frame_bytes(self) -> int:
        """Return the approximate bytes that decoding a latent frame takes."""
        points, widest = 1, 0
        for stage in self._decoder:
            points *= stage.upsampling
            widest = max(widest, points * max(conv.out_channels for conv in stage.convolutions))
        return _LIVE_ARRAYS * widest * self._weight.element_size()


def fingerprint(vae: nn.Module) -> str:
    """Return a hash of all weights: two autoencoders share it only if their weights are equal to the bit."""
    digest = hashlib.blake2b(digest_size=20)
    for name, tensor in vae.state_dict().items():
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(memoryview(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy()))
    return digest.hexdigest()


def _length(stages: tuple[ConvStage, ...], points: int) -> int:
    for stage in stages:
        points = stage.length(points)
    return points


def _silent_frames(samples: Samples, frame_samples: int, context_frames: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Return for each frame whether its receptive field in samples ``[n, 2]`` is silent."""
    frames = len(samples) // frame_samples
    loud = (np.abs(samples) >= SILENCE_LEVEL).reshape(frames, -1).any(1)
    loud_before = np.concatenate(([0], np.cumsum(loud)))
    first = np.maximum(0, np.arange(frames) - context_frames[0])
    stop = np.minimum(frames, np.arange(frames) + 1 + context_frames[1])
    return np.asarray(loud_before[stop] == loud_before[first])
