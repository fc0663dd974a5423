-- The audio of items that hold MIDI: REAPER renders each of them alone, through its track's instrument, FX and fader. What a
-- result will go through as well, the folders above it and the master, is left out.

return function(import)
  local budget = import("budget")
  local needs_render = import("audio/needs_render")
  local selection = import("project/selection")
  local takes = import("project/takes")
  local tracks_of = import("project/tracks")
  local M = {}

  local ALL_MIDI = 31 -- I_MIDIFLAGS: a send without MIDI
  local SILENT = 'No instrument plays "%s": its render is silent. Put an instrument on its track, or check that the item has notes.'
  local NO_INSTRUMENT = 'No instrument plays "%s". Put one on its track, then run the action again.'
  local NO_LANE = '"%s" lies on a lane that does not play. Let that lane play, then run the action again.'

  --- Whether a take is sent as what its instrument makes of it: notes are no audio.
  function M.is_needed(take) return reaper.TakeIsMIDI(take) end

  --- The master, and the folders from `home` on: what they do is done to the result, too.
  function M.outer(project, home)
    local found = { reaper.GetMasterTrack(project) }
    while home do
      budget.spend(1)
      found[#found + 1], home = home, reaper.GetParentTrack(home)
    end
    return found
  end

  --- Whether anything may turn a track's notes into sound: FX on it or on a folder above, or a track that it sends to.
  local function reaches_fx(track)
    local above = track
    while above do
      budget.spend(4)
      if needs_render.has_fx(above) then return true end
      above = reaper.GetParentTrack(above)
    end
    for i = 0, reaper.GetTrackNumSends(track, 0) - 1 do
      budget.spend(6)
      local to = reaper.GetTrackSendInfo_Value(track, 0, i, "P_DESTTRACK")
      local flags = math.floor(reaper.GetTrackSendInfo_Value(track, 0, i, "I_MIDIFLAGS"))
      if flags & ALL_MIDI ~= ALL_MIDI and to and needs_render.has_fx(to) then return true end
    end
    return false
  end

  --- Whether something may turn the notes of a track's items into sound.
  function M.is_played(track)
    for _, item in ipairs(tracks_of.items(track, true)) do
      local take = reaper.GetActiveTake(item)
      budget.spend(2)
      if take and reaper.TakeFX_GetCount(take) > 0 then return true end
    end
    return reaches_fx(track)
  end

  --- The recipe of a render of one take, on the project's samples; `capture` renders it. Returns it, or nil and a message.
  function M.recipe(take, rate, file)
    local item = reaper.GetMediaItemTake_Item(take)
    local track, project = reaper.GetMediaItem_Track(item), reaper.GetItemProjectContext(item)
    local is_midi = M.is_needed(take)
    local name = takes.name(take)
    if name == "" then name = tracks_of.name(track) end
    if is_midi and reaper.TakeFX_GetCount(take) == 0 and not reaches_fx(track) then return nil, NO_INSTRUMENT:format(name) end
    if not tracks_of.is_on_playing_lane(item) then return nil, NO_LANE:format(name) end
    local start, stop = selection.item_span(item)
    local first, last = math.floor(start * rate + 0.5), math.floor(stop * rate + 0.5)
    return {
      project = project, render = true, tracks = { track }, start = first / rate, stop = last / rate, frames = last - first,
      rate = rate, file = file, without = M.outer(project, reaper.GetParentTrack(track)), item = item, take = take,
      silent = is_midi and SILENT:format(name) or nil,
    }
  end

  return M
end
