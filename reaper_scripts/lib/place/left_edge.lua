-- Moves the left edge of an item to the left while everything in it stays where it is in the project: takes, their stretch
-- markers and envelopes, and the snap offset, all of which REAPER counts from the item's start.

return function()
  local M = {}

  --- Markers and points of a take count in its own time: seconds times its rate.
  local function move_markers(take, by)
    for i = reaper.GetTakeNumStretchMarkers(take) - 1, 0, -1 do -- the last one first, or one would pass the next
      local _, position, source = reaper.GetTakeStretchMarker(take, i)
      reaper.SetTakeStretchMarker(take, i, position + by, source)
    end
  end

  local function move_points(take, by)
    for i = 0, reaper.CountTakeEnvelopes(take) - 1 do
      local envelope = reaper.GetTakeEnvelope(take, i)
      for point = reaper.CountEnvelopePoints(envelope) - 1, 0, -1 do
        local _, time, value, shape, tension, selected = reaper.GetEnvelopePoint(envelope, point)
        reaper.SetEnvelopePoint(envelope, point, time + by, value, shape, tension, selected, true)
      end
      reaper.Envelope_SortPoints(envelope)
    end
  end

  --- Let an item begin `by` seconds earlier.
  function M.extend(item, by)
    for i = 0, reaper.CountTakes(item) - 1 do
      local take = reaper.GetTake(item, i)
      if take then -- an item may have empty takes
        local own = by * reaper.GetMediaItemTakeInfo_Value(take, "D_PLAYRATE")
        local offset = reaper.GetMediaItemTakeInfo_Value(take, "D_STARTOFFS")
        reaper.SetMediaItemTakeInfo_Value(take, "D_STARTOFFS", offset - own)
        move_markers(take, own)
        move_points(take, own)
      end
    end
    local function change(key, amount)
      reaper.SetMediaItemInfo_Value(item, key, reaper.GetMediaItemInfo_Value(item, key) + amount)
    end
    change("D_POSITION", -by)
    change("D_LENGTH", by)
    change("D_SNAPOFFSET", by)
  end

  return M
end
