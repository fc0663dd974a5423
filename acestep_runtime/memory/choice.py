"""The precision that a user sets for models. Needs no torch."""

from __future__ import annotations

import os

from acestep_runtime.errors import InvalidValue

VARIABLE = "ACEBRIDGE_PRECISION"
#: ``auto`` is bfloat16 where the device computes it natively and correctly.
PRECISIONS = ("auto", "bfloat16", "float32")


def read_precision() -> str:
    """Return the value of ``ACEBRIDGE_PRECISION``, which a daemon sets from ``precision``. Raises `InvalidValue`."""
    word = os.environ.get(VARIABLE, "").strip() or PRECISIONS[0]
    if word not in PRECISIONS:
        raise InvalidValue(VARIABLE, word, ", ".join(PRECISIONS))
    return word
