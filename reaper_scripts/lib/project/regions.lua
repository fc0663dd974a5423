-- Regions of a project: those of a stretch of time, and where they are later.

return function(import)
  local budget = import("budget")
  local M = {}

  local SAME_S = 1e-6
  local TOUCH_S = 1e-3 -- a selection on the sample grid is up to half a sample beyond the region that it is of

  local function all(project)
    local found, index = {}, 0
    while true do
      local next_index, is_region, start, stop, name, number = reaper.EnumProjectMarkers3(project, index)
      budget.spend(1)
      if next_index == 0 then return found end
      if is_region then found[#found + 1] = { number = number, name = name, start = start, stop = stop, index = index } end
      index = next_index
    end
  end

  --- The notes of a region, which the SWS extension keeps, of the project that is shown alone; nil without any.
  local function notes_of(project, region)
    if reaper.APIExists("NF_GetSWSMarkerRegionSub") then
      if reaper.EnumProjects(-1) ~= project then return nil end
      budget.spend(2)
      return (reaper.NF_GetSWSMarkerRegionSub(region.index))
    end
  end

  --- The regions that a stretch of time touches (nil: all), in their order: { {number, name, notes, start, stop} … }.
  function M.find(project, start, stop)
    local found = {}
    for _, region in ipairs(all(project)) do
      if not start or region.start < stop - TOUCH_S and region.stop > start + TOUCH_S then found[#found + 1] = region end
    end
    table.sort(found, function(a, b) return a.start < b.start end)
    for _, region in ipairs(found) do region.notes = notes_of(project, region) end
    return found
  end

  --- By how many seconds all of these regions have moved since; 0 and true when they did not move together.
  function M.shift(project, notes)
    local now, shift = {}, nil
    for _, region in ipairs(all(project)) do now[region.number] = region end
    for _, note in ipairs(notes) do
      local region = now[note.number]
      local by = region and region.start - note.start
      if not by or math.abs(region.stop - note.stop - by) > SAME_S or shift and math.abs(by - shift) > SAME_S then return 0, true end
      shift = shift or by
    end
    return shift and math.abs(shift) > SAME_S and shift or 0, false
  end

  return M
end
