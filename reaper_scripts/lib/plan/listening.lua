-- Plans for listening: the result is facts. See `plan/takes`.

return function(import)
  local budget = import("budget")
  local files = import("shared/files")
  local lyrics = import("project/lyrics")
  local plan_of = import("plan/common")
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

  return M
end
