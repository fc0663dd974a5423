"""What messages name is there, what they say of the project is true, and many items cost no more than they have to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from acebridge.hosts.reaper import doctor
from tests.support.fake_reaper import api
from tests.support.paths import REAPER_SCRIPTS
from tests.support.reaper_answers import answer
from tests.support.reaper_scene import AT, LENGTH, Scene
from tests.support.reaper_studio import RATE_HZ

SCRIPTS = sorted(REAPER_SCRIPTS.rglob("*.lua"))


@pytest.mark.parametrize("path", SCRIPTS, ids=[path.name for path in SCRIPTS])
def test_an_action_that_a_message_names_is_in_the_list_under_that_name(path: Path) -> None:
    text = path.read_text("utf-8")
    named = set(re.findall(r'"(AceBridge_[^"%]+?)(?:\.lua)?"', text))
    assert named <= {script.stem for script in SCRIPTS}
    assert not re.findall(r"run AceBridge:", text), "REAPER's list has no name with a colon"


def test_the_doctor_s_remedy_installs_from_what_one_has() -> None:
    """A package of this name elsewhere may be somebody else's."""
    remedies = [finding.remedy for finding in (doctor._scripts(None), doctor._reaper(None))]
    assert all(remedies)
    assert not any(re.search(r"pip install (?!\.)", remedy) for remedy in remedies)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_fault_of_the_scripts_says_nothing_that_is_not_so(scene: Scene, when: str) -> None:
    """In the middle of placing as much as before anything is sent."""
    scene.select()
    if when == "before":
        scene.r.fail_next("CountTempoTimeSigMarkers")
        scene.start("Repaint time selection")
        scene.r.finish()
    else:
        folder = scene.send("Repaint time selection")
        scene.r.fail_next("AddTakeToMediaItem")
        answer(folder)
        scene.r.finish()
    assert len(scene.r.messages) == 1
    assert all("othing was changed" not in message for message in scene.r.messages)
    assert len(scene.item.takes) == 1
    assert scene.project.undo == []


def test_muting_many_sources_asks_each_item_once(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    count = 300
    for number in range(count):
        scene.track.add_item(scene.folder / "a.wav", (AT + LENGTH) / RATE_HZ + 10 + number * 0.05, 0.05).selected = 1
    scene.r.ext["AceBridge", "mute_source"] = "yes"
    scene.project.settle()
    folder = scene.send("Cover")
    asked: list[str] = []
    function = api._FUNCTION_BY_NAME["GetSetMediaItemInfo_String"]
    monkeypatch.setitem(
        api._FUNCTION_BY_NAME,
        "GetSetMediaItemInfo_String",
        lambda *values: asked.append(values[2]) or function(*values),
    )
    answer(folder)
    scene.r.finish()
    assert sum(int(item.mute) for item in scene.track.items) == count + 1
    assert asked.count("GUID") <= 3 * (count + 3)
