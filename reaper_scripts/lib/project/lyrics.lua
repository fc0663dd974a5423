-- Where lyrics come from: a dialog's field holds one line, so that it may also name a place that holds all of them.

return function(import)
  local budget = import("budget")
  local files = import("shared/files")
  local selection = import("project/selection")
  local takes = import("project/takes")
  local M = {}

  --- Lyrics as one line of a dialog: " / " parts the lines. Text of several lines is left as it is.
  function M.lines(text)
    if not text or text:find("\n", 1, true) then return text end
    return (text:gsub("%s*/%s*", "\n"))
  end

  --- The lyrics in the notes of an item, or remembered on its take; nil when there are none.
  function M.of_item(item)
    local take = reaper.GetActiveTake(item)
    local facts = take and takes.facts(take)
    local _, notes = reaper.GetSetMediaItemInfo_String(item, "P_NOTES", "", false)
    if notes:match("%S") then return notes end
    return facts and facts.lyrics and facts.lyrics:match("%S") and facts.lyrics or nil
  end

  local PLACES = {}
  local CLIPBOARD = "CF_GetClipboard" -- of SWS, which nothing else needs

  function PLACES.item(selected)
    for _, item in ipairs(#selected.selected_items > 0 and selected.selected_items or selected.items) do
      local words = M.of_item(item)
      budget.spend(3)
      if words then return words end
    end
    return nil, "No selected item has notes.", "Put the lyrics into the notes of the selected item (Item properties), then run the action again."
  end

  function PLACES.project(selected)
    local notes = reaper.GetSetProjectNotes(selected.project, false, "")
    if notes:match("%S") then return notes end
    return nil, "The project has no notes.", "Put the lyrics into File > Project notes, then run the action again."
  end

  function PLACES.file()
    local ok, path = reaper.GetUserFileNameForRead("", "Lyrics", "txt")
    if not ok then return nil, "No file with lyrics was chosen.", "Choose a text file, or leave the field of the lyrics empty." end
    local text, why = files.read_text(path)
    if text then return text end
    return nil, why, "Open it in the program that wrote it, and save it as UTF-8 (plain text)."
  end

  function PLACES.clipboard()
    if not reaper.APIExists(CLIPBOARD) then -- REAPER's own scripts cannot read it
      return nil, "REAPER reads the clipboard only with the SWS extension.", 'Paste the lyrics into the notes of the item, and enter "item".'
    end
    local text = reaper[CLIPBOARD]("")
    if text:match("%S") then return text end
    return nil, "The clipboard holds no text.", "Copy the lyrics, then run the action again."
  end

  --- The words that the field of a dialog means; or nil, a message and a remedy. nil alone: none are wanted.
  function M.read(text, selected)
    local place = text and PLACES[text:lower():match("^%s*(.-)%s*$")]
    if not place then return M.lines(text) end
    return place(selected)
  end

  --- Names of the places of lyrics that this REAPER has.
  function M.places()
    return reaper.APIExists(CLIPBOARD) and { "item", "project", "clipboard", "file" } or { "item", "project", "file" }
  end

  --- The words in a place, now; or nil, a message and a remedy.
  function M.from(place)
    local project = reaper.EnumProjects(-1)
    return PLACES[place]({ project = project, selected_items = selection.find_items(project), items = {} })
  end

  --- Values of a dialog with the words in place of what its field `key` says.
  function M.with(values, key, words)
    local found = {}
    for name, value in pairs(values) do found[name] = value end
    found[key] = words
    return found
  end

  return M
end
