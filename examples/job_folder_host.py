"""A complete host on one page: repaint part of a song through a job folder, with Python's standard library only.

    python examples/job_folder_host.py song.wav 4 8 "brighter piano" new-audio

A script in any DAW does the same: write a request, start the command, poll its status, place the result; and first place what
has ended while the script did not run. Ctrl-C cancels the job. The protocol is in
daemon/acebridge/hosts/jobfolder/PROTOCOL.md.
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
    """Write the request into its folder atomically, and start the command on it without waiting."""
    folder.mkdir(parents=True, exist_ok=True)
    request = {"version": VERSION, "host": {"name": "Example", "version": "1.0"}, "create_time": time.time(), **request}
    part_file = folder / "request.part"
    part_file.write_text(json.dumps(request), "utf-8")
    part_file.replace(folder / "request.json")
    quiet = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    # In a new session, so that Ctrl-C in a terminal reaches this program alone.
    return subprocess.Popen(["acebridge", "host", "run", folder.absolute().as_uri()], start_new_session=True, **quiet)


def status(folder: Path) -> dict:
    """Return the job's status; a command without updates for long has failed."""
    file = folder / "status.json"
    job_status = (
        json.loads(file.read_text("utf-8")) if file.exists() else {"state": "starting", "stage": "", "fraction": 0}
    )
    updated_s = job_status.get("update_time") or (folder / "request.json").stat().st_mtime
    if job_status["state"] not in FINAL and time.time() - updated_s > (SILENT_S if file.exists() else START_S):
        return {
            **job_status,
            "state": "failed",
            "message": "The acebridge command is gone.",
            "remedy": f"See {folder}.",
        }
    return job_status


def follow(folder: Path) -> dict:
    """Show progress until the job ends; return its last status."""
    while (now := status(folder))["state"] not in FINAL:
        print(f"\r\033[K{now['fraction']:4.0%} {now['stage']}", end="\r", file=sys.stderr, flush=True)
        time.sleep(0.1)
    return now


def place(folder: Path) -> None:
    """Print where the new audio is; a script in a DAW puts it on tracks there. What it does not understand is kept."""
    result = json.loads((folder / "result.json").read_text("utf-8"))
    if result["version"] != VERSION:
        print(f"{folder}: the result is of version {result['version']}, this script knows {VERSION}.", file=sys.stderr)
        return
    for output in (output for take in result["parts"][0]["takes"] for output in take["outputs"]):
        print(f"{output['file']}: {output['length_s']:.3f} s at {output['position_s']:.3f} s")
    (folder / "placed").touch()


def place_waiting(jobs: Path) -> None:
    """Place what has ended while nobody looked."""
    for folder in sorted(file.parent for file in jobs.glob("*/result.json")):
        if status(folder)["state"] == "done" and not (folder / "placed").exists():
            place(folder)


def main() -> None:
    """Repaint part of a song and print where the new audio is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, kind in (("song", Path), ("start_s", float), ("end_s", float), ("style", str), ("media", Path)):
        parser.add_argument(name, type=kind)
    parser.add_argument("--engine", default="auto", help="auto, draft or neural")
    args = parser.parse_args()
    jobs = args.media.absolute() / "jobs"
    place_waiting(jobs)
    fields = {"start_s": args.start_s, "end_s": args.end_s, "music": {"caption": args.style}}
    part = {"task": "repaint", "source": {"file": str(args.song.absolute())}, "fields": fields}
    folder = jobs / (time.strftime("%Y%m%d-%H%M%S-") + uuid.uuid4().hex[:8])
    media = {"folder": str(args.media.absolute())}
    with submit(folder, {"title": "Repaint", "engine": args.engine, "media": media, "parts": [part]}):
        signal.signal(signal.SIGINT, lambda *_: (folder / "cancel").touch())
        last_status = follow(folder)
    if last_status["state"] != "done":
        sys.exit(f"{last_status['state']}: {last_status['message']} {last_status['remedy']}".strip())
    place(folder)


if __name__ == "__main__":
    main()
