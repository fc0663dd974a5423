-- Plans for listening: the result is facts. See `plan/takes`.

return function(import)
  local budget = import("budget")
  local files = import("shared/files")
  local guid = import("project/guid")
  local lyrics = import("project/lyrics")
  local plan_of = import("plan/common")
  local request_fields = import("shared/request_fields")
  local tracks_of = import("project/tracks")
  local whereabouts = import("project/whereabouts")
  local M = {}

  local function listening(task, kind, fill)
    return function(selected, values)
      local found, position, cure = plan_of.source(selected)
      if not found then return nil, position, cure end
      local part = { task = task, position_s = position, source = found.part, fields = {} }
      local ok, why, remedy = fill(part, selected, values)
      if not ok then return nil, why, remedy end
      return { parts = { part }, captures = found.captures, place = { kind = kind, sources = whereabouts.note_all(selected.items) } }
    end
  end

  M.analyse = listening("understand", "analysis", function() return true end)

  --- The lyrics of a selection: from its item's notes, remembered on its take, or a text file; false when none is chosen.
  local function lyrics_of(selected)
    for _, item in ipairs(selected.items) do
      local words = lyrics.of_item(item)
      budget.spend(3)
      if words then return words end
    end
    local ok, path = reaper.GetUserFileNameForRead("", "Lyrics of the selection", "txt")
    if not ok then return false end
    return files.read_text(path)
  end

  M.lyrics_regions = listening("align_lyrics", "regions", function(part, selected)
    local words, why = lyrics_of(selected)
    if why then return nil, why, "Open it in the program that wrote it, and save it as UTF-8 (plain text)." end
    if not words then return nil end -- the musician changed their mind
    if not words:match("%S") then
      return nil, "There are no lyrics.", "Put them into the item's notes, or choose a text file."
    end
    part.fields = { music = { lyrics = words } }
    return true
  end)

  local VOICES = { one = "mono", several = "poly" }
  local CONTENTS = { ["a mix"] = "mix", ["one instrument"] = "part" }

  local transcribe = listening("transcribe", "notes", function(part, _, values)
    local tracks = request_fields.names(values.instruments)
    part.fields = {
      tracks = #tracks > 0 and tracks or nil, contents = CONTENTS[values.contents], voices = VOICES[values.voices],
    }
    return true
  end)

  --- Notes go to new tracks below that of the audio.
  function M.to_midi(selected, values)
    local plan, why, remedy = transcribe(selected, values)
    if not plan then return nil, why, remedy end
    local anchor = selected.anchor
    plan.place.anchor = anchor and guid.of_track(anchor)
    plan.place.anchor_name = anchor and tracks_of.name(anchor)
    return plan
  end

  return M
end
