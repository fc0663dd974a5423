"""``python -m tests.quality [FOLDER] [--rows NAME,NAME]``: measure, print tables, write docs/QUALITY.md (or into FOLDER)."""

import argparse

from .run import main

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.quality", description="Measure how good the engines are.")
    parser.add_argument("folder", nargs="?", default="docs", help="where QUALITY.md goes")
    parser.add_argument("--rows", default="", help="tables to measure, by name and separated by commas; all by default")
    options = parser.parse_args()
    main(options.folder, [name for name in options.rows.split(",") if name])
