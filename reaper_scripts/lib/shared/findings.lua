-- What a task found out about audio, in words and figures: tempo, meter, key; lines of lyrics; scores.

return function(import)
  local scores = import("shared/scores")
  local M = {}

  --- The lines and sections of lyrics; or nil, a message and a remedy when there are none.
  function M.lines(facts)
    local lines = facts.lines or {}
    if #lines == 0 then return nil, facts.lrc_missing or "No line of the lyrics was heard.", "Check that the lyrics belong to this audio." end
    return lines, facts.sections or {}
  end

  --- Whether an engine is sure of a finding: "tempo", "key" or "meter". What it did not hear is absent from the facts.
  function M.is_sure(facts, finding) return ((facts.certainty or {})[finding] or "sure") == "sure" end

  --- What was heard, in words; or nil, a message and a remedy when that is nothing.
  function M.describe(facts)
    local parts = {}
    local function tell(finding, form, value)
      if value then parts[#parts + 1] = (M.is_sure(facts, finding) and "" or "perhaps ") .. form:format(value) end
    end
    tell("tempo", "%.1f BPM", facts.bpm)
    tell("meter", "%d/4", facts.timesignature)
    tell("key", "%s", facts.keyscale)
    if #parts > 0 then return table.concat(parts, ", ") end
    return nil, "Neither a tempo nor a key is heard in this audio.", "Select a longer or louder part of it."
  end

  local CLOSE_BPM = 0.05 -- nearer to a whole number than can be heard: most music is made on a grid of whole tempos

  --- The tempo to set.
  function M.tempo(facts)
    local whole = math.floor(facts.bpm + 0.5)
    return math.abs(facts.bpm - whole) < CLOSE_BPM and whole or facts.bpm
  end

  --- Where bars begin, or beats where no bars are heard, or the audio.
  function M.first_beat(facts) return (facts.downbeats or {})[1] or (facts.beats or {})[1] or 0 end

  --- The scores of some takes, one for each part of a result: a line for each, and the number of the best one; nil: none has any.
  function M.rank(parts)
    local lines, top, value = {}, nil, -math.huge
    for i, part in ipairs(parts) do
      local score = part.takes[1].metadata.score
      local quality, words = score and score.quality, score and score.lyrics_alignment
      lines[i] = ("%s: %s"):format(part.label, scores.of_take(score))
      local sum = (quality or -math.huge) + (words or 0)
      if sum > value then top, value = i, sum end
    end
    return lines, top
  end

  return M
end
