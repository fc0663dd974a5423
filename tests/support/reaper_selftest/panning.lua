-- Pans, their laws and modes. constant.wav: stereo, 0.125 throughout; law.rpp: an empty project whose pan law is half the level.

return function(kit)
  local STEREO_PAN, DUAL_PAN, OF_PROJECT = 5, 6, -1 -- I_PANMODE
  local FULL, HALF = 1, 0.5 -- D_PANLAW
  local LEVEL, NEW_TAB = 0.125, 40859 -- New project tab
  local near = kit.near

  local function set(track, key, value) reaper.SetMediaTrackInfo_Value(track, key, value) end

  --- How loud a track is in the left channel, in parts of what its item plays.
  local function gain(name) return kit.level_at(2.3, name) / LEVEL end

  local function playing_track(law)
    local track = kit.add_track()
    local _, take = kit.add_item(track, "constant.wav", 2)
    set(track, "D_PANLAW", law)
    return track, take
  end

  --- Act in a project of its own, read from a file.
  local function in_file(file, act)
    local first = kit.project
    reaper.Main_OnCommand(NEW_TAB, 0)
    reaper.Main_openProject("noprompt:" .. kit.folder .. "/" .. file)
    kit.use(reaper.EnumProjects(-1))
    local ok, problem = xpcall(act, debug.traceback)
    kit.clean()
    kit.use(first)
    reaper.SelectProjectInstance(first)
    if not ok then error(problem, 0) end
  end

  return {
    { "pan_curve", function()
      local MEASURED, LINEAR, HALF_DB = 1.228, 1, 1.06
      local track = playing_track(FULL)
      set(track, "D_PAN", -0.5)
      local found = gain("between")
      local function is(level) return math.max(found / level, level / found) < HALF_DB end
      kit.answer("pan_curve", is(MEASURED) and "sine" or is(LINEAR) and "linear" or found)
    end },
    { "pan laws", function()
      local track = playing_track(HALF)
      kit.check("pan_law_is_the_gain_in_the_middle", near(gain("middle"), HALF))
      set(track, "D_PAN", -1)
      local left = gain("left")
      set(track, "D_PAN", 1)
      kit.check("full_pan_is_all_of_a_side", near(left, 1) and near(gain("right"), 0))
    end },
    { "take_pan_law", function()
      in_file("law.rpp", function()
        set(reaper.GetMasterTrack(kit.project), "D_PANLAW", FULL)
        local track, take = playing_track(FULL)
        local found = gain("law of the take")
        kit.answer("take_pan_law", near(found, 1) and "no" or near(found, HALF) and "project" or found)
        set(track, "D_PANLAW", -1)
        reaper.SetMediaItemTakeInfo_Value(take, "D_PANLAW", FULL)
        kit.check("pan_law_of_a_file_is_its_project_s", near(gain("law of the track"), HALF))
      end)
    end },
    { "pan modes", function()
      local track = playing_track(FULL)
      set(track, "I_PANMODE", DUAL_PAN)
      set(track, "D_DUALPANL", -1)
      set(track, "D_DUALPANR", -1)
      kit.check("dual_pan_has_two_pans", near(gain("dual"), 2))
      local function mode() return (select(4, reaper.GetTrackUIPan(track))) end
      set(track, "I_PANMODE", STEREO_PAN)
      local own = mode()
      set(track, "I_PANMODE", OF_PROJECT)
      kit.check("ui_pan_tells_the_mode", own == STEREO_PAN and mode() >= 0)
    end },
  }
end
