"""The daemons that are trusted: what is kept of them, whatever is added and forgotten in which order."""

from __future__ import annotations

import stat
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acebridge.client.known_daemons import KnownDaemon, find_known, forget, read_known, remember
from acebridge.errors import InvalidSetting, NotFound
from tests.support.certificates import make_pair

CERTIFICATES = [make_pair("studio").certificate for _ in range(2)]
TOKEN = "ab" * 32
#: Each with another form of the same address.
ADDRESSES = {
    "studio.local:50710": "Studio.LOCAL.:50710",
    "192.168.1.20:1": "192.168.1.20:01",
    "[fd00::1]:9": "[fd00:0::1]:9",
}
DAEMONS = st.builds(KnownDaemon, st.sampled_from(CERTIFICATES), st.sampled_from(["", TOKEN]))
STEPS = st.lists(st.tuples(st.sampled_from(sorted(ADDRESSES)), st.none() | DAEMONS), max_size=8)


@settings(max_examples=30)
@given(STEPS, st.booleans())
def test_it_is_a_table_by_address(steps: list[tuple[str, KnownDaemon | None]], otherwise: bool) -> None:
    expected: dict[str, KnownDaemon] = {}
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder, "home")
        for address, daemon in steps:
            written = ADDRESSES[address] if otherwise else address
            if daemon is not None:
                remember(home, written, daemon)
                expected[address] = daemon
            elif expected.pop(address, None) is not None:
                forget(home, written)
            else:
                with pytest.raises(
                    NotFound, match=r"No daemon at .* is trusted\. List them with `acebridge trust --list`"
                ):
                    forget(home, written)
            assert read_known(home) == expected
        for address, form in ADDRESSES.items():
            assert find_known(home, address) == find_known(home, form) == expected.get(address)


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    remember(home, "studio.local:50710", KnownDaemon(CERTIFICATES[0], TOKEN))
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in home.iterdir()} == {0o600}
    assert {file.name for file in home.iterdir()} == {"known_daemons.json", "known_daemons.lock"}


def test_none_is_lost_when_many_are_added_at_once(tmp_path: Path) -> None:
    addresses = [f"studio-{number}.local:50710" for number in range(12)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda address: remember(tmp_path, address, KnownDaemon(CERTIFICATES[0])), addresses))
    assert sorted(read_known(tmp_path)) == sorted(addresses)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"a:1": {}}', '{"a:1": {"certificate": "x"}}', '{"a:1": {"certificate": 1}}', '{"a:1": "x"}',
     '{"a:1": {"certificate": "x", "colour": 1}}', "\x00", "[" * 9000],
)  # fmt: skip
def test_a_damaged_file_trusts_nobody(tmp_path: Path, text: str) -> None:
    (tmp_path / "known_daemons.json").write_text(text)
    for use in (lambda: read_known(tmp_path), lambda: find_known(tmp_path, "a:1"), lambda: forget(tmp_path, "a:1")):
        with pytest.raises(
            InvalidSetting, match=r"known_daemons\.json cannot be read as a list of daemons: "
        ) as caught:
            use()
        assert caught.value.remedy == "Delete the file, then trust the daemons again with `acebridge trust`."
