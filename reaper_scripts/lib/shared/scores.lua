-- Scores in words: of a take, and of all takes that the best were chosen from.

return function()
  local M = {}

  --- "quality 0.82, lyrics 0.71", or "no score".
  function M.of_take(score)
    local quality, words = score and score.quality, score and score.lyrics_alignment
    if not quality then return "no score" end
    return ("quality %.2f%s"):format(quality, words and (", lyrics %.2f"):format(words) or "")
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
    return ("best of %d: score %s%s"):format(#ranking, kept, others and "; the others " .. others or "")
  end

  --- The rank of a take among all that were made, and their number; nil where none were chosen.
  function M.rank(part, number)
    for rank, take in ipairs(part.ranking or {}) do
      if take.take == number then return rank, #part.ranking, take.score end
    end
  end

  return M
end
