-- Named ranges of the session: those of a stretch of time, and where they are later.

return function(import)
  local session = import("session")
  local M = {}

  --- Whether a location is a range that a musician made.
  local function is_range(place)
    return place:is_range_marker() and not place:is_auto_loop() and not place:is_auto_punch() and not place:is_session_range()
      and not place:is_hidden()
  end

  local function all()
    local found = {}
    for place in Session:locations():list():iter() do
      if is_range(place) then
        found[#found + 1] = {
          name = place:name(), first = session.samples(place:start()), last = session.samples(place:_end()),
        }
      end
    end
    return found
  end

  --- The ranges that [from, to) touches (nil: all), in their order: { {name, first, last} … } in samples.
  function M.find(from, to)
    local found = {}
    for _, range in ipairs(all()) do
      if not from or range.first < to and range.last > from then found[#found + 1] = range end
    end
    table.sort(found, function(a, b) return a.first < b.first end)
    return found
  end

  local function key_of(name, first, last) return ("%d %d %s"):format(first, last, name) end

  --- By how many samples all of these ranges have moved since; 0 and true when they did not move together. Ardour's Lua gives no
  --- id of a range that can be trusted, so they are found by their names and lengths.
  function M.shift(notes)
    local now, shifts, first = {}, { 0 }, notes[1]
    for _, range in ipairs(all()) do
      now[key_of(range.name, range.first, range.last)] = true
      if range.name == first.name then shifts[#shifts + 1] = range.first - first.first end
    end
    for _, shift in ipairs(shifts) do
      local are_there = true
      for _, note in ipairs(notes) do
        are_there = are_there and now[key_of(note.name, note.first + shift, note.last + shift)] ~= nil
      end
      if are_there then return shift, false end
    end
    return 0, true
  end

  return M
end
