-- The audio that a selection means.

return function(import)
  local needs_render = import("audio/needs_render")
  local selection = import("project/selection")
  local settings = import("settings")
  local source = import("audio/source")
  local tracks_of = import("project/tracks")

  --- Whether an item's own take is what is heard of its track.
  local function is_plain(track, item, take, how, start, stop)
    if how == "pre" then return true end
    return how == "auto" and not needs_render.track(track, reaper.GetParentTrack(track), start, stop)
      and reaper.TakeFX_GetCount(take) == 0 and reaper.CountTakeEnvelopes(take) == 0
      and reaper.GetMediaItemInfo_Value(item, "B_MUTE") == 0
  end

  --- The audio that a selection means: the item itself when it is one whole item at full level, else the mix of tracks.
  return function(selected, start, stop, exact)
    local how = settings.get("capture")
    if how ~= "post" and selected.chosen and #selected.items == 1 and selected.anchor and exact then
      local first, last = selection.item_span(selected.items[1])
      local take = reaper.GetActiveTake(selected.items[1])
      local left, right = tracks_of.gains(selected.anchor, reaper.GetParentTrack(selected.anchor))
      local unity = take and is_plain(selected.anchor, selected.items[1], take, how, start, stop) and left == 1 and right == 1 and reaper.GetMediaItemTakeInfo_Value(take, "D_VOL") == 1
        and reaper.GetMediaItemTakeInfo_Value(take, "D_PAN") == 0 and reaper.GetMediaItemInfo_Value(selected.items[1], "D_VOL") == 1
      if unity and math.abs(first - start) * selected.rate < 1 and math.abs(last - stop) * selected.rate < 1 then
        local found, why = source.of_take(take, selected.rate, "source-1")
        if not found then return nil, why end
        return found, first - found.offset_s
      end
    end
    local found, why = source.of_mix(selected, start, stop, "source-1", how)
    return found, found and start or why
  end
end
