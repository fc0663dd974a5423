"""Opening files in places where somebody else may put links, pipes and devices. Light to import."""

from __future__ import annotations

import errno
import os
import stat

#: Where the system knows links: a file that is one is not opened.
NO_LINK = getattr(os, "O_NOFOLLOW", 0)
#: Nobody keeps us waiting, nothing becomes our terminal, no child gets it.
AT_ONCE = sum(getattr(os, f"O_{name}", 0) for name in ("NONBLOCK", "NOCTTY", "CLOEXEC", "NOINHERIT", "BINARY"))


def open_regular(path: str, flags: int) -> int:
    """Open a file as an ``opener``: a regular one only, and to write, one that has no other name.

    Raises ``OSError``, also for a link, a pipe, a device and a folder.
    """
    descriptor = os.open(path, flags | NO_LINK | AT_ONCE, 0o666)
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise OSError(errno.EINVAL, "a folder, a pipe or a device, not a file", path)
        if flags & (os.O_WRONLY | os.O_RDWR) and facts.st_nlink > 1:
            raise OSError(errno.EMLINK, "the file has another name as well", path)
        return descriptor
    except BaseException:
        os.close(descriptor)
        raise
