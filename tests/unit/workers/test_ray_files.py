"""Files on their way from a node to the spool: what arrives equals what was written, and stands before the message about it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given

from acebridge.workers.messages import Header, Message, Take
from acebridge.workers.ray.files import DamagedFile, Inbox, Outbox
from acebridge.workers.ray.messages import FilePiece

HEADER: Header = {
    "output": 0, "take": 0, "role": "mix", "sample_rate": 48_000, "channels": 1, "encoding": "pcm16", "frames": 9,
    "start_frame": 0,
}  # fmt: skip


def header_of(output: int) -> Header:
    return {**HEADER, "output": output}


def take_of(folder: Path, *outputs: int) -> Take:
    hashes = {each: hashlib.sha256((folder / f"{each}.wav").read_bytes()).hexdigest() for each in outputs}
    return {"take": 0, "seed": 1, "facts": {}, "outputs": [{**header_of(n), "asset_id": h} for n, h in hashes.items()]}


def move(outbox: Outbox, inbox: Inbox, limit_bytes: int) -> list[Message]:
    """Send parcel by parcel; return the messages that came out."""
    messages: list[Message] = []
    while outbox:
        for item in outbox.take(limit_bytes):
            if isinstance(item, FilePiece):
                assert len(item.data) <= limit_bytes
                inbox.write(item)
            else:
                if item["type"] == "take":
                    inbox.finish(item["body"])
                messages.append(item)  # type: ignore[arg-type]
    return messages


@given(
    parts=st.lists(st.tuples(st.integers(0, 1), st.binary(min_size=1, max_size=20)), max_size=12),
    latents=st.binary(max_size=30),
    limit_bytes=st.integers(1, 40),
    reads=st.lists(st.booleans(), min_size=14, max_size=14),
)
def test_what_arrives_is_what_was_written(
    tmp_path_factory: pytest.TempPathFactory,
    parts: list[tuple[int, bytes]],
    latents: bytes,
    limit_bytes: int,
    reads: list[bool],
) -> None:
    """However the files grow, and whenever somebody reads."""
    node, spool = tmp_path_factory.mktemp("node"), tmp_path_factory.mktemp("spool") / "job"
    outbox, inbox = Outbox(node), Inbox(spool)
    written = {0: b"head", 1: b"head"}
    said: list[Message] = []
    came: list[Message] = []

    def say(message: Message) -> None:
        outbox.add(message)
        said.append(message)

    for output in (0, 1):
        (node / f"{output}.wav").write_bytes(b"head")
        say({"type": "header", "body": header_of(output)})
    for (output, data), is_read in zip(parts, reads, strict=False):
        written[output] += data
        with (node / f"{output}.wav").open("ab") as file:
            file.write(data)
        say({"type": "audio", "body": {"output": output, "offset_frames": 0, "frames": len(data)}})
        if is_read:
            came += move(outbox, inbox, limit_bytes)
            assert (spool / f"{output}.wav").read_bytes() == written[output]
    (node / "1.wav.latents").write_bytes(latents)
    say({"type": "take", "body": take_of(node, 0, 1)})
    came += move(outbox, inbox, limit_bytes)
    assert came == said
    assert {each: (spool / f"{each}.wav").read_bytes() for each in written} == written
    assert ((spool / "1.wav.latents").read_bytes() if latents else b"") == latents
    assert not list(node.iterdir())
    inbox.close()


def test_bytes_stand_before_the_message_about_them(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    (tmp_path / "0.wav").write_bytes(b"0123456789")
    header: Message = {"type": "header", "body": HEADER}
    outbox.add({"type": "progress", "body": {"fraction": 0.5}})
    outbox.add(header)
    assert outbox.take(6) == [{"type": "progress", "body": {"fraction": 0.5}}, FilePiece("0.wav", 0, b"012345")]
    with (tmp_path / "0.wav").open("ab") as file:
        file.write(b"later")  # which the next message speaks of
    assert outbox.take(6) == [FilePiece("0.wav", 6, b"6789"), header]
    assert not outbox


def test_damage_on_the_way_is_noticed(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "spool")
    inbox.write(FilePiece("0.wav", 0, b"abc"))
    with pytest.raises(DamagedFile, match=r"^0\.wav goes on at 4 instead of 3$"):
        inbox.write(FilePiece("0.wav", 4, b"e"))
    node = tmp_path / "node"
    node.mkdir()
    (node / "0.wav").write_bytes(b"abd")
    with pytest.raises(DamagedFile, match=r"^0\.wav is not what its hash says$"):
        inbox.finish(take_of(node, 0))
    inbox.close()


def test_a_file_that_is_there_already_is_not_changed(tmp_path: Path) -> None:
    (tmp_path / "0.wav").write_bytes(b"of another")
    inbox = Inbox(tmp_path)
    with pytest.raises(FileExistsError):
        inbox.write(FilePiece("0.wav", 0, b"abc"))


def test_names_stay_in_the_folder(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "spool")
    inbox.write(FilePiece("../../0.wav", 0, b"abc"))
    inbox.close()
    assert (tmp_path / "spool" / "0.wav").read_bytes() == b"abc"


def test_a_file_that_became_shorter_is_a_fault(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    (tmp_path / "0.wav").write_bytes(b"0123456789")
    outbox.add({"type": "header", "body": HEADER})
    outbox.take(5)
    (tmp_path / "0.wav").write_bytes(b"012")
    with pytest.raises(DamagedFile, match="became shorter"):
        outbox.take(5)
