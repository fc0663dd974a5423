"""`python -m tests.quality.drum_training` makes acestep_runtime/midi/drum_network.npz again: sounds, then training."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import acestep_runtime.midi
from acestep_runtime.dsp.drums import KITS as DRAFT_KITS
from tests.quality.corpus import FONTS

from . import material, patterns
from .train import train

parser = argparse.ArgumentParser(prog="drum_training", description="Train the network that hears drums.")
parser.add_argument("--music", type=int, default=40, help="stretches of 30 s of music without drums")
parser.add_argument("--epochs", type=int, default=45, help="rounds of 25 minutes of drums that are drawn by chance")
parser.add_argument("--to", type=Path, default=Path(acestep_runtime.midi.__path__[0], "drum_network.npz"))
parser.add_argument("--from", type=Path, dest="go_on_from", help="weights to go on from")
chosen = parser.parse_args()
fonts = [path for _, path in FONTS.values() if Path(path).exists()]
rng = np.random.default_rng(3)
banks = [material.draft_bank(kit, rng) for kit in DRAFT_KITS]
banks += [material.stroke_bank(font, kit) for font in fonts for kit in sorted(set(patterns.KITS))]
songs = material.tuning_strokes()
music = [piece.power for piece in material.music_material(chosen.music, fonts)]
train(lambda rng: material.draw_drums(rng, banks, songs), music, chosen.epochs, chosen.to, chosen.go_on_from)
