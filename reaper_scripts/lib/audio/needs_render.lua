-- Which tracks have to be rendered to send them as they sound: an accessor reads a track's items before its FX, so that it
-- leaves out instruments, effects, receives and automation.

return function(import)
  local budget = import("budget")
  local pan_of = import("audio/pan")
  local tracks_of = import("project/tracks")
  local M = {}

  local ENVELOPES = { "<VOLENV", "<VOLENV2", "<PANENV", "<PANENV2", "<WIDTHENV", "<WIDTHENV2", "<MUTEENV", "<DUALPANENVL", "<DUALPANENV", "<DUALPANENVL2", "<DUALPANENV2" }

  --- Whether a track has FX that are on.
  function M.has_fx(track)
    if reaper.GetMediaTrackInfo_Value(track, "I_FXEN") == 0 then return false end
    for i = 0, reaper.TrackFX_GetCount(track) - 1 do
      if reaper.TrackFX_GetEnabled(track, i) then return true end
    end
    return false
  end

  local BYPASSED = 1 -- I_PLAY_OFFSET_FLAG

  --- Whether a track plays what is in it earlier or later, or into other channels of the track above it.
  local function is_displaced(track)
    local function value(key) return reaper.GetMediaTrackInfo_Value(track, key) end
    local is_off = math.floor(value("I_PLAY_OFFSET_FLAG")) & BYPASSED ~= 0
    return not is_off and value("D_PLAY_OFFSET") ~= 0 or value("C_MAINSEND_OFFS") ~= 0
  end

  --- Whether a track does anything to what goes through it beyond its volume and a pan whose gains are known.
  local function processes(track)
    budget.spend(17)
    return M.has_fx(track) or tracks_of.has_envelope(track, ENVELOPES) or reaper.GetMediaTrackInfo_Value(track, "B_PHASE") ~= 0
      or is_displaced(track) or not pan_of.gains(track)
  end

  --- Whether other tracks send to this one.
  function M.receives(track) return reaper.GetTrackNumSends(track, -1) > 0 end

  --- Whether a track plays MIDI between two times: notes are no audio until an instrument plays them.
  function M.plays_midi(track, start, stop)
    for _, item in ipairs(tracks_of.items_between(track, start, stop)) do
      local take = reaper.GetActiveTake(item)
      budget.spend(2)
      if take and reaper.TakeIsMIDI(take) and tracks_of.sounds(item, start, stop) then return true end
    end
    return false
  end

  --- Whether a track has to be rendered, on its way up to the folder `home`.
  function M.track(track, home, start, stop)
    budget.spend(4)
    if M.receives(track) or M.plays_midi(track, start, stop) then return true end
    if reaper.GetMediaTrackInfo_Value(track, "B_MAINSEND") == 0 then return true end
    while track and track ~= home do
      if processes(track) then return true end
      track = reaper.GetParentTrack(track)
    end
    return false
  end

  return M
end
