"""Reading the header of audio that arrives, in threads of its own.

A file may be made so that this takes long, up to the limit of a decoder: other files of that kind wait for it then, and neither
the reading nor the writing of other files, nor the results of jobs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
_THREADS = 8
_pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="headers")


async def in_header_thread(work: Callable[[], T]) -> T:
    """Return the result of ``work``, which reads the header of a file that a client sent, run in a thread for such work."""
    return await asyncio.get_running_loop().run_in_executor(_pool, work)
