-- Text that fits a width in pixels: cut short or in several lines. Measuring is slow, so what was fitted is kept until
-- `forget`: when the fonts or the window change. The font of a text is set by the caller.

return function()
  local M = {}

  local MOST = 200 -- texts to keep; stages that count up are new texts all the time
  local kept, count = {}, 0

  --- Forget everything that was fitted.
  function M.forget() kept, count = { lines = {}, widths = {} }, 0 end
  M.forget()

  local function keep(kind, text, value)
    if count >= MOST then M.forget() end
    kept[kind] = kept[kind] or {}
    kept[kind][text] = value
    count = count + 1
    return value
  end

  --- The longest beginning that fits, with an ellipsis; whole characters only.
  local function shorten_text(text, room)
    if gfx.measurestr(text) <= room then return text end
    local characters = utf8.len(text)
    local function head(length)
      local stop = characters and utf8.offset(text, length + 1) or length + 1
      return text:sub(1, stop - 1):gsub("%s+$", "") .. "…"
    end
    local low, high = 0, characters or #text
    while low < high do
      local middle = (low + high + 1) // 2
      if gfx.measurestr(head(middle)) <= room then low = middle else high = middle - 1 end
    end
    return head(low)
  end

  --- The text in one line of at most `room` pixels. `kind`: texts in different fonts are kept apart by it.
  function M.cut(kind, text, room)
    local known = kept[kind] and kept[kind][text]
    if known and known[1] == room then return known[2] end
    return keep(kind, text, { room, shorten_text(text, room) })[2]
  end

  --- The width of a text in pixels.
  function M.width(kind, text)
    local widths = kept.widths[kind]
    if widths and widths[text] then return widths[text] end
    local width = gfx.measurestr(text)
    kept.widths[kind] = widths or {}
    kept.widths[kind][text] = width
    count = count + 1
    return width
  end

  --- The text in lines of at most `room` pixels, broken at spaces; a word that is wider is cut.
  function M.lines(text, room)
    local known = kept.lines[text]
    if known and known[1] == room then return known[2] end
    local lines = {}
    for paragraph in text:gmatch("[^\r\n]+") do
      local line = ""
      for word in paragraph:gmatch("%S+") do
        local longer = line == "" and word or line .. " " .. word
        if line ~= "" and gfx.measurestr(longer) > room then
          lines[#lines + 1], line = line, word
        else
          line = longer
        end
      end
      lines[#lines + 1] = line
    end
    for i, line in ipairs(lines) do lines[i] = shorten_text(line, room) end
    return keep("lines", text, { room, lines })[2]
  end

  return M
end
