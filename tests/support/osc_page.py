"""Writes what is generated in docs/osc.md: the bytes in its recipes, the tables of addresses with the bytes of an example each,
and what a running bridge says.

Run ``python -m tests.support.osc_page``; the suite checks that the page is current, and sends the recipes byte for byte.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from acebridge.hosts.osc.address import ID, Address
from acebridge.hosts.osc.addresses import ADDRESSES, TASK_ROWS
from acebridge.hosts.osc.control import ANSWERS
from acebridge.hosts.osc.feedback import KINDS, LATEST, PREFIX
from acebridge.hosts.osc.session import FIELDS
from acestep_runtime.audio import wav
from acestep_runtime.limits import describe_limits
from tests.support.daemon import Daemon
from tests.support.osc import Answer, OscPeer, message, osc_peer, port_of
from tests.support.paths import ROOT
from tests.support.signals import song

PAGE = ROOT / "docs" / "osc.md"
#: What is above this heading in the page is written by hand, but for the bytes in blocks of the language ``osc``.
_HEADING = "## Addresses"
_BLOCK = re.compile(r"(?<=```osc\n).*?(?=```)", re.DOTALL)
_JOB = "0e9d4b2f6a7c48d19b3e5f80a1c2d3e4"
#: Values for examples, by the name of the argument.
_EXAMPLES: dict[str, str | float | int] = {
    "source": "~/Music/song.wav", "start_s": 8.0, "end_s": 16.0, "start": 8.0, "end": 16.0, "tracks": "drums,bass",
    "description": "a ballad about rain", "caption": "warm soul", "chords": "Am F C G", "lyrics": "[Verse]\nHold on",
    "duration_s": 30.0,
    "morph": "words", "source_caption": "cold synths", "source_lyrics": "[Verse]\nLet go", "dcw": "off",
    "midi": "~/Music/notes.mid", "guide": "cover",
    "strength": 0.5, "bpm": 96.0, "keyscale": "A minor", "timesignature": 4, "takes": 2, "seed": 7, "engine": "draft",
    "tries": 4, "fit": 0.25,
    "output": "~/Music/takes", "host": "127.0.0.1", "port": 9000, "token": "5f1c", "address": "/acebridge/session/bpm",
    "reason": "bpm is 5.0; allowed: 30 to 300 beats per minute.", "remedy": "Send a value that is allowed.",
    "fraction": 0.25, "state": "running",
    "task": "repaint", "jobs": 2, "fields": 3, "running": 1, "waiting": 0, "version": "0.1.0", "eta_s": 1.5, "stage": "playing",
    "take": 1, "role": "mix", "file": "/home/you/Music/song-repaint.wav", "run_s": 2.5, "message": "The job was cancelled.",
    "what": "~/Music/song.wav", "db": -6.0, "device": "headphones", "choice": 1, "on": 1, "underruns": 1, "device_underruns": 0,
    "missing_s": 0.25, "instance": "5f1c0e9d2b3a",
    "amount": 0.25, "text": "repaint: playing", "seconds": 12.5, "rolls": 1, "name": "Repaint time selection (no dialog)",
}  # fmt: skip


#: Path → values that differ there.
_OWN_EXAMPLES: dict[str, dict[str, str | float | int]] = {
    f"{PREFIX}/job/{ID}/take": {"seed": "7"},
    f"{PREFIX}/job/{ID}/fit": {"text": "It is 120 ms late."},
    f"{PREFIX}/job/{ID}/error": {"reason": "CANCELLED", "remedy": "Send /acebridge/again to run it again."},
    f"{PREFIX}/daemon": {"address": "127.0.0.1:50710"},
    f"{PREFIX}/plugin/open": {"host": "ardour-7.3.0"},
    f"{PREFIX}/plugin/state": {"state": "working", "text": "playing bar 3 of 4"},
    f"{PREFIX}/plugin/done": {"file": "/home/you/Song/AceBridge Repaint mix 7.wav"},
    f"{PREFIX}/plugin/error": {"message": "Nothing is captured yet. Switch Capture on, play the bars, then press Go."},
    f"{PREFIX}/monitor/state": {"state": "playing", "name": "take 1"},
    f"{PREFIX}/daw/text": {"text": "2.000 s to 4.000 s of song.wav on Guitar, 120 bpm"},
}


class Example(NamedTuple):
    """A message of the page, and its bytes."""

    address: str
    tags: str
    values: tuple[str | float | int, ...]

    @property
    def packet(self) -> bytes:
        return message(self.address, self.tags, *self.values)

    def __str__(self) -> str:
        return " ".join([self.address, *map(_show, self.values)])


def _show(value: str | float | int) -> str:
    return f'"{value}"'.replace("\n", r"\n") if isinstance(value, str) else str(value)


def read_example(line: str) -> Example:
    """Read a line of a block: an address, texts in quotes, numbers; those with a point are decimals."""
    address, *words = re.findall(r'"[^"]*"|\S+', line)
    values = [_read_value(word) for word in words]
    tags = "".join({str: "s", float: "f", int: "i"}[type(value)] for value in values)
    return Example(address, tags, tuple(values))


def _read_value(word: str) -> str | float | int:
    if word.startswith('"'):
        return word.strip('"').replace(r"\n", "\n")
    return float(word) if "." in word else int(word)


def _hex_lines(packet: bytes) -> Iterator[str]:
    """Yield lines of eight groups of four bytes."""
    words = [packet[at : at + 4].hex() for at in range(0, len(packet), 4)]
    for at in range(0, len(words), 8):
        yield "  " + " ".join(words[at : at + 8])


def _block(examples: Iterable[Example]) -> str:
    return "".join(f"{line}\n" for each in examples for line in (str(each), *_hex_lines(each.packet)))


def blocks(page: str) -> list[list[tuple[Example, bytes]]]:
    """Return the messages of each block of a page, as they are written and as bytes."""
    found = []
    for block in _BLOCK.findall(page):
        messages: list[tuple[Example, bytes]] = []
        for line in block.splitlines():
            if line.startswith("/"):
                messages.append((read_example(line), b""))
            else:
                example, packet = messages[-1]
                messages[-1] = example, packet + bytes.fromhex(line)
        found.append(messages)
    return found


def _with_bytes(by_hand: str) -> str:
    """Return the text with the bytes of every message in its blocks."""
    return _BLOCK.sub(
        lambda block: _block(read_example(line) for line in block[0].splitlines() if line.startswith("/")), by_hand
    )


def example_of(path: str, tags: str, arguments: Sequence[str]) -> Example:
    """Return an example for an address."""
    own = {**_EXAMPLES, **_OWN_EXAMPLES.get(path, {})}
    values = tuple(own[name] for name in arguments)
    return Example(path.replace(ID, _JOB).replace("ID", _JOB), tags, values)


def _table(rows: Mapping[str, tuple[str, Sequence[str], str]]) -> str:
    lines = ["| address | types | arguments | meaning |", "|---|---|---|---|"]
    for path, (tags, names, doc) in rows.items():
        types = f"`,{tags}`" if tags else ""
        lines.append(f"| `{path.replace(ID, 'ID')}` | {types} | {', '.join(names)} | {doc} |")
    return "\n".join(lines) + "\n"


def _row(address: Address) -> tuple[str, Sequence[str], str]:
    return address.tags, address.arguments, address.doc


def _field_doc(name: str) -> str:
    limits = FIELDS[name].limits
    return FIELDS[name].doc + (f"; {describe_limits(limits)}" if limits is not None else "")


def tables() -> str:
    """Return the part of the page that follows from the table of addresses."""
    session = {row.path: (row.tags, row.arguments, _field_doc(row.arguments[0])) for row in ADDRESSES if _is_field(row)}
    tasks = {row.path: _row(row) for row in TASK_ROWS if "/go/" not in row.path}
    rest = {row.path: _row(row) for row in ADDRESSES if row not in TASK_ROWS and not _is_field(row)}
    parts = [
        f"{_HEADING}\n\nGenerated from the table that the bridge itself uses.",
        "### Tasks\n\n" + _table(tasks)
        + "\nAny argument from the end on may be left out. All take JSON as a last argument, and so does\n"
        "`/acebridge/go/<task>`, which has no others.",
        "### Session\n\n" + _table(session),
        "### Control\n\n" + _table(rest) + "\nThose without arguments also take the number of a button.",
        "### Answers\n\n" + _table(answers()),
        "### Bytes\n\nAn example of each address.\n\n```osc\n" + _block(examples()) + "```\n",
    ]  # fmt: skip
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def _is_field(row: Address) -> bool:
    return row.path.removeprefix(f"{PREFIX}/session/") in FIELDS


def answers() -> dict[str, tuple[str, Sequence[str], str]]:
    """Return all addresses that the bridge sends to: path → types, arguments, meaning."""
    jobs = {f"{PREFIX}/job/{ID}/{kind}": about for kind, about in KINDS.items()}
    latest = {f"{PREFIX}/latest/{name}": about for name, about in LATEST.items()}
    return {**jobs, **latest, **ANSWERS}


def examples() -> list[Example]:
    """Return an example of every address."""
    rows = [(row.path, row.tags, row.arguments) for row in ADDRESSES]
    return [example_of(*row) for row in (*rows, *((path, *about[:2]) for path, about in answers().items()))]


# ---- transcript ----


class _Recorder:
    """Speaks with a bridge and keeps what both say."""

    def __init__(self, peer: OscPeer, home: Path) -> None:
        self.lines: list[str] = []
        self._peer, self._home = peer, str(home)

    def say(self, line: str, until: str) -> list[Answer]:
        """Send a message and keep the answers until one of the kind ``until``."""
        example = read_example(line)
        self.lines.append(f"> {line}")
        self._peer.send_bytes(example.packet)
        replies: list[Answer] = []
        while until and (not replies or replies[-1].kind not in (until, "error")):
            replies.append(self._peer.receive())
        for reply in _without_repeats([reply for reply in replies if "/latest/" not in reply.address]):
            self.lines.append("< …" if reply is None else f"< {self._shorten(reply)}")
        return replies

    def _shorten(self, answer: Answer) -> str:
        values = [round(value, 2) if isinstance(value, float) else value for value in answer.values]
        if answer.kind == "progress" and len(values) == 3 and values[1] != -1:
            values[1] = 0.5
        if answer.kind == "done":
            values[1] = 2.5
        text = " ".join([answer.address, *map(_show, values)]).replace(self._home, "/home/you")
        text = re.sub(r"/job/[0-9a-f]{32}/", "/job/0e9d…/", text)
        return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:50710", text)


def _without_repeats(answers: Sequence[Answer]) -> Iterator[Answer | None]:
    """Yield answers; of several progresses in a row the first and the last, and ``None`` for those between."""
    for number, answer in enumerate(answers):
        before, after = answers[max(number - 1, 0)].kind, answers[min(number + 1, len(answers) - 1)].kind
        if not before == answer.kind == after == "progress":
            yield answer
        elif answers[max(number - 2, 0)].kind != "progress":
            yield None


@contextmanager
def bridge_at(home: Path) -> Iterator[OscPeer]:
    """Run a daemon and its bridge for somebody whose home folder is ``home``, with ``~/Music/song.wav``; give a peer of it."""
    (home / "Music").mkdir(parents=True)
    wav.write(home / "Music" / "song.wav", song(bars=2), 48_000, "float32")
    daemon = Daemon(home / "data", config=f"roots = ['{home}']\n[osc]\nport = 0\n")
    daemon.environment["HOME"] = str(home)
    daemon.start()
    try:
        with osc_peer(port_of(daemon.home)) as peer:
            yield peer
    finally:
        daemon.stop()


def transcript(home: Path) -> str:
    """Return what a bridge says, recorded."""
    with bridge_at(home) as peer:
        recorder = _Recorder(peer, home.resolve())
        for line, until in (
            ("/acebridge/status", "daemon"),
            ('/acebridge/session/source "~/Music/song.wav"', ""),
            ("/acebridge/session/start 1.0", ""),
            ("/acebridge/session/end 2.0", ""),
            ("/acebridge/session/seed 7", ""),
            ("/acebridge/session/bpm 5.0", "error"),
            ("/acebridge/session", "count"),
            ("/acebridge/go/repaint", "done"),
            ('/acebridge/understand "~/Music/song.wav"', "done"),
            ('/acebridge/repaint "/etc/song.wav" 0.0 1.0 "piano"', "error"),
            ('/acebridge/repaint "~/Music/song.wav" 9.0 8.0 "piano"', "error"),
            ('/acebridge/session/keyscale "H dur"', "error"),
            ("/acebridge/jobs", "count"),
        ):
            recorder.say(line, until)
    lines = "\n".join(recorder.lines)
    about = (
        "Recorded from a running bridge with the draft engine: `>` is sent, `<` comes back. Ids are\n"
        "shortened, and what goes to /acebridge/latest is left out."
    )
    return f"## What a bridge says\n\n{about}\n\n```text\n{lines}\n```\n"


def main() -> None:
    """Write the page."""
    by_hand = PAGE.read_text("utf-8").partition(_HEADING)[0]
    with tempfile.TemporaryDirectory() as folder:
        said = transcript(Path(folder, "you"))
    PAGE.write_text(f"{generate(by_hand)}\n{said}", "utf-8")
    print(PAGE)


def generate(page: str) -> str:
    """Return a page with everything in it that needs no bridge, up to the transcript."""
    return _with_bytes(page.partition(_HEADING)[0]).rstrip() + "\n\n" + tables()


if __name__ == "__main__":
    main()
