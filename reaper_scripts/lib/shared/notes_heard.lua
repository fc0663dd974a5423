-- Notes that were heard in audio: the parts of a transcription, and what is said of them.

return function()
  local M = {}

  --- Where no part has notes: a message and a remedy.
  M.NONE, M.REMEDY = "No notes are heard in this audio.", "Select a louder part of it, or say which instrument it is."

  --- The parts with notes, and the length of the audio in seconds, up to the end of the last note at least.
  function M.parts(facts)
    local parts, length = {}, facts.duration_s or 0
    for _, part in ipairs(facts.midi_parts or {}) do
      if #(part.notes or {}) > 0 then parts[#parts + 1] = part end
      for _, note in ipairs(part.notes or {}) do length = math.max(length, note.end_s) end
    end
    return parts, length
  end

  --- What a part's track is called: its instrument, with a capital.
  function M.track_name(part)
    local name = (part.name == "other" and "notes" or part.name):gsub("_", " ")
    return name:sub(1, 1):upper() .. name:sub(2) .. " MIDI"
  end

  --- A number of things in words: "1 note", "2 notes".
  function M.count(number, what) return ("%d %s%s"):format(number, what, number == 1 and "" or "s") end

  --- What was heard, in words: "42 notes on a new track", with what the engine says about it.
  function M.describe(parts, facts)
    local notes = 0
    for _, part in ipairs(parts) do notes = notes + #part.notes end
    local said = ("%s on %s"):format(M.count(notes, "note"), #parts == 1 and "a new track" or M.count(#parts, "track"))
    local remarks = table.concat(facts.notes or {}, " ")
    return remarks ~= "" and ("%s. %s"):format(said, remarks) or said
  end

  return M
end
