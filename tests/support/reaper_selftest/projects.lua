-- Undo, extension state, and projects in other tabs.

return function(kit)
  local NEW_TAB = 40859 -- New project tab
  local project = kit.project

  --- Another tab, while the first one is shown.
  local other
  local function other_tab()
    if other then return other end
    reaper.Main_OnCommand(NEW_TAB, 0)
    other = reaper.EnumProjects(-1)
    reaper.SelectProjectInstance(project)
    return other
  end

  local questions = {
    { "empty_undo", function()
      reaper.Undo_OnStateChange2(project, "AceBridge: so far")
      reaper.Undo_BeginBlock2(project)
      reaper.Undo_EndBlock2(project, "AceBridge: nothing", -1)
      kit.answer("empty_undo", reaper.Undo_CanUndo2(project) == "AceBridge: nothing")
    end },
    { "ext_state", function()
      reaper.Undo_BeginBlock2(project)
      reaper.SetProjExtState(project, "AceBridge self-test", "key", "value")
      reaper.InsertTrackAtIndex(0, false)
      reaper.Undo_EndBlock2(project, "AceBridge: state", -1)
      reaper.Undo_DoUndo2(project)
      kit.answer("ext_state", reaper.GetProjExtState(project, "AceBridge self-test", "key") > 0 and "kept" or "undone")
      reaper.SetProjExtState(project, "AceBridge self-test", "key", "")
    end },
    { "tab_switch", function()
      local away = other_tab()
      kit.add_item(kit.add_track(), "constant.wav", 2)
      reaper.OnPlayButtonEx(project)
      return kit.after(0.5, function()
        local played = reaper.GetPlayStateEx(project) & 1 == 1
        reaper.SelectProjectInstance(away)
        local goes_on = reaper.GetPlayStateEx(project) & 1 == 1
        reaper.SelectProjectInstance(project)
        reaper.OnStopButtonEx(project)
        kit.answer("tab_switch", played and (goes_on and "plays on" or "stops") or "nothing plays")
      end)
    end },
  }
  if reaper.APIExists("InsertTrackInProject") then
    questions[#questions + 1] = { "a track in another tab", function()
      local away = other_tab()
      local here = reaper.CountTracks(project)
      reaper.Undo_BeginBlock2(away)
      reaper.InsertTrackInProject(away, 0, 0)
      reaper.Undo_EndBlock2(away, "AceBridge: other tab", -1)
      kit.check("tracks_go_into_another_tab", reaper.CountTracks(away) == 1 and reaper.CountTracks(project) == here
        and reaper.EnumProjects(-1) == project)
      kit.check("another_tab_has_its_own_undo", reaper.Undo_CanUndo2(away) == "AceBridge: other tab" and reaper.Undo_DoUndo2(away) ~= 0
        and reaper.CountTracks(away) == 0)
    end }
  end
  return questions
end
