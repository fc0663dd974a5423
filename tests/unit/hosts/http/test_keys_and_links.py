"""Keys, codes and links: what is good, for whom, and until when."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from acebridge.errors import NotFound, Unauthenticated
from acebridge.hosts.http.access import Caller
from acebridge.hosts.http.keys import CODE_S, MAX_CODES, Codes, find_key, read_key
from acebridge.hosts.http.links import LINK_S, MAX_LINKS, Links, wav_name

PANEL, OTHER = Caller(None), Caller("a" * 64)


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def secret_of(path: str) -> str:
    return path.split("/")[3]


def test_the_key_stays_and_is_for_its_user_alone(home: Path) -> None:
    assert read_key(home) == ""
    key = find_key(home)
    assert len(bytes.fromhex(key)) == 32
    assert find_key(home) == key == read_key(home)
    if os.name != "nt":
        assert stat.S_IMODE((home / "panel-key").stat().st_mode) == 0o600


def test_a_damaged_key_is_replaced(home: Path) -> None:
    (home / "panel-key").write_text("no key")
    assert read_key(home) == ""
    assert len(find_key(home)) == 64


def test_a_code_is_good_once() -> None:
    codes = Codes(Clock())
    code = codes.make()
    codes.take(code)
    for bad in (code, "", "other"):
        with pytest.raises(Unauthenticated, match="acebridge panel"):
            codes.take(bad)


def test_a_code_is_good_for_a_minute() -> None:
    clock = Clock()
    codes = Codes(clock)
    early, late = codes.make(), codes.make()
    clock.now_s += CODE_S - 1
    codes.take(early)
    clock.now_s += 2
    with pytest.raises(Unauthenticated):
        codes.take(late)


def test_codes_are_few() -> None:
    codes = Codes(Clock())
    made = [codes.make() for _ in range(MAX_CODES + 1)]
    assert len(set(made)) == MAX_CODES + 1
    with pytest.raises(Unauthenticated):
        codes.take(made[0])
    for code in made[1:]:
        codes.take(code)


def test_a_link_opens_what_it_was_made_for() -> None:
    links = Links(Clock())
    path = links.make(PANEL, "5f" * 32, "Bass [1].WAV")
    assert path.endswith("/Bass%20%5B1%5D.wav")
    link = links.find(secret_of(path))
    assert (link.asset_id, link.name, link.caller) == ("5f" * 32, "Bass [1].wav", PANEL)
    with pytest.raises(NotFound):
        links.find("")


def test_a_link_is_good_for_an_hour() -> None:
    clock = Clock()
    links = Links(clock)
    secret = secret_of(links.make(PANEL, "a", "a"))
    clock.now_s += LINK_S - 1
    assert links.find(secret)
    clock.now_s += 2
    with pytest.raises(NotFound):
        links.find(secret)


def test_links_of_a_caller_are_limited_and_those_of_others_stay() -> None:
    links = Links(Clock())
    theirs = secret_of(links.make(OTHER, "b", "b"))
    made = [secret_of(links.make(PANEL, "a", "a")) for _ in range(MAX_LINKS + 1)]
    with pytest.raises(NotFound):
        links.find(made[0])
    assert all(links.find(secret).asset_id == "a" for secret in made[1:])
    assert links.find(theirs).asset_id == "b"


def test_links_of_many_callers_are_forgotten() -> None:
    links = Links(Clock())
    made = [secret_of(links.make(Caller(f"{number:064x}"), "a", "a")) for number in range(101)]
    with pytest.raises(NotFound):
        links.find(made[0])
    assert links.find(made[1])


def test_a_link_is_used_again_while_it_is_good() -> None:
    clock = Clock()
    links = Links(clock)
    path = links.reuse(PANEL, "a", "mix")
    clock.now_s += LINK_S / 3
    assert links.reuse(PANEL, "a", "mix") == path
    assert links.reuse(PANEL, "b", "mix") != path
    assert links.reuse(OTHER, "a", "mix") != path
    clock.now_s += LINK_S / 3
    assert links.reuse(PANEL, "a", "mix") != path


@pytest.mark.parametrize(
    ("given", "name"),
    [("song.wav", "song.wav"), ("", "audio.wav"), ("../../etc/passwd", ".. etc passwd.wav"), ("a\nb", "a b.wav")],
)
def test_names_are_those_of_files(given: str, name: str) -> None:
    assert wav_name(given).replace("  ", " ").strip(". ") == name.strip(". ")
    assert "/" not in wav_name(given)
