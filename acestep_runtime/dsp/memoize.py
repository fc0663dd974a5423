"""Memoisation of analysis functions by audio content: takes of a job and successive calls analyse the same source."""

from __future__ import annotations

import functools
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

import numpy as np
import numpy.typing as npt

Audio = TypeVar("Audio", bound=npt.NDArray[np.generic])
Options = ParamSpec("Options")
Result = TypeVar("Result")
#: Rows that are hashed at once.
_BLOCK = 1 << 18
Function = Callable[Concatenate[Audio, Options], Result]


def memoize_by_audio(
    max_results: int,
) -> Callable[[Function[Audio, Options, Result]], Function[Audio, Options, Result]]:
    """Memoise a function of audio: keep its last ``max_results`` results, by audio content and the other arguments.

    The first argument is an array; the others have a complete `repr` (``None`` equals an omitted argument), and results
    are small and never changed. Hashing runs at about 2 GB/s. Each function has its own cache.
    Thread-safe; two concurrent calls may both compute.
    """

    def decorate(function: Function[Audio, Options, Result]) -> Function[Audio, Options, Result]:
        cache: OrderedDict[tuple[str, int], Result] = OrderedDict()
        lock = threading.Lock()

        @functools.wraps(function)
        def ask(samples: Audio, /, *args: Options.args, **options: Options.kwargs) -> Result:
            named_options = sorted((name, value) for name, value in options.items() if value is not None)
            key = (repr((samples.shape, samples.dtype.str, args, named_options)), _hash_bytes(samples))
            with lock:
                if key in cache:
                    cache.move_to_end(key)
                    return cache[key]
            result = function(samples, *args, **options)
            with lock:
                cache[key] = result
                while len(cache) > max_results:
                    cache.popitem(last=False)
            return result

        return ask

    return decorate


def _hash_bytes(samples: npt.NDArray[np.generic]) -> int:
    """Return a hash of an array's bytes; no more than a block of them is copied at once.

    Python hashes bytes with SipHash: 64 bits, and three times as fast as the hashes of hashlib.
    """
    return hash(tuple(hash(samples[at : at + _BLOCK].tobytes()) for at in range(0, len(samples), _BLOCK)))
