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
    { "undo_pointers", function()
      local item = kit.add_item(kit.add_track(), "constant.wav", 2)
      reaper.Undo_OnStateChange2(project, "AceBridge: an item")
      reaper.Undo_BeginBlock2(project)
      reaper.InsertTrackAtIndex(0, false)
      reaper.Undo_EndBlock2(project, "AceBridge: a track", -1)
      reaper.Undo_DoUndo2(project)
      kit.answer("undo_pointers", reaper.ValidatePtr2(project, item, "MediaItem*") and "they live" or "they die")
    end },
    { "what a block keeps", function()
      local function count() return reaper.CountTracks(project) + reaper.CountMediaItems(project) + reaper.CountProjectMarkers(project) end
      local before = count()
      reaper.Undo_OnStateChange2(project, "AceBridge: so far")
      reaper.Undo_BeginBlock2(project)
      kit.add_item(kit.add_track(), "constant.wav", 2)
      reaper.AddProjectMarker(project, true, 1, 2, "AceBridge", -1)
      reaper.Undo_EndBlock2(project, "AceBridge: all kinds", -1)
      local made = count()
      reaper.Undo_DoUndo2(project)
      kit.check("minus_1_keeps_all_changes", made == before + 3 and count() == before)
    end },
    { "extension state that is emptied", function()
      local SECTION = "AceBridge self-test"
      local function has(key) return reaper.GetProjExtState(project, SECTION, key) > 0 end
      for _, key in ipairs({ "one", "two", "three" }) do reaper.SetProjExtState(project, SECTION, key, "value") end
      reaper.SetProjExtState(project, SECTION, "one", "")
      local by_value = not has("one") and has("two")
      reaper.SetProjExtState(project, SECTION, "", "")
      kit.check("empty_ext_state_goes", by_value and not has("two") and not has("three"))
    end },
    { "a track in the project that is shown", function()
      local away, here = other_tab(), reaper.CountTracks(project)
      reaper.SelectProjectInstance(away)
      local there = reaper.CountTracks(away)
      reaper.InsertTrackAtIndex(0, false)
      kit.check("tracks_go_into_the_project_shown", reaper.CountTracks(away) == there + 1 and reaper.CountTracks(project) == here)
      reaper.DeleteTrack(reaper.GetTrack(away, 0))
      reaper.SelectProjectInstance(project)
    end },
    { "a script's own undo point", function()
      local number, remove = kit.add_script("plain", "reaper.InsertTrackAtIndex(0, false)")
      reaper.Main_OnCommand(number, 0)
      return kit.after(0.5, function()
        kit.check("a_plain_script_leaves_an_undo_point", (reaper.Undo_CanUndo2(project) or ""):find("plain", 1, true) ~= nil)
        remove()
      end)
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
