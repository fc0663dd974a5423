"""Which device each part of the neural engine computes on: the setting ``parts``. Needs no torch.

part    modules                                                        where it is not named
dit     the transformer, and the tokenizers of audio codes             must be named
lm      the language model                                             with dit
vae     the autoencoder                                                with dit
text    the text encoder and the condition encoder                     with dit

Tensors move where one part's result is another's input, and nowhere else.
"""

from __future__ import annotations

from acestep_runtime.errors import InvalidValue

#: Part → its modules in a model; the language model is no part of one.
MODULES = {
    "dit": ("dit", "tokenizer", "detokenizer"),
    "lm": (),
    "vae": ("vae",),
    "text": ("text_encoder", "encoder"),
}
FIELD = "parts"
_ALLOWED = f"a device for each of {', '.join(MODULES)}, such as dit:cuda:0, lm:cuda:1 or dit:0, lm:1"


def parse_parts(text: str) -> dict[str, str]:
    """Return the name of the device of every part: of ``dit:cuda:0, vae:1``, a number being that of a GPU of CUDA.

    Empty for an empty text. Raises `InvalidValue` for anything else.
    """
    named: dict[str, str] = {}
    for entry in text.split(",") if text.strip() else ():
        part, colon, device = (each.strip() for each in entry.partition(":"))
        if part not in MODULES:
            raise InvalidValue(FIELD, part, f"the parts {', '.join(MODULES)}", remedy="Write for example dit:0, lm:1.")
        if not colon or not device:
            raise InvalidValue(FIELD, entry.strip(), _ALLOWED)
        if part in named:
            raise InvalidValue(FIELD, text, "each part once", remedy=f"Name {part} once.")
        named[part] = f"cuda:{int(device)}" if device.isascii() and device.isdigit() else device
    if named and "dit" not in named:
        raise InvalidValue(
            FIELD, text, "a device for dit, with which the other parts go", remedy="Add dit, such as dit:0."
        )
    return {part: named.get(part, named["dit"]) for part in MODULES} if named else {}


def devices_of(text: str) -> tuple[str, ...]:
    """Return the names of the devices that the parts are on, each once, the transformer's first. Raises as `parse_parts`."""
    return tuple(dict.fromkeys(parse_parts(text).values()))
