-- Audio with FX: REAPER's own render of the master for a stretch of the project, with the tracks that are meant soloed.
-- Render settings and solos are put back as they were.

return function(import)
  local files = import("files")
  local M = {}

  local RENDER_WITH_SETTINGS = 42230 -- "Render project, using the most recent render settings, auto-close render dialog"
  local MASTER, SOLO = 0, 1
  local LOOK_S, SURE, HEADER_BYTES = 0.1, 2, 44 -- how often to look, and how often the size must be the same
  local PATIENCE_S = 60

  -- Every key that a render depends on, or that setting one of these may change.
  local NUMBERS = {
    "RENDER_SETTINGS", "RENDER_BOUNDSFLAG", "RENDER_CHANNELS", "RENDER_SRATE", "RENDER_STARTPOS", "RENDER_ENDPOS",
    "RENDER_TAILFLAG", "RENDER_TAILMS", "RENDER_ADDTOPROJ", "RENDER_DITHER", "RENDER_NORMALIZE", "RENDER_NORMALIZE_TARGET",
    "RENDER_BRICKWALL", "RENDER_FADEIN", "RENDER_FADEOUT", "RENDER_FADEINSHAPE", "RENDER_FADEOUTSHAPE", "RENDER_PADSTART",
    "RENDER_PADEND", "RENDER_TRIMSTART", "RENDER_TRIMEND", "RENDER_DELAY",
  }
  local STRINGS = { "RENDER_FILE", "RENDER_PATTERN", "RENDER_FORMAT", "RENDER_FORMAT2" }
  local PLAIN = { -- a bare render: nothing before, after or on top of the audio
    "RENDER_TAILFLAG", "RENDER_TAILMS", "RENDER_ADDTOPROJ", "RENDER_DITHER", "RENDER_NORMALIZE", "RENDER_FADEIN",
    "RENDER_FADEOUT", "RENDER_PADSTART", "RENDER_PADEND", "RENDER_TRIMSTART", "RENDER_TRIMEND", "RENDER_DELAY",
  }
  local FLOAT_WAV = "ZXZhdyAAAQ==" -- WAV, 32 bit float: the base64 that REAPER stores for it

  local function save(project)
    local saved = { numbers = {}, strings = {}, tracks = {} }
    for _, key in ipairs(NUMBERS) do saved.numbers[key] = reaper.GetSetProjectInfo(project, key, 0, false) end
    for _, key in ipairs(STRINGS) do
      local ok, value = reaper.GetSetProjectInfo_String(project, key, "", false)
      if ok then saved.strings[key] = value end
    end
    for i = 0, reaper.CountTracks(project) - 1 do
      local track = reaper.GetTrack(project, i)
      saved.tracks[i + 1] = { track, reaper.GetMediaTrackInfo_Value(track, "I_SOLO") }
    end
    return saved
  end

  local function restore(project, saved)
    for key, value in pairs(saved.numbers) do reaper.GetSetProjectInfo(project, key, value, true) end
    for key, value in pairs(saved.strings) do reaper.GetSetProjectInfo_String(project, key, value, true) end
    for _, entry in ipairs(saved.tracks) do
      if reaper.ValidatePtr2(project, entry[1], "MediaTrack*") then reaper.SetMediaTrackInfo_Value(entry[1], "I_SOLO", entry[2]) end
    end
  end

  local function set(project, recipe, folder, name)
    for _, key in ipairs(PLAIN) do reaper.GetSetProjectInfo(project, key, 0, true) end
    reaper.GetSetProjectInfo(project, "RENDER_SETTINGS", MASTER, true)
    reaper.GetSetProjectInfo(project, "RENDER_BOUNDSFLAG", 0, true)
    reaper.GetSetProjectInfo(project, "RENDER_STARTPOS", recipe.start, true)
    reaper.GetSetProjectInfo(project, "RENDER_ENDPOS", recipe.stop, true)
    reaper.GetSetProjectInfo(project, "RENDER_SRATE", recipe.rate, true)
    reaper.GetSetProjectInfo(project, "RENDER_CHANNELS", 2, true)
    reaper.GetSetProjectInfo_String(project, "RENDER_FILE", folder, true)
    reaper.GetSetProjectInfo_String(project, "RENDER_PATTERN", name, true)
    reaper.GetSetProjectInfo_String(project, "RENDER_FORMAT", FLOAT_WAV, true)
    reaper.GetSetProjectInfo_String(project, "RENDER_FORMAT2", "", true)
    if #recipe.tracks > 0 then -- several selected tracks would be rendered into a file each, so they are soloed
      for i = 0, reaper.CountTracks(project) - 1 do
        reaper.SetMediaTrackInfo_Value(reaper.GetTrack(project, i), "I_SOLO", 0)
      end
      for _, track in ipairs(recipe.tracks) do reaper.SetMediaTrackInfo_Value(track, "I_SOLO", SOLO) end
    end
  end

  local function size(path)
    local file = io.open(path, "rb")
    if not file then return nil end
    local bytes = file:seek("end")
    file:close()
    return bytes
  end

  --- Render a recipe of `capture`; see there. The file counts as whole when it no longer grows: the action may return
  -- before it is. Only then are the settings put back.
  function M.start(recipe, folder)
    local project, path = recipe.project, files.join(folder, recipe.file)
    local saved = save(project)
    local function abort()
      if saved then restore(project, saved) end
      saved = nil
    end
    local ok, fault = pcall(function()
      set(project, recipe, folder, (recipe.file:gsub("%.wav$", "")))
      reaper.Main_OnCommandEx(RENDER_WITH_SETTINGS, 0, project)
    end)
    if not ok then
      abort()
      return nil, "REAPER could not render the selection: " .. tostring(fault)
    end

    local began, looked, last, same = reaper.time_precise(), 0, nil, 0
    local function step()
      local now = reaper.time_precise()
      if now - looked < LOOK_S then return 0.5 end
      looked = now
      local bytes = size(path)
      same = bytes and bytes > HEADER_BYTES and bytes == last and same + 1 or 0
      last = bytes
      if same >= SURE then
        abort()
        return 1
      end
      if same == 0 and now - began > PATIENCE_S then
        abort()
        return nil, 'REAPER rendered no file; render once by hand to see why, or choose "pre" for "Send audio pre or post FX" in AceBridge: Settings.'
      end
      return 0.5
    end
    return { step = step, abort = abort }
  end

  return M
end
