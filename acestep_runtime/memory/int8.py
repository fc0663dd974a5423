"""Weights in int8: half of bfloat16's memory, a quarter of float32's, for results that are close and not the same.

Each row of a linear layer's weights becomes whole numbers of −128 to 127 and one scale, rounded to nearest; activations stay
as they are. Method: Jacob et al. 2018, arXiv:1712.05877, section 2, with a scale for each output channel; done by torchao.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from acestep_runtime.errors import EngineFailure, InvalidValue
from acestep_runtime.installation import install_remedy

if TYPE_CHECKING:
    from torch import nn

VARIABLE = "ACEBRIDGE_INT8_WEIGHTS"
#: Parts whose layers are kept in int8. What hears and codes audio stays whole: it is small, and its errors would be heard.
PARTS = ("dit", "encoder", "text_encoder")
#: Only the layers that a part repeats. Those before and after them are few, and set the level of all that follows.
_REPEATED = "layers"
_WORDS = {"": False, "0": False, "false": False, "no": False, "off": False}
_WORDS |= {"1": True, "true": True, "yes": True, "on": True}


def missing_remedy() -> str:
    """Return what to do where torchao is not installed."""
    return f"{install_remedy('neural-gpu')} Or set int8_weights to false."


def wanted() -> bool:
    """Return what ``ACEBRIDGE_INT8_WEIGHTS`` says, which a daemon sets to its ``int8_weights``; raises `InvalidValue`."""
    word = os.environ.get(VARIABLE, "")
    if word.strip().lower() not in _WORDS:
        raise InvalidValue(VARIABLE, word, "true or false")
    return _WORDS[word.strip().lower()]


def quantised(module: nn.Module) -> None:
    """Put the weights of a module's repeated linear layers into int8, in place. Raises `EngineFailure` without torchao."""
    from torch.nn import Linear

    try:
        from torchao.quantization import Int8WeightOnlyConfig, quantize_
    except ImportError as error:
        raise EngineFailure(
            "Weights in int8 were asked for (int8_weights), and torchao is not installed.", remedy=missing_remedy()
        ) from error

    def repeated(child: nn.Module, name: str) -> bool:
        return isinstance(child, Linear) and _REPEATED in name.split(".")

    # Settings of the compiler, which it would change too, are not ours to change.
    quantize_(module, Int8WeightOnlyConfig(set_inductor_config=False), filter_fn=repeated)
