"""Samples to latents and latents to samples, tile by tile, for songs of any length in the same memory.

Tiles come out as from the whole (see `stages`), so no caller need know of them: `Codec.encode` equals the posterior mean of
all samples at once, and `Codec.decode` a decoder's output from all latents, up to float rounding. Only where silence is given
does it stand in for what would be encoded. Loudness is not looked at here, and samples may exceed full scale.

Letters: S samples at 48 kHz, 2 channels, T latent frames, C channels of a latent, n some of S or T.
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
from acestep_runtime.vae.cache import TileCache
from acestep_runtime.vae.stages import ConvStage, partial_forward, receptive_field

if TYPE_CHECKING:
    from diffusers.models.autoencoders.autoencoder_oobleck import AutoencoderOobleck

#: Returns samples ``[n, 2]`` from one to another of those that are to be encoded.
Reader = Callable[[int, int], Samples]

#: Samples that all lie below this level, −120 dB, are silent: what a resampler leaves of digital silence still is.
SILENT = 1e-6
#: Latent frames of a tile that is encoded: 5.12 s. It is the same everywhere, for tiles are looked up again by what they hold.
ENCODED_FRAMES = 128
#: The fewest and the most latent frames of a tile that is decoded. A CPU decodes the fewest: 1.28 s in 160 MB, which longer
#: tiles do not outrun.
DECODED_FRAMES = (32, 512)
#: Arrays as large as the widest signal that live at once while it is worked on, with some to spare.
_ALIVE = 6


class Codec:
    """Encodes and decodes with an autoencoder, which it does not change. It is faster if it is put through `fuse` first.

    ``model_id`` says which weights these are wherever ``cache`` is shared with others; `fingerprint` of the encoder does.
    ``decoded_frames`` is the length of a tile that is decoded, by default what the device's memory allows. Work is done in
    the module's dtype and on its device; what comes out is float32.
    """

    def __init__(
        self,
        vae: AutoencoderOobleck,
        *,
        cache: TileCache | None = None,
        model_id: str = "",
        encoded_frames: int = ENCODED_FRAMES,
        decoded_frames: int | None = None,
    ) -> None:
        self._encoder = (ConvStage.of(vae.encoder),)
        decoder = vae.decoder
        self._decoder = (
            ConvStage.of(decoder.conv1),
            *map(ConvStage.of, decoder.block),
            ConvStage.of(decoder.snake1, decoder.conv2),
        )
        #: Samples of a latent frame.
        self.frame = self._encoder[0].downsampling
        if self._encoder[0].length(7 * self.frame) != 7 or _length(self._decoder, 7) != 7 * self.frame:
            raise ValueError("an autoencoder whose latent frames are not all of one length cannot work in tiles")
        self._weight: Tensor = next(vae.parameters())
        self._cache = cache
        self._model_id = model_id
        self._encoded_frames = encoded_frames
        self._decoded_frames = decoded_frames

    def encode(
        self,
        samples: Samples | Reader,
        length: int | None = None,
        *,
        origin: int = 0,
        silence: Tensor | None = None,
        check: Callable[[], object] = lambda: None,
    ) -> Tensor:
        """Return the latents ``[1, T, C]`` of samples: the posterior mean, T = ⌈S / 1920⌉. See `encode_tiles`."""
        return torch.cat(list(self.encode_tiles(samples, length, origin=origin, silence=silence, check=check)), 1)

    def encode_tiles(
        self,
        samples: Samples | Reader,
        length: int | None = None,
        *,
        origin: int = 0,
        silence: Tensor | None = None,
        check: Callable[[], object] = lambda: None,
    ) -> Iterator[Tensor]:
        """Yield the latents of samples ``[S, 2]`` as they are ready, ``[1, n, C]``, which add up to T = ⌈S / 1920⌉ frames.

        Samples are given, or read as they are needed: then ``length`` is S. Zeros fill up the last frame, and nothing lies
        before the first sample or after that frame. ``check`` is called before each tile, and ends the work by raising.

        ``origin`` is where in the song the first sample lies, in samples, a multiple of a latent frame, below 0 before the
        song. Tiles lie on a grid over the song, so passages that overlap share the tiles inside both; from the cache comes
        a tile whose samples, with all around them that the encoder hears, were encoded before.

        ``silence`` ``[1, any, C]``: frames that hear nothing but silence (`SILENT`), within `reach` frames to either side,
        take it in place of what the encoder makes of silence: frame t of T takes frame t, and it repeats when it is too
        short. That does not depend on tiles, and tiles of such frames alone are not encoded.
        """
        if callable(samples):
            if length is None:
                raise ValueError("samples that are read need their length")
            read, total = samples, length
        else:
            given, total = samples, len(samples)
            read = lambda start, stop: given[start:stop]  # noqa: E731
        if total <= 0:
            raise ValueError("there are no samples to encode")
        if origin % self.frame:
            raise ValueError(f"origin is {origin}; allowed: multiples of {self.frame}")
        frames = math.ceil(total / self.frame)
        first = origin // self.frame
        edges = range(first // self._encoded_frames + 1, -(-(first + frames) // self._encoded_frames))
        cuts = [0, *(edge * self._encoded_frames - first for edge in edges), frames]
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
        """Yield samples ``[n, 2]`` of latents ``[1, T, C]`` as they are ready, 1920 for each latent frame.

        ``start_frame`` and ``stop_frame`` (default: T) count latent frames. Only they are decoded, with the few around them
        that they depend on, and they come out as they would from all. ``check`` is called before each tile, and ends the
        work by raising; so does closing the iterator.
        """
        frames = latents.shape[1]
        stop_frame = frames if stop_frame is None else stop_frame
        if len(latents) != 1 or not 0 <= start_frame <= stop_frame <= frames:
            raise ValueError(f"cannot decode frames {start_frame} to {stop_frame} of latents {tuple(latents.shape)}")
        length = self._decoded_frames or self._max_tile_frames()
        for start in range(start_frame, stop_frame, length):
            check()
            yield self._decode_tile(latents, (start, min(start + length, stop_frame)))

    @property
    def reach(self) -> tuple[int, int]:
        """How many latent frames before and after a frame its latent hears."""
        start, stop = receptive_field(self._encoder, (0, 1))
        return -(start // self.frame), -(-stop // self.frame) - 1

    # Neither of these two is a generator: inference mode must not outlive a yield.
    @torch.inference_mode()
    def _encode_tile(self, read: Reader, total: int, span: tuple[int, int], silence: Tensor | None) -> Tensor:
        frames = math.ceil(total / self.frame)
        before, after = self.reach
        around = max(0, span[0] - before), min(frames, span[1] + after)
        samples = np.zeros(((around[1] - around[0]) * self.frame, 2), np.float32)
        heard_samples = read(around[0] * self.frame, min(total, around[1] * self.frame))
        samples[: len(heard_samples)] = heard_samples
        inside = slice(span[0] - around[0], span[1] - around[0])
        silent = _silent(samples, self.frame, self.reach)[inside] if silence is not None else np.zeros(1, bool)
        if silence is not None and silent.all():
            return self._silence(silence, span)
        latents = self._cached_encode(samples, (inside.start, inside.stop))
        if silence is not None and silent.any():
            there = torch.from_numpy(silent).to(latents.device)[None, :, None]
            latents = torch.where(there, self._silence(silence, span), latents)
        return latents

    def _silence(self, silence: Tensor, span: tuple[int, int]) -> Tensor:
        at = torch.arange(*span, device=silence.device) % silence.shape[1]
        return silence[:, at].to(self._weight.device, torch.float32)

    def _cached_encode(self, samples: Samples, inside: tuple[int, int]) -> Tensor:
        """Return the latents of some of the frames of samples, which hold all that these hear, or end where all ends."""
        if self._cache is None:
            return self._posterior_mean(samples, inside)
        key = self._key(samples, inside)
        latents = self._cache.get(key)
        if latents is None:
            latents = self._posterior_mean(samples, inside)
            self._cache.put(key, latents)
        return latents.to(self._weight.device)

    def _key(self, samples: Samples, inside: tuple[int, int]) -> str:
        """Return a name for what the latents depend on. BLAKE2b, for it is the fastest good hash of the standard library."""
        weight = self._weight
        made_by = f"1 {self._model_id} {weight.dtype} {weight.device.type} {self.frame} {inside[0]} {inside[1]}"
        key = hashlib.blake2b(made_by.encode() + b"\0", digest_size=20)
        key.update(samples.data)
        return key.hexdigest()

    def _posterior_mean(self, samples: Samples, inside: tuple[int, int]) -> Tensor:
        signal = torch.from_numpy(samples.T[None]).to(self._weight)

        def read(start: int, stop: int) -> Tensor:
            return signal[..., start:stop]

        both = partial_forward(
            self._encoder, signal.shape[-1], inside, read
        )  # mean and scale of the posterior, one above the other
        return both[:, : both.shape[1] // 2].transpose(1, 2).float().contiguous()

    @torch.inference_mode()
    def _decode_tile(self, latents: Tensor, span: tuple[int, int]) -> Samples:
        def read(start: int, stop: int) -> Tensor:
            return latents[:, start:stop].transpose(1, 2).to(self._weight)

        samples = partial_forward(self._decoder, latents.shape[1], (span[0] * self.frame, span[1] * self.frame), read)
        out: Samples = samples[0].T.float().contiguous().cpu().numpy()
        return out

    def _max_tile_frames(self) -> int:
        """Return the length of a tile to decode, in latent frames, that takes at most half of the device's free memory."""
        fewest, most = DECODED_FRAMES
        if self._weight.device.type != "cuda":
            return fewest
        free, _ = torch.cuda.mem_get_info(self._weight.device)
        return max(fewest, min(most, free // 2 // self._frame_bytes()))

    def _frame_bytes(self) -> int:
        """Return about how many bytes a latent frame takes while it is decoded."""
        points, widest = 1, 0
        for stage in self._decoder:
            points *= stage.upsampling
            widest = max(widest, points * max(conv.out_channels for conv in stage.convolutions))
        return _ALIVE * widest * self._weight.element_size()


def fingerprint(vae: nn.Module) -> str:
    """Return a name that two autoencoders share only if all their weights are the same, to the bit."""
    digest = hashlib.blake2b(digest_size=20)
    for name, tensor in vae.state_dict().items():
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(memoryview(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy()))
    return digest.hexdigest()


def _length(stages: tuple[ConvStage, ...], points: int) -> int:
    for stage in stages:
        points = stage.length(points)
    return points


def _silent(samples: Samples, frame: int, reach: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Return for each frame whether all that it hears of samples ``[n, 2]`` is silent."""
    frames = len(samples) // frame
    loud = (np.abs(samples) >= SILENT).reshape(frames, -1).any(1)
    counted = np.concatenate(([0], np.cumsum(loud)))
    at = np.arange(frames)
    return np.asarray(counted[np.minimum(frames, at + 1 + reach[1])] == counted[np.maximum(0, at - reach[0])])
