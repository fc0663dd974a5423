-- Audio with FX: REAPER's own render of the master for a stretch of the project, with the tracks that are meant soloed.
-- With a take, only that is heard. Render settings and solos are put back as they were.

return function(import)
  local files = import("files")
  local isolate = import("isolate")
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

  local SOLO = { "I_SOLO", "B_SOLO_DEFEAT", "B_MAINSEND" } -- of every track
  local SENT = 0 -- category of sends
  local THROUGH = { I_FXEN = 0, D_VOL = 1, D_PAN = 0, D_PANLAW = 1, I_PANMODE = 3, B_PHASE = 0 } -- of tracks that are to leave all as it is

  local function all_tracks(project)
    local found = {}
    for i = 0, reaper.CountTracks(project) - 1 do found[i + 1] = reaper.GetTrack(project, i) end
    return found
  end

  local function save_track(saved, track, key)
    saved[#saved + 1] = { track, key, reaper.GetMediaTrackInfo_Value(track, key) }
  end

  local function save(project, without)
    local saved = { numbers = {}, strings = {}, tracks = {}, sends = {} }
    for i, key in ipairs(NUMBERS) do saved.numbers[i] = reaper.GetSetProjectInfo(project, key, 0, false) end
    for i, key in ipairs(STRINGS) do
      local ok, value = reaper.GetSetProjectInfo_String(project, key, "", false)
      saved.strings[i] = ok and value
    end
    for _, track in ipairs(all_tracks(project)) do
      for _, key in ipairs(SOLO) do save_track(saved.tracks, track, key) end
      for i = 0, reaper.GetTrackNumSends(track, SENT) - 1 do
        saved.sends[#saved.sends + 1] = { track, SENT, i, "B_MUTE", reaper.GetTrackSendInfo_Value(track, SENT, i, "B_MUTE") }
      end
    end
    for _, track in ipairs(without) do
      for key in pairs(THROUGH) do save_track(saved.tracks, track, key) end
    end
    return saved
  end

  local function restore(project, saved)
    for i, key in ipairs(NUMBERS) do reaper.GetSetProjectInfo(project, key, saved.numbers[i], true) end
    for i, key in ipairs(STRINGS) do
      if saved.strings[i] then reaper.GetSetProjectInfo_String(project, key, saved.strings[i], true) end
    end
    for _, entry in ipairs(saved.tracks) do
      if reaper.ValidatePtr2(project, entry[1], "MediaTrack*") then reaper.SetMediaTrackInfo_Value(table.unpack(entry)) end
    end
    for _, entry in ipairs(saved.sends) do
      if reaper.ValidatePtr2(project, entry[1], "MediaTrack*") then reaper.SetTrackSendInfo_Value(table.unpack(entry)) end
    end
  end

  local function is_sent_to(track, wanted)
    for i = 0, reaper.GetTrackNumSends(track, SENT) - 1 do
      if wanted[reaper.GetTrackSendInfo_Value(track, SENT, i, "P_DESTTRACK")] then return true end
    end
    return false
  end

  --- The tracks of `all` that reach some of `wanted` by sends, of one track to the next.
  local function reaching(all, wanted)
    local found, known = {}, {}
    for track in pairs(wanted) do known[track] = true end
    local before
    repeat
      before = #found
      for _, track in ipairs(all) do
        if not known[track] and is_sent_to(track, known) then
          known[track], found[#found + 1] = true, track
        end
      end
    until #found == before
    return found
  end

  --- Tracks that send to those that are rendered. Not those that get something from them, such as an echo that feeds back, nor
  -- the folders that they are in.
  local function senders(project, tracks)
    local all, wanted, found = all_tracks(project), {}, {}
    for _, track in ipairs(tracks) do wanted[track] = true end
    for _, track in ipairs(reaching(all, wanted)) do
      local own, passes = { [track] = true }, false
      for _, other in ipairs(reaching(all, own)) do passes = passes or wanted[other] end
      for _, other in ipairs(tracks) do
        local parent = reaper.GetParentTrack(other)
        while parent do
          passes, parent = passes or parent == track, reaper.GetParentTrack(parent)
        end
      end
      if not passes then found[#found + 1] = track end
    end
    return found
  end

  --- Have senders play into the tracks that are rendered and nowhere else, whatever a solo makes of tracks that send to it.
  local function play_into(tracks, from)
    local wanted = {}
    for _, list in ipairs({ tracks, from }) do
      for _, track in ipairs(list) do wanted[track] = true end
    end
    for _, track in ipairs(from) do
      reaper.SetMediaTrackInfo_Value(track, "I_SOLO", SOLO_IN_PLACE)
      reaper.SetMediaTrackInfo_Value(track, "B_MAINSEND", 0)
      for i = 0, reaper.GetTrackNumSends(track, SENT) - 1 do
        if not wanted[reaper.GetTrackSendInfo_Value(track, SENT, i, "P_DESTTRACK")] then
          reaper.SetTrackSendInfo_Value(track, SENT, i, "B_MUTE", 1)
        end
      end
    end
  end

  local SOLO_OFF = { I_SOLO = 0, B_SOLO_DEFEAT = 0 }

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
    reaper.GetSetProjectInfo_String(project, "RENDER_FORMAT2", "", true)
    reaper.GetSetProjectInfo_String(project, "RENDER_FORMAT", FLOAT_WAV, true)
    for _, track in ipairs(recipe.without) do
      for key, value in pairs(THROUGH) do reaper.SetMediaTrackInfo_Value(track, key, value) end
    end
    if #recipe.tracks == 0 then return end
    for _, track in ipairs(all_tracks(project)) do -- several selected tracks would be rendered into a file each
      for key, value in pairs(SOLO_OFF) do reaper.SetMediaTrackInfo_Value(track, key, value) end
    end
    play_into(recipe.tracks, senders(project, recipe.tracks))
    for _, track in ipairs(recipe.tracks) do reaper.SetMediaTrackInfo_Value(track, "I_SOLO", SOLO_IN_PLACE) end
  end

  --- Render, and put everything back at once: the action returns when the file is whole. nil and a message if it is not.
  local function render(recipe, folder)
    local project, path = recipe.project, files.join(folder, recipe.file)
    if reaper.GetPlayStateEx(project) & RECORDS ~= 0 then
      return nil, "REAPER is recording, and cannot render the selection meanwhile; stop the recording first."
    end
    local saved, changes = save(project, recipe.without), {}
    local ok, fault = pcall(function()
      set(project, recipe, folder, (recipe.file:gsub("%.wav$", "")))
      if recipe.take then isolate.take(changes, project, recipe.take) end
      reaper.Main_OnCommandEx(RENDER_WITH_SETTINGS, 0, project)
    end)
    isolate.restore(changes)
    restore(project, saved)
    if not ok then return nil, "REAPER could not render the selection: " .. tostring(fault) end
    local frames = wav.frames(path)
    if not frames then
      return nil, 'REAPER rendered no file; render once by hand to see why, or choose "pre" for "Send audio" in "AceBridge_Settings".'
    end
    if frames ~= recipe.frames then
      return nil, ('REAPER rendered %d frames, and %d are selected; set the master play rate to 1, and let the render end.'):format(frames, recipe.frames)
    end
    if recipe.silent and wav.is_silent(path) then return nil, recipe.silent end
    return 1
  end

  --- Render a recipe of `capture`; see there. REAPER shows its own window meanwhile and stops to play.
  function M.start(recipe, folder)
    local shown = false
    local function step()
      if not shown then -- one tick for the panel to say what comes
        shown = true
        return 0
      end
      for _, track in ipairs(recipe.tracks) do
        if not reaper.ValidatePtr2(recipe.project, track, "MediaTrack*") then
          return nil, "What was selected is no longer there."
        end
      end
      if recipe.take and not reaper.ValidatePtr2(recipe.project, recipe.take, "MediaItem_Take*") then
        return nil, "What was selected is no longer there."
      end
      return render(recipe, folder)
    end
    if not reaper.ValidatePtr2(0, recipe.project, "ReaProject*") then return nil, "What was selected is no longer there." end
    return { step = step, abort = function() end }
  end

  return M
end
