"""Files that cannot be written whole: the error of the disk is what is raised, for every format."""

from __future__ import annotations

import errno
import io
import os

import numpy as np
import pytest

from acestep_runtime.audio.encode import FORMATS, encode_file

RATE_HZ = 48_000


class FullDisk(io.BytesIO):
    """A file on a disk that holds 2000 bytes."""

    def write(self, data: object) -> int:
        """Write ``data`` unless the disk is full."""
        if self.tell() > 2000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(data)  # type: ignore[arg-type]


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("suffix", sorted(FORMATS))
def test_a_full_disk_is_an_error_of_the_disk(suffix: str) -> None:
    blocks = [np.random.default_rng(1).uniform(-0.5, 0.5, (RATE_HZ, 2)).astype(np.float32)]
    with pytest.raises(OSError, match="No space left on device"):
        encode_file(FullDisk(), blocks, 2, RATE_HZ, FORMATS[suffix])
