"""The type of audio in memory."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

#: ``[N, C]``: N frames of C channels (1 or 2), float32 with full scale ±1.
Samples = npt.NDArray[np.float32]
