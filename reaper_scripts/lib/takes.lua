-- What AceBridge remembers on a take: how it was made, so that it can be made again, and new takes beside the old ones.

return function(import)
  local json = import("json")
  local M = {}

  local KEY = "P_EXT:AceBridge"
  -- A new take has the same gain as the one it was made from: neither holds it in its file.
  local INHERITED = { "D_VOL", "D_PAN", "D_PANLAW" }

  --- { action, values, seed, caption, lyrics, engine, model, score, title } or nil for a take that we did not make.
  function M.facts(take)
    local _, text = reaper.GetSetMediaItemTakeInfo_String(take, KEY, "", false)
    return text ~= "" and json.decode(text) or nil
  end

  function M.remember(take, facts)
    reaper.GetSetMediaItemTakeInfo_String(take, KEY, json.encode(facts), true)
  end

  --- Add a take that plays `source` from `offset_s` on. `old`: a take whose gain and FX it gets.
  function M.add(item, source, name, offset_s, old)
    local take = reaper.AddTakeToMediaItem(item) or error("no new take could be made.", 0)
    reaper.SetMediaItemTake_Source(take, source)
    reaper.SetMediaItemTakeInfo_Value(take, "D_STARTOFFS", offset_s)
    reaper.GetSetMediaItemTakeInfo_String(take, "P_NAME", name, true)
    if old then
      for _, key in ipairs(INHERITED) do
        reaper.SetMediaItemTakeInfo_Value(take, key, reaper.GetMediaItemTakeInfo_Value(old, key))
      end
      for i = 0, reaper.TakeFX_GetCount(old) - 1 do reaper.TakeFX_CopyToTake(old, i, take, i, false) end
    end
    return take
  end

  function M.name(take)
    return select(2, reaper.GetSetMediaItemTakeInfo_String(take, "P_NAME", "", false))
  end

  return M
end
