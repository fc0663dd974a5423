-- Which tracks have to be rendered to send them as they sound: an accessor reads a track's items before its FX, so that it
-- leaves out instruments, effects, receives and automation.

return function(import)
  local budget = import("budget")
  local tracks_of = import("tracks")
  local M = {}

  local ENVELOPES = { "<VOLENV", "<VOLENV2", "<PANENV", "<PANENV2", "<WIDTHENV", "<WIDTHENV2", "<MUTEENV" }

  local function has_fx(track)
    if reaper.GetMediaTrackInfo_Value(track, "I_FXEN") == 0 then return false end
    for i = 0, reaper.TrackFX_GetCount(track) - 1 do
      if reaper.TrackFX_GetEnabled(track, i) then return true end
    end
    return false
  end

  local function has_automation(track)
    for _, name in ipairs(ENVELOPES) do
      if reaper.GetTrackEnvelopeByChunkName(track, name) then return true end
    end
    return false
  end

  --- Whether a track does anything to what goes through it beyond volume and pan.
  local function processes(track)
    budget.spend(13)
    return has_fx(track) or has_automation(track) or reaper.GetMediaTrackInfo_Value(track, "B_PHASE") ~= 0
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
