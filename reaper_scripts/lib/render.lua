-- Audio with FX: REAPER's own render of the master for a stretch of the project, with the tracks that are meant soloed.
-- Render settings and solos are put back as they were.

return function(import)
  local files = import("files")
  local wav = import("wav")
  local M = {}

  local RENDER_WITH_SETTINGS = 42230 -- "Render project, using the most recent render settings, auto-close render dialog"
  local MASTER, SOLO_IN_PLACE, RECORDS = 0, 2, 4 -- RENDER_SETTINGS; I_SOLO with sends and folders; GetPlayStateEx

  -- Every key that a render depends on, or that setting one of these may change.
  local NUMBERS = {
    "RENDER_SETTINGS", "RENDER_BOUNDSFLAG", "RENDER_CHANNELS", "RENDER_SRATE", "RENDER_STARTPOS", "RENDER_ENDPOS",
    "RENDER_TAILFLAG", "RENDER_TAILMS", "RENDER_ADDTOPROJ", "RENDER_DITHER", "RENDER_NORMALIZE", "RENDER_NORMALIZE_TARGET",
    "RENDER_BRICKWALL", "RENDER_FADEIN", "RENDER_FADEOUT", "RENDER_FADEINSHAPE", "RENDER_FADEOUTSHAPE", "RENDER_PADSTART",
    "RENDER_PADEND", "RENDER_TRIMSTART", "RENDER_TRIMEND", "RENDER_DELAY",
  }
  local STRINGS = { "RENDER_FILE", "RENDER_PATTERN", "RENDER_FORMAT2", "RENDER_FORMAT" } -- the format last: others change it
  local PLAIN = { -- a bare render: nothing before, after or on top of the audio
    "RENDER_TAILFLAG", "RENDER_TAILMS", "RENDER_ADDTOPROJ", "RENDER_DITHER", "RENDER_NORMALIZE", "RENDER_FADEIN",
    "RENDER_FADEOUT", "RENDER_PADSTART", "RENDER_PADEND", "RENDER_TRIMSTART", "RENDER_TRIMEND", "RENDER_DELAY",
  }
  local FLOAT_WAV = "ZXZhdyAAAQ==" -- WAV, 32 bit float: the base64 that REAPER stores for it

  local SOLO = { "I_SOLO", "B_SOLO_DEFEAT" } -- of every track
  local THROUGH = { I_FXEN = 0, D_VOL = 1, D_PAN = 0 } -- of tracks that are to leave everything as it is

  local function save_track(saved, track, key)
    saved[#saved + 1] = { track, key, reaper.GetMediaTrackInfo_Value(track, key) }
  end

  --- The tracks that are soloed, or not silent beside those that are: { {track, key, value} … }. Three calls for each track.
  local function save_solos(project)
    local saved = {}
    for i = 0, reaper.CountTracks(project) - 1 do
      local track = reaper.GetTrack(project, i)
      for _, key in ipairs(SOLO) do
        local value = reaper.GetMediaTrackInfo_Value(track, key)
        if value ~= 0 then saved[#saved + 1] = { track, key, value } end
      end
    end
    return saved
  end

  local function save(project, without, solos)
    local saved = { numbers = {}, strings = {}, tracks = {}, solos = solos }
    for i, key in ipairs(NUMBERS) do saved.numbers[i] = reaper.GetSetProjectInfo(project, key, 0, false) end
    for i, key in ipairs(STRINGS) do
      local ok, value = reaper.GetSetProjectInfo_String(project, key, "", false)
      saved.strings[i] = ok and value
    end
    for _, track in ipairs(without) do
      for key in pairs(THROUGH) do save_track(saved.tracks, track, key) end
    end
    return saved
  end

  local function restore(project, saved, soloed)
    for i, key in ipairs(NUMBERS) do reaper.GetSetProjectInfo(project, key, saved.numbers[i], true) end
    for i, key in ipairs(STRINGS) do
      if saved.strings[i] then reaper.GetSetProjectInfo_String(project, key, saved.strings[i], true) end
    end
    for _, track in ipairs(soloed) do
      if reaper.ValidatePtr2(project, track, "MediaTrack*") then reaper.SetMediaTrackInfo_Value(track, "I_SOLO", 0) end
    end
    for _, list in ipairs({ saved.solos, saved.tracks }) do
      for _, entry in ipairs(list) do
        if reaper.ValidatePtr2(project, entry[1], "MediaTrack*") then reaper.SetMediaTrackInfo_Value(table.unpack(entry)) end
      end
    end
  end

  local function set(project, recipe, folder, name, solos)
    for _, key in ipairs(PLAIN) do reaper.GetSetProjectInfo(project, key, 0, true) end
    reaper.GetSetProjectInfo(project, "RENDER_SETTINGS", MASTER, true)
    reaper.GetSetProjectInfo(project, "RENDER_BOUNDSFLAG", 0, true)
    reaper.GetSetProjectInfo(project, "RENDER_STARTPOS", recipe.start, true)
    reaper.GetSetProjectInfo(project, "RENDER_ENDPOS", recipe.stop, true)
    reaper.GetSetProjectInfo(project, "RENDER_SRATE", recipe.rate, true)
    reaper.GetSetProjectInfo(project, "RENDER_CHANNELS", 2, true)
    reaper.GetSetProjectInfo_String(project, "RENDER_FILE", folder, true)
    reaper.GetSetProjectInfo_String(project, "RENDER_PATTERN", name, true)
    reaper.GetSetProjectInfo_String(project, "RENDER_FORMAT2", "", true)
    reaper.GetSetProjectInfo_String(project, "RENDER_FORMAT", FLOAT_WAV, true)
    for _, track in ipairs(recipe.without) do
      for key, value in pairs(THROUGH) do reaper.SetMediaTrackInfo_Value(track, key, value) end
    end
    if #recipe.tracks == 0 then return end
    -- Soloed, not selected: several selected tracks would be rendered into a file each.
    for _, entry in ipairs(solos) do reaper.SetMediaTrackInfo_Value(entry[1], entry[2], 0) end
    for _, track in ipairs(recipe.tracks) do reaper.SetMediaTrackInfo_Value(track, "I_SOLO", SOLO_IN_PLACE) end
  end

  --- Render, and put everything back at once: the action returns when the file is whole. nil and a message if it is not.
  local function render(recipe, folder, solos)
    local project, path = recipe.project, files.join(folder, recipe.file)
    if reaper.GetPlayStateEx(project) & RECORDS ~= 0 then
      return nil, "REAPER is recording, and cannot render the selection meanwhile; stop the recording first."
    end
    local saved = save(project, recipe.without, solos)
    local ok, fault = pcall(function()
      set(project, recipe, folder, (recipe.file:gsub("%.wav$", "")), solos)
      reaper.Main_OnCommandEx(RENDER_WITH_SETTINGS, 0, project)
    end)
    restore(project, saved, recipe.tracks)
    if not ok then return nil, "REAPER could not render the selection: " .. tostring(fault) end
    local frames = wav.frames(path)
    if not frames then
      return nil, 'REAPER rendered no file; render once by hand to see why, or choose "pre" for "Send audio" in "AceBridge_Settings".'
    end
    if frames ~= recipe.frames then
      return nil, ('REAPER rendered %d frames, and %d are selected; set the master play rate to 1, and let the render end.'):format(frames, recipe.frames)
    end
    return 1
  end

  local GONE = "What was selected is no longer there."

  --- Render a recipe of `capture`; see there. REAPER shows its own window meanwhile and stops to play.
  function M.start(recipe, folder)
    local solos, changes
    local function step()
      if not reaper.ValidatePtr2(0, recipe.project, "ReaProject*") then return nil, GONE end
      local now = reaper.GetProjectStateChangeCount(recipe.project)
      if changes ~= now then -- one tick to look at the solos, and for the job window to say what comes
        changes, solos = now, save_solos(recipe.project)
        return 0
      end
      for _, track in ipairs(recipe.tracks) do
        if not reaper.ValidatePtr2(recipe.project, track, "MediaTrack*") then return nil, GONE end
      end
      return render(recipe, folder, solos)
    end
    if not reaper.ValidatePtr2(0, recipe.project, "ReaProject*") then return nil, GONE end
    return { step = step, abort = function() end }
  end

  return M
end
