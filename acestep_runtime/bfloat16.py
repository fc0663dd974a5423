"""What the checks of bfloat16 on CPUs share: of operations in `memory/precision.py`, of layers in `vae/exact_layers.py`."""

from __future__ import annotations

#: Channels of the narrowest layers of released autoencoders.
RELEASED_CHANNELS = 128
#: Relative error (L2) up to which a result is correct. Results that round to 8 bits differ by about 0.002.
TOLERANCE = 0.02
#: Points of the signal that is convolved.
POINTS = 120
