-- Lets a track play one take of one item and nothing else: for a render. Everything is put back in the order in which it was
-- changed, the last first.

return function(import)
  local tracks_of = import("project/tracks")

  --- `changes` gets what was changed: { {setter, object …, old value} … }; `restore` puts it back.
  local M = {}

  --- How REAPER's functions `get` and `put` set a value, noted in `changes`.
  local function setter(get, put)
    return function(changes, object, key, value)
      local old = get(object, key)
      if old == value then return end
      changes[#changes + 1] = { put, object, key, old }
      put(object, key, value)
    end
  end

  local set_item = setter(reaper.GetMediaItemInfo_Value, reaper.SetMediaItemInfo_Value)
  local set_track = setter(reaper.GetMediaTrackInfo_Value, reaper.SetMediaTrackInfo_Value)

  local RECEIVES, MIDI_ONLY = -1, -1 -- the category of GetTrackSendInfo_Value; I_SRCCHAN

  --- Whether a receive shapes what a track plays, as a side chain does, and is not heard itself.
  local function is_side_chain(track, number)
    return reaper.GetTrackSendInfo_Value(track, RECEIVES, number, "I_SRCCHAN") ~= MIDI_ONLY
      and reaper.GetTrackSendInfo_Value(track, RECEIVES, number, "I_DSTCHAN") > 0
  end

  local function mute_receives(changes, track)
    for i = 0, reaper.GetTrackNumSends(track, RECEIVES) - 1 do
      local old = reaper.GetTrackSendInfo_Value(track, RECEIVES, i, "B_MUTE")
      if old == 0 and not is_side_chain(track, i) then
        changes[#changes + 1] = { reaper.SetTrackSendInfo_Value, track, RECEIVES, i, "B_MUTE", old }
        reaper.SetTrackSendInfo_Value(track, RECEIVES, i, "B_MUTE", 1)
      end
    end
  end

  --- Let `take` be all that its track plays, also where the item, the track or a folder above is muted. `items`: those of its
  -- track that play meanwhile.
  function M.take(changes, project, take, items)
    local item = reaper.GetMediaItemTake_Item(take)
    local track = reaper.GetMediaItem_Track(item)
    for _, other in ipairs(items) do
      if other ~= item then set_item(changes, other, "B_MUTE", 1) end
    end
    set_item(changes, item, "B_MUTE", 0)
    set_item(changes, item, "I_CURTAKE", reaper.GetMediaItemTakeInfo_Value(take, "IP_TAKENUMBER"))
    for _, inside in ipairs(tracks_of.with_children(project, { track })) do
      if inside ~= track then set_track(changes, inside, "B_MUTE", 1) end
    end
    local above = track
    while above do
      set_track(changes, above, "B_MUTE", 0)
      above = reaper.GetParentTrack(above)
    end
    mute_receives(changes, track)
  end

  --- Put back what `take` changed.
  function M.restore(changes)
    for i = #changes, 1, -1 do changes[i][1](table.unpack(changes[i], 2)) end
  end

  return M
end
