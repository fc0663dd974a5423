-- Scores in words: of a take, and of all takes that the best were chosen from.

return function()
  local M = {}

  local KINDS = { { "quality", "quality" }, { "lyrics_alignment", "lyrics" }, { "fit", "fit" } } -- key and word

  --- "quality 0.82, lyrics 0.71, fit 0.64", or "no score".
  function M.of_take(score)
    local parts = {}
    for _, kind in ipairs(KINDS) do
      local value = score and score[kind[1]]
      if type(value) == "number" then parts[#parts + 1] = ("%s %.2f"):format(kind[2], value) end
    end
    return #parts > 0 and table.concat(parts, ", ") or "no score"
  end

  --- How well the takes of a part fit their source, a text each: "fit 0.42: The layer is 120 ms late."; none where it was not
  --- measured. What is in one of `warnings` is not said again.
  function M.of_fit(part, warnings)
    local texts = {}
    for _, take in ipairs(part.takes) do
      local score = take.metadata and take.metadata.score
      if score and type(score.fit) == "number" then
        local fault = (score.notes or {})[1]
        for _, warning in ipairs(warnings or {}) do
          if fault and warning:find(fault, 1, true) then fault = nil end
        end
        texts[#texts + 1] = ("fit %.2f%s"):format(score.fit, fault and ": " .. fault or "")
      end
    end
    return texts
  end

  --- The scores of some takes of a ranking: one, or the lowest and the highest of several; nil: none has one.
  local function span(ranking, chosen)
    local low, high = math.huge, -math.huge
    for _, take in ipairs(ranking) do
      if take.chosen == chosen and type(take.score) == "number" then low, high = math.min(low, take.score), math.max(high, take.score) end
    end
    if low > high then return nil end
    return low == high and ("%.2f"):format(low) or ("%.2f to %.2f"):format(low, high)
  end

  --- What came of "Best of" in a sentence; nil where no takes were chosen.
  function M.of_choice(part)
    local ranking = part.ranking or {}
    if #ranking == 0 then return nil end
    local kept, others = span(ranking, true), span(ranking, false)
    if not kept then return ("best of %d: no take could be scored"):format(#ranking) end
    local worse = {} -- what is said of the others, each once
    for _, take in ipairs(ranking) do
      local note = not take.chosen and take.note and take.note:gsub("%.$", "")
      if note and not worse[note] then worse[#worse + 1], worse[note] = note, true end
    end
    local why = #worse > 0 and (" (%s)"):format(table.concat(worse, "; ")) or ""
    return ("best of %d: score %s%s%s"):format(#ranking, kept, others and "; the others " .. others or "", why)
  end

  --- The rank of a take among all that were made, and their number; nil where none were chosen.
  function M.rank(part, number)
    for rank, take in ipairs(part.ranking or {}) do
      if take.take == number then return rank, #part.ranking, take.score end
    end
  end

  return M
end
