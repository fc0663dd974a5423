-- What all plans share. A plan turns a selection and the values of a dialog into { parts, captures, place }, or returns nil,
-- a message and a remedy.

return function(import)
  local json = import("json")
  local session = import("session")
  local settings = import("settings")
  local M = {}

  M.MOST_S = 1200 -- the longest source that a task takes

  function M.music(selected, values)
    local music = settings.get("tempo_from") == "session" and session.music(selected.from, selected.to) or {}
    music.caption = values.style
    music.lyrics = values.lyrics and (values.lyrics:gsub("%s*/%s*", "\n"))
    return music
  end

  --- `rate`: of the result; nil: as its source has it.
  function M.output(values, rate)
    return { sample_rate = rate, takes = values.takes or settings.get("takes"), seeds = values.seed and { values.seed } }
  end

  --- Whether a stretch is selected; nil, a message and a remedy if not.
  function M.check(selected)
    if not selected.from then
      return nil, "Nothing is selected.", "Select a range or regions, or set the loop, then run the action again."
    end
    if #selected.tracks == 0 then return nil, "There is no audio track.", "Make a track with audio, then run the action again." end
    if selected.to - selected.from > M.MOST_S * session.rate() then
      return nil, ("The selection is %.0f s long; allowed: at most %d s."):format((selected.to - selected.from) / session.rate(), M.MOST_S), "Select less."
    end
    return true
  end

  --- Where each file that a stretch of a track plays begins in the session, to find the music again when it was moved.
  function M.origins(track, from, to)
    local found, seen = {}, {}
    for _, one in ipairs(session.regions(track, from, to)) do
      local file = one.region:to_audioregion():source(0):to_filesource():path()
      local origin = one.first - session.samples(one.region:start())
      if not seen[file .. origin] then found[#found + 1] = { file = file, origin = origin } end
      seen[file .. origin] = true
    end
    return json.array(found)
  end

  --- "drums, Backing vocals" as names of tracks.
  function M.names(text)
    local found = {}
    for name in (text or ""):gmatch("[^,;]+") do
      name = name:match("^%s*(.-)%s*$"):lower():gsub("[%s%-]+", "_")
      if name ~= "" then found[#found + 1] = name end
    end
    return json.array(found)
  end

  return M
end
