"""A host that places what others have finished: a watcher of an inbox on one page, with Python's standard library only.

    python examples/inbox_host.py inbox Media

Then, in another terminal: acebridge place song.wav --inbox inbox. A script in a DAW does the same, and puts the files on tracks
where this one prints them. The protocol is in daemon/acebridge/hosts/jobfolder/PROTOCOL.md, "The inbox". Ctrl-C ends it.
"""

from __future__ import annotations

import argparse
import json
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

VERSION, FRESH_S, LOOK_S = 1, 10.0, 1.0
WAITING, TAKEN = (
    re.compile(r"\d{8}-\d{6}-[0-9a-z]{4,32}"),
    re.compile(r"(\d{8}-\d{6}-[0-9a-z]{4,32})\.([0-9a-z]{4,32})"),
)


@dataclass
class Project:
    """What is open. ``placed_ids`` are kept with the project: so nothing is placed twice, also after a crash."""

    file: str
    media: Path
    put: Callable[[Path, float], None]
    cursor_s: float = 0.0
    recording: bool = False
    placed_ids: set[str] = field(default_factory=set)


def read(file: Path) -> dict:
    """Return the object in a JSON file; an empty one for a link and for what is damaged."""
    try:
        content = {} if file.is_symlink() else json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def write(file: Path, content: dict) -> None:
    """Write a JSON file that is whole whenever it is read."""
    part = file.with_name(f".{uuid.uuid4().hex}.part")
    part.write_text(json.dumps(content), "utf-8")
    part.replace(file)


class Watcher:
    """Looks into an inbox for a project."""

    def __init__(self, inbox: Path, project: Project) -> None:
        self.inbox, self.project, self.instance = inbox, project, uuid.uuid4().hex[:16]
        self.presence = inbox / f"presence-{self.instance}.json"
        inbox.mkdir(mode=0o700, parents=True, exist_ok=True)

    def look(self) -> None:
        """Say what is open; place what is for it. To be called once a second."""
        project = self.project
        entry = {
            "key": "1", "name": Path(project.file).stem, "file": project.file, "media": str(project.media), "shown": True,
            "recording": project.recording, "sample_rate": 44100, "bpm": 120.0, "beats": 4, "unit": 4,
            "cursor_s": project.cursor_s, "selection": None,
        }  # fmt: skip
        write(self.presence, {
            "version": VERSION, "instance": self.instance, "pid": None, "host": {"name": "Example", "version": "1.0"},
            "projects": [entry], "update_time": time.time(),
        })  # fmt: skip
        for folder in sorted(self.inbox.iterdir()):
            mine = self.claim(folder)
            if mine and read(mine / "answer.json").get("state") not in ("placed", "refused"):
                self.serve(mine)

    def close(self) -> None:
        """Nobody watches any more."""
        self.presence.unlink(missing_ok=True)

    def is_alive(self, instance: str) -> bool:
        """Whether another watcher is there."""
        written_s = read(self.inbox / f"presence-{instance}.json").get("update_time")
        return isinstance(written_s, (int, float)) and abs(time.time() - written_s) <= FRESH_S

    def claim(self, folder: Path) -> Path | None:
        """Take a folder, also one that a watcher has left that is gone. Of two that rename it, one finds nothing."""
        taken = TAKEN.fullmatch(folder.name)
        if folder.is_symlink() or not (taken or WAITING.fullmatch(folder.name)):
            return None
        if taken and taken[2] == self.instance:
            return folder
        wanted = read(folder / "place.json")
        is_here = (wanted.get("project") or {}).get("file") == self.project.file
        if wanted.get("instance") != self.instance and (
            self.is_alive(str(wanted.get("instance"))) or (wanted and not is_here)
        ):
            return None
        if taken and (self.is_alive(taken[2]) or read(folder / "answer.json").get("state") == "placed"):
            return None
        mine = self.inbox / f"{taken[1] if taken else folder.name}.{self.instance}"
        try:
            folder.rename(mine)
        except OSError:
            return None
        return mine

    def serve(self, folder: Path) -> None:
        """Place what lies in a folder that is ours, and answer."""
        id_, wanted, result = folder.name.split(".")[0], read(folder / "place.json"), read(folder / "result.json")

        def answer(state: str, message: str, remedy: str = "", **more: float) -> None:
            said = {"version": VERSION, "id": id_, "state": state, "message": message, "remedy": remedy, **more}
            write(folder / "answer.json", {**said, "instance": self.instance, "update_time": time.time()})

        if id_ in self.project.placed_ids:
            return answer("placed", "It was placed before.")
        if self.project.recording:
            return answer("waiting", "It is placed when the recording ends.")
        at = wanted.get("at") or {}
        start_s = at.get("position_s", 0.0) if at.get("kind") == "seconds" else self.project.cursor_s
        try:
            outputs = [out for part in result["parts"] for take in part["takes"][:1] for out in take["outputs"]]
            files = [(Path(out["file"]), start_s + out["start_frame"] / out["sample_rate"]) for out in outputs]
        except (KeyError, TypeError):
            return answer("refused", "What was sent is damaged.", "Send it again.")
        if not files or not all(file.is_file() for file, _ in files):
            return answer("refused", "Its audio is not there.", "Send it again.")
        self.project.placed_ids.add(id_)
        for file, position_s in files:
            self.project.put(file, position_s)
        return answer("placed", f"{wanted.get('title')} is in {self.project.file}.", position_s=files[0][1])


def main() -> None:
    """Watch an inbox, and print what is to be placed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("inbox", "media"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()

    def put(file: Path, position_s: float) -> None:
        print(f"{file} at {position_s:.3f} s", flush=True)

    watcher = Watcher(args.inbox.absolute(), Project("/example.song", args.media.absolute(), put))
    try:
        while True:
            watcher.look()
            time.sleep(LOOK_S)
    except KeyboardInterrupt:
        watcher.close()


if __name__ == "__main__":
    main()
