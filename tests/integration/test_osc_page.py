"""docs/osc.md is current, its bytes are those that the bridge reads and sends, and its recipes work byte for byte."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile

from acebridge.config import OscSettings
from acebridge.hosts.osc.addresses import ADDRESSES
from acebridge.hosts.osc.messages import Message, decode, encode
from acebridge.hosts.osc.table import Table
from tests.support.osc import Answer, OscPeer, osc_peer, parse
from tests.support.osc_page import PAGE, Example, answers, blocks, bridge_at, examples, generate

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TEXT = PAGE.read_text("utf-8")
BLOCKS = blocks(TEXT)
#: Title → messages with their bytes.
RECIPES = dict(zip(re.findall(r"^### (.*: .*)$", TEXT, re.MULTILINE), BLOCKS, strict=False))


def test_the_page_is_current() -> None:
    assert TEXT.startswith(generate(TEXT)), "run `make docs`"


def test_every_address_is_shown_with_its_bytes() -> None:
    assert [example for example, _ in BLOCKS[-1]] == examples()
    shown = {example.address for example, _ in BLOCKS[-1]}
    assert len(shown) == len(ADDRESSES) + len(answers())


def _name(value: Example | bytes) -> str:
    return value.address if isinstance(value, Example) else ""


@pytest.mark.parametrize(("example", "packet"), [each for block in BLOCKS for each in block], ids=_name)
def test_bytes_are_read_and_sent_as_they_are_shown(example: Example, packet: bytes) -> None:
    assert packet == example.packet
    assert packet == encode(example.address, example.tags, *example.values)
    assert decode(packet) == [Message(example.address, example.values)]
    assert parse(packet) == example
    assert Table.is_answer(example.address) or Table(ADDRESSES).find(example.address)


def test_the_settings_that_are_shown_are_all_and_are_allowed() -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    table = tomllib.loads(text)["osc"]
    assert list(table) == list(OscSettings.model_fields)
    shown, usual = OscSettings.model_validate(table), OscSettings()
    assert (shown.host, shown.port) == (usual.host, usual.port)


def test_the_transcript_is_of_addresses_that_there_are() -> None:
    said = TEXT.partition("## What a bridge says")[2]
    lines = re.findall(r"^([<>]) (/\S+)", said, re.MULTILINE)
    assert len(lines) > 30
    table = Table(ADDRESSES)
    for side, address in lines:
        whole = address.replace("0e9d…", "0" * 32)
        assert (side == "<" and table.is_answer(whole)) or table.find(whole)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("recipes") / "you"


@pytest.fixture(scope="module")
def bridge(home: Path) -> Iterator[OscPeer]:
    with bridge_at(home) as peer:
        yield peer


def replay(bridge: OscPeer, title: str) -> list[Answer]:
    """Send the bytes of a recipe; return the takes of its jobs."""
    takes: list[Answer] = []
    bridge.send("/acebridge/session/clear")
    bridge.send("/acebridge/session/engine", "s", "draft")
    for example, packet in RECIPES[title]:
        bridge.send_bytes(packet)
        if "/session/" not in example.address and example.address not in ("/acebridge/feedback", "/acebridge/cancel"):
            said = bridge.wait_for("done")
            assert said[-1].kind == "done", said
            takes += [answer for answer in said if answer.kind == "take"]
    assert bridge.ask("/acebridge/status", until="daemon").kind == "daemon"  # and no error before
    return takes


def names(takes: list[Answer], home: Path) -> list[str]:
    return [str(Path(take.values[3]).relative_to(home.resolve())) for take in takes]


EXPECTED = {
    "Max: repaint a region": ["Music/song-repaint.wav"],
    "QLab: a new bed for tonight": ["Music/text2music.wav", "Music/text2music (2).wav"],
    "Stream Deck: stems, another take, stop": [
        f"Music/song-extract-{role}{number}.wav" for number in ("", " (2)") for role in ("drums", "vocals", "other")
    ],
    "Bitwig Studio: tempo into the session, a layer by a click": ["Music/song-lego-drums.wav"],
}


def test_every_recipe_is_tried() -> None:
    assert set(RECIPES) == set(EXPECTED)


@pytest.mark.parametrize("title", EXPECTED)
def test_a_recipe_byte_for_byte(bridge: OscPeer, home: Path, title: str) -> None:
    takes = replay(bridge, title)
    assert sorted(names(takes, home)) == sorted(EXPECTED[title])
    for take in takes:
        assert soundfile.info(take.values[3]).frames == 4 * 48_000


def test_feedback_of_the_first_recipe_goes_where_it_says(bridge: OscPeer) -> None:
    (example, packet), *_ = RECIPES["Max: repaint a region"]
    assert example.values == ("127.0.0.1", 9000)
    with osc_peer(bridge.to[1]) as other:
        bridge.send_bytes(packet.replace((9000).to_bytes(4, "big"), other.port.to_bytes(4, "big")))
        bridge.send("/acebridge/session/bpm", "f", 77.0)
        assert other.receive() == ("/acebridge/session/bpm", "f", (77.0,))
        bridge.send("/acebridge/feedback/stop", "si", "127.0.0.1", other.port)
