-- Lines of a text that is edited: every byte stays in its place, so that a caret has one. `width_of(text)` measures.
--
-- A line is { from, to }: offsets in bytes, `text:sub(from + 1, to)` is what it shows. Where a line is broken, spaces hang
-- over its end; a word that is wider than a line is broken inside.

return function(import)
  local text_field = import("ui/text_field")
  local M = {}

  local SPACE = (" "):byte()

  --- The most of text:sub(from + 1, to) that fits, at least one character: where it ends. `low` fits, `high` does not.
  local function fit(text, from, to, room, width_of)
    local low, high = text_field.after(text, from), to
    while true do
      local middle = (low + high) // 2
      while middle > low and text:byte(middle + 1) & 0xC0 == 0x80 do middle = middle - 1 end
      if middle <= low then
        middle = text_field.after(text, low)
        if middle >= high then return low end
      end
      if width_of(text:sub(from + 1, middle)) <= room then low = middle else high = middle end
    end
  end

  local function break_at(text, from, stop, last)
    if text:byte(stop + 1) ~= SPACE then
      for offset = stop, from + 1, -1 do
        if text:byte(offset) == SPACE then return offset end
      end
    end
    while stop < last and text:byte(stop + 1) == SPACE do stop = stop + 1 end
    return stop
  end

  local function break_paragraph(text, from, to, room, width_of, lines)
    while from < to and width_of(text:sub(from + 1, to)) > room and text_field.after(text, from) < to do
      local stop = break_at(text, from, fit(text, from, to, room, width_of), to)
      lines[#lines + 1] = { from, stop }
      from = stop
      if from >= to then return end
    end
    lines[#lines + 1] = { from, to }
  end

  --- The lines of a text in `room` pixels.
  function M.lines(text, room, width_of)
    local lines, from = {}, 0
    while true do
      local at = text:find("\n", from + 1, true)
      break_paragraph(text, from, at and at - 1 or #text, room, width_of, lines)
      if not at then return lines end
      from = at
    end
  end

  --- The number of the line that an offset is on.
  function M.number_at(lines, offset)
    for i = #lines, 1, -1 do
      if lines[i][1] <= offset then return i end
    end
    return 1
  end

  --- The offset in text:sub(from + 1, to) that is nearest to `x` pixels.
  function M.offset_at(text, from, to, x, width_of)
    if x <= 0 or from >= to then return from end
    if width_of(text:sub(from + 1, to)) <= x then return to end
    local low = from
    local first = text_field.after(text, from)
    if first < to and width_of(text:sub(from + 1, first)) <= x then low = fit(text, from, to, x, width_of) end
    local high = text_field.after(text, low)
    local left, right = width_of(text:sub(from + 1, low)), width_of(text:sub(from + 1, high))
    return x - left < right - x and low or high
  end

  --- The same, but for lines that another follows: the offset behind a break belongs to the next line.
  function M.offset_on(text, lines, number, x, width_of)
    local line = lines[number]
    local offset = M.offset_at(text, line[1], line[2], x, width_of)
    local following = lines[number + 1]
    if following and following[1] == offset and offset > line[1] then return text_field.before(text, offset) end
    return offset
  end

  return M
end
