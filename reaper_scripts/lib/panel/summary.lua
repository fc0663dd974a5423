-- What would be sent, in a sentence, and why it cannot be; looked at again when the project or the selection has changed, a
-- little in every tick.

return function(import)
  local actions = import("actions")
  local budget = import("budget")
  local chords = import("project/chords")
  local selection = import("project/selection")
  local settings = import("settings")
  local source = import("audio/source")
  local tracks_of = import("project/tracks")
  local M = {}

  local MOST_CALLS = 400 -- of a tick: the panel, and what is dragged in REAPER, go on meanwhile
  local REST_S = 0.15 -- between two looks: what is dragged changes in every tick
  local MOST_NAMES, WHOLE = 3, 0.02

  local function count(number, what) return number == 1 and "1 " .. what or ("%d %ss"):format(number, what) end

  --- A stretch of time in bars where it is a number of them, else in seconds.
  function M.length(project, start, stop)
    local beats, unit = reaper.TimeMap_GetTimeSigAtTime(project, start)
    local quarters = reaper.TimeMap2_timeToQN(project, stop) - reaper.TimeMap2_timeToQN(project, start)
    local bars = quarters * unit / 4 / beats
    local whole = math.floor(bars + 0.5)
    if whole >= 1 and math.abs(bars - whole) < WHOLE then return count(whole, "bar") end
    return ("%.1f s"):format(stop - start)
  end

  local function join_names(names)
    if #names <= MOST_NAMES then return table.concat(names, " + ") end
    return ("%s and %d more"):format(table.concat(names, " + ", 1, MOST_NAMES), #names - MOST_NAMES)
  end

  local function names_of(tracks)
    local names = {}
    for i, track in ipairs(tracks) do names[i] = tracks_of.name(track) end
    return names
  end

  local IN_PLACE = { extend = true, prepend = true, join = true, score = true, vary_take = true }
  local WITHOUT_AUDIO = { generate = true, compose = true }
  local HEARS_AROUND = { repaint = true, extend = true, prepend = true, join = true, lego = true }

  --- The sentence for a task and a selection.
  local function describe(task, selected)
    if WITHOUT_AUDIO[task] then
      if selected.from == "time selection" then
        return M.length(selected.project, selected.start, selected.stop) .. " of new music at the time selection; no audio is sent"
      end
      return "new music at the edit cursor; no audio is sent"
    end
    local where, long
    if IN_PLACE[task] then
      where = count(#selected.selected_items, "item") .. " on " .. join_names(names_of(selection.tracks_with(selected.selected_items)))
    else
      long = M.length(selected.project, selected.start, selected.stop)
      local meant = task == "repaint" and selection.tracks_with(selected.items) or selected.tracks
      where = not selected.picked and task ~= "repaint" and "all tracks" or join_names(names_of(meant))
    end
    local parts = { (long and long .. " on " or "") .. where }
    local around = settings.get("context_s")
    if HEARS_AROUND[task] and around > 0 then parts[#parts + 1] = ("%.14g s around"):format(around) end
    return table.concat(parts, ", ")
  end

  --- ", 4 chords of markers and regions" where a stretch has some and they are wanted, or what else their names are; else "".
  local function describe_chords(selected, values)
    if values.chords ~= "yes" or not selected.start then return "" end
    local found = chords.describe(selected.project, selected.start, selected.stop)
    return found and ", " .. found or ""
  end

  --- What is to be said of a task, the selection and the values: { text, notice, fault, remedy }; `fault`: why it cannot be
  -- sent; `notice`: what is not heard as it sounds.
  function M.look(task, values)
    local action = actions[task]
    local selected = selection.read((reaper.EnumProjects(-1)))
    local ok, why, remedy = (action.check or action.plan)(selected, values)
    if not ok then return { fault = why or "It cannot be done here.", remedy = remedy } end
    local notice = action.sends_mix and source.notice(selected, settings.get("capture"))
    return { text = describe(task, selected) .. describe_chords(selected, values), notice = notice or nil }
  end

  local ITEMS, MOST_ITEMS = {}, 4

  --- What the selection is, without a look at what it holds: a text that changes with it.
  local function key_of(task, values)
    local project = reaper.EnumProjects(-1)
    local start, stop = reaper.GetSet_LoopTimeRange2(project, false, false, 0, 0, false)
    local items, tracks = reaper.CountSelectedMediaItems(project), reaper.CountSelectedTracks2(project, false)
    for i = 1, MOST_ITEMS do
      local number = i == MOST_ITEMS and items - 1 or i - 1
      ITEMS[i] = number >= 0 and number < items and tostring(reaper.GetSelectedMediaItem(project, number)) or ""
    end
    local first = tracks > 0 and tostring(reaper.GetSelectedTrack2(project, 0, false)) or ""
    local last = tracks > 1 and tostring(reaper.GetSelectedTrack2(project, tracks - 1, false)) or ""
    local cursor = WITHOUT_AUDIO[task] and reaper.GetCursorPositionEx(project) or 0
    return table.concat({
      task, tostring(project), reaper.GetProjectStateChangeCount(project), start, stop, items, tracks, first, last, cursor,
      values.seconds or "", values.bars or "", values.around or "", values.description and "described" or "", values.chords or "",
      settings.get("capture"), settings.get("context_s"), table.unpack(ITEMS),
    }, " ")
  end

  --- Follow a task and the selection. `step(task, values, now)` works for a moment in every tick and returns what is known:
  -- what `look` gave last, and whether that is of the present selection.
  function M.follow()
    local key, found, work, begun = nil, nil, nil, -math.huge
    return function(task, values, now)
      local present = key_of(task, values)
      if present ~= key then key, work = present, nil end
      if found and found.key == key then return found, true end
      if not work then
        if now - begun < REST_S then return found, false end
        begun = now
        local project = reaper.EnumProjects(-1)
        work = budget.start(function()
          return budget.observe(project, function() return M.look(task, values) end, 0, 1)
        end, MOST_CALLS)
      end
      local ok, ended, seen = pcall(work)
      if not ok then -- something that it looked at is gone: the next look finds out what is there now
        work = nil
      elseif ended then
        work = nil
        if seen then found, seen.key = seen, key end -- nil: the project was edited meanwhile
      end
      return found, found ~= nil and found.key == key
    end
  end

  return M
end
