"""The version of the code that this process runs.

Read once, at the import: the installed package may be replaced under a daemon that runs.
"""

from __future__ import annotations

from importlib.metadata import version

VERSION = version("acebridge")
