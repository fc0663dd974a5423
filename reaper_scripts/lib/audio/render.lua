-- Audio with FX: REAPER's own render of the master for a stretch of the project, with the tracks that are meant soloed.
-- With a take, only that is heard. Render settings and solos are put back as they were.

return function(import)
  local budget = import("budget")
  local files = import("shared/files")
  local isolate = import("audio/isolate")
  local tracks_of = import("project/tracks")
  local wav = import("shared/wav")
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
  local SENT = 0 -- category of sends
  local THROUGH = { I_FXEN = 0, D_VOL = 1, D_PAN = 0, D_PANLAW = 1, I_PANMODE = 3, B_PHASE = 0 } -- of tracks that are to leave all as it is

  -- What a render depends on is looked up before: the render itself is done in one tick. ------------------------------------

  --- The tracks that are soloed, or not silent beside those that are: { {track, key, value} … }; and where every track sends to:
  -- track → { track of each send }.
  local function look_at_tracks(project)
    local solos, sends = {}, {}
    for i = 0, reaper.CountTracks(project) - 1 do
      local track = reaper.GetTrack(project, i)
      for _, key in ipairs(SOLO) do
        local value = reaper.GetMediaTrackInfo_Value(track, key)
        if value ~= 0 then solos[#solos + 1] = { track, key, value } end
      end
      local to = {}
      for number = 0, reaper.GetTrackNumSends(track, SENT) - 1 do
        to[number + 1] = reaper.GetTrackSendInfo_Value(track, SENT, number, "P_DESTTRACK")
      end
      sends[track] = to
      budget.spend(4 + #to)
    end
    return solos, sends
  end

  --- All tracks that something of `start` gets to along `edges`: track → { track … }.
  local function find_along(start, edges)
    local found, open = {}, {}
    for i, track in ipairs(start) do open[i] = track end
    while #open > 0 do
      for _, other in ipairs(edges[table.remove(open)] or {}) do
        if not found[other] then
          found[other], open[#open + 1] = true, other
        end
      end
    end
    return found
  end

  local function turn_round(edges)
    local found = {}
    for track, others in pairs(edges) do
      for _, other in ipairs(others) do
        found[other] = found[other] or {}
        table.insert(found[other], track)
      end
    end
    return found
  end

  local function with_folders(tracks)
    local found = {}
    for _, track in ipairs(tracks) do
      while track and not found[track] do
        found[track], track = true, reaper.GetParentTrack(track)
        budget.spend(1)
      end
    end
    return found
  end

  --- Tracks that send to those that are rendered, by way of others too. Not those that get something from them, such as an echo
  -- that feeds back, nor the folders that they are in.
  local function senders(tracks, sends)
    local found, own, fed = {}, with_folders(tracks), find_along(tracks, sends)
    for track in pairs(find_along(tracks, turn_round(sends))) do
      if not own[track] and not fed[track] then found[#found + 1] = track end
    end
    return found
  end

  --- What has to be known of the project to render a recipe: { solos, sends, senders, items }; `items`: those that play meanwhile on
  -- the track of a take that is rendered alone.
  local function look(recipe)
    local solos, sends = look_at_tracks(recipe.project)
    local items = recipe.take and tracks_of.items_between(recipe.tracks[1], recipe.start, recipe.stop) or nil
    return { solos = solos, sends = sends, items = items, senders = #recipe.tracks > 0 and senders(recipe.tracks, sends) or {} }
  end

  -- ------------------------------------------------------------------------------------------------------------------------

  local function save_track(saved, track, key)
    saved[#saved + 1] = { track, key, reaper.GetMediaTrackInfo_Value(track, key) }
  end

  local function save(project, without, known)
    local saved = { numbers = {}, strings = {}, tracks = {}, sends = {} }
    for i, key in ipairs(NUMBERS) do saved.numbers[i] = reaper.GetSetProjectInfo(project, key, 0, false) end
    for i, key in ipairs(STRINGS) do
      local ok, value = reaper.GetSetProjectInfo_String(project, key, "", false)
      saved.strings[i] = ok and value
    end
    for _, track in ipairs(known.senders) do
      save_track(saved.tracks, track, "B_MAINSEND")
      for i = 0, #known.sends[track] - 1 do
        saved.sends[#saved.sends + 1] = { track, SENT, i, "B_MUTE", reaper.GetTrackSendInfo_Value(track, SENT, i, "B_MUTE") }
      end
    end
    for _, track in ipairs(without) do
      for key in pairs(THROUGH) do save_track(saved.tracks, track, key) end
    end
    return saved
  end

  local function restore(project, saved, known, tracks)
    local function is_there(track) return reaper.ValidatePtr2(project, track, "MediaTrack*") end
    for i, key in ipairs(NUMBERS) do reaper.GetSetProjectInfo(project, key, saved.numbers[i], true) end
    for i, key in ipairs(STRINGS) do
      if saved.strings[i] then reaper.GetSetProjectInfo_String(project, key, saved.strings[i], true) end
    end
    for _, soloed in ipairs({ tracks, known.senders }) do
      for _, track in ipairs(soloed) do
        if is_there(track) then reaper.SetMediaTrackInfo_Value(track, "I_SOLO", 0) end
      end
    end
    for _, list in ipairs({ known.solos, saved.tracks }) do
      for _, entry in ipairs(list) do
        if is_there(entry[1]) then reaper.SetMediaTrackInfo_Value(table.unpack(entry)) end
      end
    end
    for _, entry in ipairs(saved.sends) do
      if is_there(entry[1]) then reaper.SetTrackSendInfo_Value(table.unpack(entry)) end
    end
  end

  --- Have senders play into the tracks that are rendered and nowhere else, whatever a solo makes of tracks that send to it.
  local function play_into(tracks, known)
    local wanted = {}
    for _, list in ipairs({ tracks, known.senders }) do
      for _, track in ipairs(list) do wanted[track] = true end
    end
    for _, track in ipairs(known.senders) do
      reaper.SetMediaTrackInfo_Value(track, "I_SOLO", SOLO_IN_PLACE)
      reaper.SetMediaTrackInfo_Value(track, "B_MAINSEND", 0)
      for i, to in ipairs(known.sends[track]) do
        if not wanted[to] then reaper.SetTrackSendInfo_Value(track, SENT, i - 1, "B_MUTE", 1) end
      end
    end
  end

  local function set(project, recipe, folder, name, known)
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
    for _, entry in ipairs(known.solos) do reaper.SetMediaTrackInfo_Value(entry[1], entry[2], 0) end
    play_into(recipe.tracks, known)
    for _, track in ipairs(recipe.tracks) do reaper.SetMediaTrackInfo_Value(track, "I_SOLO", SOLO_IN_PLACE) end
  end

  --- Render, and put everything back at once: the action returns when the file is whole. nil and a message if it is not.
  local function render(recipe, folder, known)
    local project, path = recipe.project, files.join(folder, recipe.file)
    if reaper.GetPlayStateEx(project) & RECORDS ~= 0 then
      return nil, "REAPER is recording, and cannot render the selection meanwhile; stop the recording first."
    end
    local saved, changes = save(project, recipe.without, known), {}
    local ok, fault = pcall(function()
      set(project, recipe, folder, (recipe.file:gsub("%.wav$", "")), known)
      if recipe.take then isolate.take(changes, project, recipe.take, known.items) end
      reaper.Main_OnCommandEx(RENDER_WITH_SETTINGS, 0, project)
    end)
    isolate.restore(changes)
    restore(project, saved, known, recipe.tracks)
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

  local GONE = "What was selected is no longer there."

  --- Whether what a recipe renders is still there.
  local function is_intact(recipe)
    for _, track in ipairs(recipe.tracks) do
      if not reaper.ValidatePtr2(recipe.project, track, "MediaTrack*") then return false end
    end
    return not recipe.take or reaper.ValidatePtr2(recipe.project, recipe.take, "MediaItem_Take*")
  end

  --- Render a recipe of `capture`; see there. REAPER shows its own window meanwhile and stops to play. The ticks before, one at
  -- least, are for a look at the tracks, and for the panel to say what comes.
  function M.start(recipe, folder)
    local project = recipe.project
    local known, changes, go_on
    local function step()
      if not reaper.ValidatePtr2(0, project, "ReaProject*") then return nil, GONE end
      if known and changes == reaper.GetProjectStateChangeCount(project) then
        if not is_intact(recipe) then return nil, GONE end
        return budget.at_once(function() return render(recipe, folder, known) end)
      end
      if not go_on then
        go_on = budget.start(function() return budget.observe(project, function() return look(recipe) end, 0, 1) end)
      end
      local ended
      ended, known = go_on() -- nil: the project was edited meanwhile
      if ended then go_on, changes = nil, reaper.GetProjectStateChangeCount(project) end
      return 0
    end
    if not reaper.ValidatePtr2(0, project, "ReaProject*") then return nil, GONE end
    return { step = step, abort = function() end }
  end

  return M
end
