"""What the fake REAPER plays has a source, or is played both ways; old versions lack what they lacked."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from tests.support.fake_reaper import ApiMisuse, Reaper, behaviour
from tests.support.fake_reaper.api import VERSIONS
from tests.support.fake_says import assert_refused, says

HERE = Path(__file__).parent


@pytest.mark.parametrize(("what", "where", "source"), behaviour.KNOWN, ids=[where for _, where, _ in behaviour.KNOWN])
def test_what_is_known_is_played_where_the_table_says(what: str, where: str, source: str) -> None:
    module, _, path = where.partition(".")
    found = importlib.import_module(f"tests.support.fake_reaper.{module}")
    for name in path.split("."):
        found = getattr(found, name)
    assert callable(found)
    assert what
    assert len(source) > 5


def test_every_open_question_is_tested_both_ways() -> None:
    text = "".join(path.read_text("utf-8") for path in HERE.glob("test_fake_*.py"))
    asked = set(re.findall(r'"(\w+)"', " ".join(re.findall(r"both\(([^)]*)\)", text))))
    assert asked == set(behaviour.OPEN)
    assert all(len(set(question.ways)) > 1 for question in behaviour.OPEN.values())


def test_other_ways_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="tempo='soon'; allowed"):
        Reaper(tmp_path, ways={"tempo": "soon"})
    with pytest.raises(ValueError, match="tempos='at once'; allowed"):
        Reaper(tmp_path, ways={"tempos": "at once"})


#: What each version has: its Lua, InsertTrackInProject, set_action_options, fixed lanes.
HAS = {
    "6.24": ("5.3", False, False, False), "6.83": ("5.3", False, False, False), "7.00": ("5.4", False, False, True),
    "7.03": ("5.4", False, True, True),
    "7.18": ("5.4", True, True, True), "7.40": ("5.4", True, True, True),
}  # fmt: skip


@pytest.mark.parametrize("version", VERSIONS)
def test_each_version_has_its_lua_and_its_functions(tmp_path: Path, version: str) -> None:
    code = """
        say(_VERSION:match("[%d.]+") .. " " .. tostring(reaper.APIExists("InsertTrackInProject")) .. " "
          .. tostring(reaper.set_action_options ~= nil))
        reaper.InsertTrackAtIndex(0, false)
    """
    lua, inserts, options, lanes = HAS[version]
    with Reaper(tmp_path, version=version) as r:
        assert says(r, code) == f"{lua} {str(inserts).lower()} {str(options).lower()}"
        ask = "reaper.SetMediaTrackInfo_Value(reaper.GetTrack(0, 0), 'I_FREEMODE', 2)"
        if lanes:
            says(r, ask)
        else:
            assert_refused(r, ask, "no fixed lanes")


# Running a script again

WAITS = "local function f() reaper.defer(f) end f()"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("answer", ["new", "terminate", "abort"])
def test_a_script_that_is_run_again_brings_up_a_question(tmp_path: Path, version: str, answer: str) -> None:
    with Reaper(tmp_path, version=version) as r:
        first = r.start(code=WAITS)
        r.answer_task_control(answer)
        second = r.start(code=WAITS)
        assert r.asked_to_relaunch == ["script.lua"]
        assert (first.ended, second is first) == (answer == "terminate", answer != "new")


@pytest.mark.parametrize("version", ["7.03", "7.40"])
@pytest.mark.parametrize(("flags", "starts"), [(1, False), (3, True)])
def test_action_options_answer_it(tmp_path: Path, version: str, flags: int, starts: bool) -> None:
    code = f"if reaper.set_action_options then reaper.set_action_options({flags}) end " + WAITS
    with Reaper(tmp_path, version=version) as r:
        first = r.start(code=code)
        second = r.start(code=code)
        assert (r.asked_to_relaunch, first.ended, second is not first) == ([], True, starts)


def test_a_question_that_nobody_answers_is_a_fault(r: Reaper) -> None:
    r.start(code=WAITS)
    r.start(code=WAITS)
    with pytest.raises(ApiMisuse, match="ReaScript task control asks"):
        r.check()
    r.faults.clear()


def test_a_script_starts_another_by_its_action(r: Reaper, tmp_path: Path) -> None:
    other = tmp_path / "other.lua"
    other.write_text(
        "reaper.ShowConsoleMsg('here ') reaper.defer(function() reaper.ShowConsoleMsg('later') end)", "utf-8"
    )
    says(r, f"reaper.Main_OnCommand(reaper.AddRemoveReaScript(true, 0, [[{other}]], true), 0) say('back ')")
    assert r.console == "here back later"


# Projects


def test_tabs_are_not_switched_in_undo_blocks_nor_while_the_screen_is_held(r: Reaper) -> None:
    r.new_tab("other.rpp")
    switch = "reaper.SelectProjectInstance((reaper.EnumProjects(0)))"
    end = "reaper.Undo_EndBlock2(0, 'x', -1)"
    assert_refused(r, f"reaper.Undo_BeginBlock2(0) pcall(function() {switch} end) {end}", "in an undo block")
    assert_refused(
        r, f"reaper.PreventUIRefresh(1) pcall(function() {switch} end) reaper.PreventUIRefresh(-1)", "holds the screen"
    )
    assert says(r, switch + " say(reaper.GetPlayState() .. '')") == "0"
    assert r.project is r.projects[0]


@pytest.mark.parametrize("ways", behaviour.both("tab_switch"))
def test_playback_and_tabs(tmp_path: Path, ways: dict[str, str]) -> None:
    with Reaper(tmp_path, ways=ways) as r:
        first = r.project
        second = r.new_tab()
        r.user.toggle_play()
        r.user.switch_tab(first)
        assert second.playing == (1 if ways["tab_switch"] == "plays on" else 0)


def test_a_new_project_may_have_no_media_folder(r: Reaper) -> None:
    project = r.new_tab(has_media_folder=False)
    folder = says(r, "say(reaper.GetProjectPathEx(0))")
    assert Path(folder) == project.media_folder
    assert not project.media_folder.exists()


# Dialogs


@pytest.mark.parametrize("ways", behaviour.both("dialog_timers"))
def test_other_scripts_and_dialogs(tmp_path: Path, ways: dict[str, bool]) -> None:
    with Reaper(tmp_path, ways=ways) as r:
        r.start(code="local function f() reaper.ShowConsoleMsg('tick ') reaper.defer(f) end f()")
        r.start(code="reaper.MB('hello', '', 0) reaper.ShowConsoleMsg('closed ')")
        assert r.console == ("tick tick closed " if ways["dialog_timers"] else "tick closed ")


def test_questions_have_to_be_expected_and_messages_not(r: Reaper) -> None:
    assert says(r, "say(reaper.MB('done', '', 0) .. '')") == "1"
    assert_refused(r, "reaper.MB('sure?', '', 4)", "nobody expects the question 'sure\\?'")
    r.answer(7)
    assert says(r, "say(reaper.MB('sure?', '', 4) .. '')") == "7"


@pytest.mark.parametrize("ways", behaviour.both("form_limit"))
def test_how_much_a_form_holds(tmp_path: Path, ways: dict[str, int | None]) -> None:
    with Reaper(tmp_path, ways=ways) as r:
        r.form(Lyrics="나" * 2000)
        found = says(r, r"say((select(2, reaper.GetUserInputs('T', 1, 'Lyrics,separator=\n', ''))))")
        most = ways["form_limit"]
        assert found == "나" * (2000 if most is None else (most - 1) // 3)


@pytest.mark.parametrize("ways", behaviour.both("atexit"))
def test_functions_for_the_end(tmp_path: Path, ways: dict[str, str]) -> None:
    with Reaper(tmp_path, ways=ways) as r:
        add = "reaper.atexit(function() reaper.ShowConsoleMsg('%s') end) "
        assert says(r, add % 1 + add % 2) == ("12" if ways["atexit"] == "all" else "2")
