"""Training the network that hears drums, with torch, and writing its weights as numpy reads them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from acestep_runtime.midi.drum_bands import BANDS, to_levels
from acestep_runtime.midi.drum_network import DILATIONS, TAPS, USUAL, measure_usual, read_weights
from acestep_runtime.midi.drums import PIECES

from .material import DRAWN_FRAMES, Piece

Plane = npt.NDArray[np.float32]
CHANNELS = 64
#: Frames of a crop, crops of each piece in an epoch, and crops of a batch.
_CROP, _CROPS, _BATCH = 300, 3, 8
_RATE = 3e-3
#: Weight of frames with a stroke beside those without one: there are few of them.
_STROKE_WEIGHT = 2.0


class Network(nn.Module):
    """What `acestep_runtime.midi.drum_network` computes, as torch trains it."""

    def __init__(self, *, has_norms: bool = True) -> None:
        super().__init__()
        sizes = (BANDS, *(CHANNELS for _ in DILATIONS))
        self.layers = nn.ModuleList(
            nn.Conv1d(sizes[n], sizes[n + 1], TAPS, padding=TAPS // 2 * dilation, dilation=dilation)
            for n, dilation in enumerate(DILATIONS)
        )
        self.last = nn.Conv1d(CHANNELS, len(PIECES), 1)
        self.usual = nn.Linear(len(USUAL) * BANDS, CHANNELS, bias=False)
        self.norms = nn.ModuleList(nn.BatchNorm1d(CHANNELS) if has_norms else nn.Identity() for _ in DILATIONS)
        self.dropout = nn.Dropout(0.1)
        assert self.last.bias is not None
        nn.init.constant_(self.last.bias, -4.0)  # strokes are rare

    def forward(self, levels: Tensor, usual: Tensor) -> Tensor:
        """Return logits ``[N, P, K]`` of levels ``[N, B, K]`` and of what is usual ``[N, 2 B]``."""
        signal = levels
        for number, layer in enumerate(self.layers):
            signal = layer(signal)
            if number == 0:
                signal = signal + self.usual(usual)[:, :, None]
            signal = self.dropout(torch.relu(self.norms[number](signal)))
        return torch.as_tensor(self.last(signal))


def colour(rng: np.random.Generator, spread_db: float = 5.0) -> Plane:
    """Return gains of power by band, ``[B]``: a smooth filter drawn by chance."""
    points = rng.normal(0, spread_db, 7)
    gains_db = np.interp(np.linspace(0, 6, BANDS), np.arange(7), points)
    if rng.random() < 0.15:  # a lossy codec or an old recording
        gains_db[int(rng.integers(BANDS - 12, BANDS)) :] -= 60
    return np.asarray(10 ** (gains_db / 10), np.float32)


def mix(drums: Piece | None, music: Plane | None, rng: np.random.Generator) -> tuple[Plane, Plane]:
    """Return powers ``[K, B]`` and targets ``[K, P]`` of drums with music beside them, each with a gain and a colour."""
    power = np.zeros((DRAWN_FRAMES, BANDS), np.float32)
    if drums is not None:
        power += drums.power * colour(rng) / max(1e-9, float(drums.power.mean()))
    if music is not None:
        first = int(rng.integers(0, len(music) - DRAWN_FRAMES))
        part = music[first : first + DRAWN_FRAMES]
        gain = 10 ** (rng.uniform(-25, 8) / 10)
        power += part * colour(rng) * np.float32(gain / max(1e-9, float(part.mean())))
    if rng.random() < 0.3:  # a floor of noise
        power += np.float32(10 ** (rng.uniform(-70, -40) / 10)) * colour(rng) * power.mean()
    target = drums.target if drums is not None else np.zeros((DRAWN_FRAMES, len(PIECES)), np.float32)
    return power, target


#: Pieces of an epoch, and how many of them are music alone.
_PIECES, _ALONE = 128, 24


def _epoch(
    draw: Callable[[np.random.Generator], Piece], music: Sequence[Plane], rng: np.random.Generator
) -> list[tuple[Plane, Plane, Plane]]:
    """Return crops of levels ``[_CROP, B]``, what is usual in their recordings, and targets, in an order drawn by chance."""
    crops = []
    for number in range(_PIECES):
        piece = draw(rng) if number >= _ALONE or not music else None
        with_music = music and (piece is None or rng.random() < 0.5)
        power, target = mix(piece, music[int(rng.integers(len(music)))] if with_music else None, rng)
        levels = to_levels(power)
        usual = measure_usual(levels)
        crops += [
            (levels[first : first + _CROP], usual, target[first : first + _CROP])
            for first in rng.choice(DRAWN_FRAMES - _CROP, _CROPS)
        ]
    return [crops[k] for k in rng.permutation(len(crops))]


def train(
    draw: Callable[[np.random.Generator], Piece],
    music: Sequence[Plane],
    epochs: int,
    save_to: Path,
    go_on_from: Path | None = None,
    seed: int = 5,
) -> Network:
    """Return the network after ``epochs`` rounds of drums that ``draw`` returns; its weights are written after each fifth.

    It begins with random weights, or with those of a file; then its steps get shorter from the first one on.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng((seed, go_on_from is not None))
    network = Network() if go_on_from is None else load(go_on_from)
    optimiser = torch.optim.AdamW(network.parameters(), _RATE, weight_decay=1e-4)
    steps = -(-_PIECES * _CROPS // _BATCH)
    warm_up = 0.15 if go_on_from is None else 0.02
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _RATE, total_steps=epochs * steps, pct_start=warm_up)
    for epoch in range(epochs):
        network.train()
        losses = []
        order = _epoch(draw, music, rng)
        for first in range(0, len(order), _BATCH):
            batch = zip(*order[first : first + _BATCH], strict=True)
            levels, usual, target = (torch.from_numpy(np.stack(each)) for each in batch)
            target = target.transpose(1, 2)
            weight = torch.where(target > 0, _STROKE_WEIGHT, 1.0)
            logits = network(levels.transpose(1, 2), usual)
            loss = nn.functional.binary_cross_entropy_with_logits(logits, target, weight)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call, unused-ignore]
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            losses.append(float(loss.detach()))
        print(f"epoch {epoch + 1} of {epochs}: loss {np.mean(losses):.5f}", file=sys.stderr, flush=True)
        if epoch % 5 == 4 or epoch + 1 == epochs:
            save(network, save_to)
    return network


def save(network: Network, path: Path) -> None:
    """Write the weights as `drum_network.read_weights` reads them, in half precision, each norm within its layer."""
    held: dict[str, Tensor] = {}
    for number, (layer, norm) in enumerate(zip(network.layers, network.norms, strict=True)):
        assert isinstance(layer, nn.Conv1d)
        assert layer.bias is not None
        gain, bias = torch.ones(CHANNELS), layer.bias
        if isinstance(norm, nn.BatchNorm1d):
            assert norm.running_mean is not None
            assert norm.running_var is not None
            gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            bias = (bias - norm.running_mean) * gain + norm.bias
        held[f"kernel{number}"] = (layer.weight * gain[:, None, None]).permute(2, 1, 0)
        held[f"bias{number}"] = bias
        if number == 0:
            held["usual"] = (network.usual.weight * gain[:, None]).T
    assert network.last.bias is not None
    held[f"kernel{len(DILATIONS)}"] = network.last.weight.permute(2, 1, 0)
    held[f"bias{len(DILATIONS)}"] = network.last.bias
    with path.open("wb") as file:
        np.savez_compressed(file, **{name: each.detach().numpy().astype(np.float16) for name, each in held.items()})


def load(path: Path) -> Network:
    """Return the network of a file that `save` has written, without norms: they are within its layers."""
    with path.open("rb") as file:
        weights = read_weights(file)
    network = Network(has_norms=False)
    with torch.no_grad():
        for layer, kernel, bias in zip((*network.layers, network.last), weights.kernels, weights.biases, strict=True):
            assert isinstance(layer, nn.Conv1d)
            assert layer.bias is not None
            layer.weight.copy_(torch.from_numpy(kernel).permute(2, 1, 0))
            layer.bias.copy_(torch.from_numpy(bias))
        network.usual.weight.copy_(torch.from_numpy(weights.usual).T)
    return network
