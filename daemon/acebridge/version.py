"""The version of this code, which pyproject.toml takes from here.

The metadata of the installed package would not do: it may be replaced under a daemon that runs, and takes long to read.
"""

from __future__ import annotations

VERSION = "0.1.0"
