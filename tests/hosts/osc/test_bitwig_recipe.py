"""The controller script of docs/osc.md, run by Node on the calls of Bitwig's API that it makes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest

from tests.support.osc_page import PAGE, blocks

pytestmark = [
    pytest.mark.host,
    pytest.mark.skipif(not shutil.which("node"), reason="needs Node"),
]
#: What the script finds in Bitwig: names and signatures as Bitwig's controller API (version 5 and later) has them.
_BITWIG = """
const sent = [], where = [], handlers = {};
const loadAPI = (version) => { if (!Number.isInteger(version)) throw new Error("version"); };
const value = { addRawValueObserver: (act) => { handlers.tempo = act; } };
const connection = { sendMessage: (address, ...values) => sent.push([address, ...values]) };
const host = {
  defineController: (...words) => { if (words.length !== 5) throw new Error("defineController"); },
  getOscModule: () => ({ connectToUdpServer: (...place) => { where.push(place); return connection; } }),
  createTransport: () => ({ tempo: () => ({ value: () => value }) }),
  getDocumentState: () => ({ getSignalSetting: (label, category, action) =>
    ({ addSignalObserver: (act) => { handlers[action] = act; } }) }),
};
"""
_SHOW = """
init();
handlers.tempo(120);
handlers["Add drums"]();
flush();
exit();
console.log(JSON.stringify({ sent, where }));
"""


def test_the_script_sends_what_the_recipe_shows() -> None:
    page = PAGE.read_text("utf-8")
    (script,) = re.findall(r"```js\n(.*?)```", page, re.DOTALL)
    done = subprocess.run(["node", "-e", _BITWIG + script + _SHOW], capture_output=True, text=True, check=True)
    result = json.loads(done.stdout)
    assert result["where"] == [["127.0.0.1", 50711, None]]
    (recipe,) = (block for block in blocks(page) if block[0][0].address == "/acebridge/session/bpm")
    shown = [[example.address, *example.values] for example, _ in recipe if not example.address.endswith("/source")]
    assert result["sent"] == shown
