"""``python -m tests.quality [FOLDER]``: measure everything, print the table, write docs/QUALITY.md (or into FOLDER)."""

import sys

from .run import main

if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "docs")
