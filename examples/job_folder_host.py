"""A whole host in a page: repaint a stretch of a song through a job folder, with nothing but Python's standard library.

    python examples/job_folder_host.py song.wav 4 8 "brighter piano" new-audio

A script in any DAW does the same: write a request, start the command, look at its status now and then, place the result.
Ctrl-C cancels the job. The protocol is in daemon/acebridge/hosts/jobfolder/PROTOCOL.md.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

VERSION, START_S, SILENT_S = 1, 20.0, 30.0
FINAL = ("done", "failed", "cancelled")


def submit(folder: Path, request: dict) -> subprocess.Popen:
    """Write the request into its folder, whole at once, and start the command on it; return that without waiting."""
    folder.mkdir(parents=True, exist_ok=True)
    request = {"version": VERSION, "host": {"name": "Example", "version": "1.0"}, "create_time": time.time(), **request}
    unfinished = folder / "request.part"
    unfinished.write_text(json.dumps(request), "utf-8")
    unfinished.replace(folder / "request.json")
    quiet = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    # In a session of its own, so that Ctrl-C in a terminal reaches this program alone.
    return subprocess.Popen(["acebridge", "host", "run", folder.absolute().as_uri()], start_new_session=True, **quiet)


def status(folder: Path) -> dict:
    """Return how the job goes; a command that says nothing for long has failed."""
    file = folder / "status.json"
    found = json.loads(file.read_text("utf-8")) if file.exists() else {"state": "starting", "stage": "", "fraction": 0}
    said = found.get("update_time") or (folder / "request.json").stat().st_mtime
    if found["state"] not in FINAL and time.time() - said > (SILENT_S if file.exists() else START_S):
        return {**found, "state": "failed", "message": "The acebridge command is gone.", "remedy": f"See {folder}."}
    return found


def follow(folder: Path) -> dict:
    """Show progress until the job has ended; return its last status."""
    while (now := status(folder))["state"] not in FINAL:
        print(f"\r\033[K{now['fraction']:4.0%} {now['stage']}", end="\r", file=sys.stderr, flush=True)
        time.sleep(0.1)
    return now


def main() -> None:
    """Repaint a stretch of a song and say where the new audio lies."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, kind in (("song", Path), ("start_s", float), ("end_s", float), ("style", str), ("media", Path)):
        parser.add_argument(name, type=kind)
    parser.add_argument("--engine", default="auto", help="auto, draft or neural")
    given = parser.parse_args()
    fields = {"start_s": given.start_s, "end_s": given.end_s, "music": {"caption": given.style}}
    part = {"task": "repaint", "source": {"file": str(given.song.absolute())}, "fields": fields}
    folder = given.media.absolute() / "jobs" / (time.strftime("%Y%m%d-%H%M%S-") + uuid.uuid4().hex[:8])
    media = {"folder": str(given.media.absolute())}
    with submit(folder, {"title": "Repaint", "engine": given.engine, "media": media, "parts": [part]}):
        signal.signal(signal.SIGINT, lambda *_: (folder / "cancel").touch())
        ended = follow(folder)
    if ended["state"] != "done":
        sys.exit(f"{ended['state']}: {ended['message']} {ended['remedy']}".strip())
    result = json.loads((folder / "result.json").read_text("utf-8"))
    for output in (output for take in result["parts"][0]["takes"] for output in take["outputs"]):
        print(f"{output['file']}: {output['length_s']:.3f} s at {output['position_s']:.3f} s")
    (folder / "placed").touch()


if __name__ == "__main__":
    main()
