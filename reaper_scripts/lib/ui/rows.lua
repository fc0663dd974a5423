-- How wide widgets of one row are, where each is drawn before the next is known: from what the row held in the last frame.
--
-- Widgets with a natural width (buttons) take it; the others of their row share the rest. A row that is too narrow for that is
-- no row: its widgets stand below each other.

return function(import)
  local sizes = import("ui/sizes")
  local M = {}

  local items, count, planned = {}, 0, 0

  --- Forget all rows.
  function M.reset() items, count, planned = {}, 0, 0 end

  --- A frame begins.
  function M.begin() count = 0 end

  --- The next widget: its natural width or nil, whether it follows another in a row, and the room at its left edge.
  --- Returns its width, and whether it really goes beside the last.
  function M.place(natural, is_beside, room)
    count = count + 1
    local item = items[count] or {}
    items[count] = item
    local fits = count <= planned and item.natural == natural and item.was_beside == is_beside
    item.natural, item.was_beside, item.room = natural, is_beside, room
    local width = fits and item.width or natural or room
    return math.min(width, room), is_beside and not (fits and item.is_stacked)
  end

  local function plan_row(first, last, gap)
    local room, taken, flexible = items[first].room, gap * (last - first), 0
    for i = first, last do
      taken = taken + (items[i].natural or 0)
      if not items[i].natural then flexible = flexible + 1 end
    end
    local share = flexible > 0 and (room - taken) / flexible or 0
    local is_stacked = last > first and (taken > room or flexible > 0 and share < sizes.least)
    for i = first, last do
      local item = items[i]
      item.is_stacked = is_stacked
      item.width = item.natural or (is_stacked or last == first) and room or math.floor(share)
    end
  end

  --- A frame ends: plan the next. `gap`: between widgets of a row.
  function M.finish(gap)
    local first = 1
    for i = 1, count do
      local following = items[i + 1]
      if i == count or not following.was_beside then
        plan_row(first, i, gap)
        first = i + 1
      end
    end
    planned = count
  end

  return M
end
