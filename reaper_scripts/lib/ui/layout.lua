-- Where widgets are: rows from top to bottom, as wide as the window; labels beside their widgets, or above them where it is
-- narrow. A record (ui/gfx) gets x, y, w, h of all of it; cx, cy, cw, ch of the part that takes the mouse; `lines`, a text that
-- was wrapped. Positions count from the top of the page, not of the window.

return function(import)
  local draw = import("ui/draw")
  local sizes = import("ui/sizes")
  local text_fit = import("ui/text_fit")
  local M = {}
  local px = draw.px

  -- Sizes at 100 %
  M.MARGIN, M.PAD, M.LINE, M.LABEL, M.VALUE = 12, 10, 19, 20, 56
  M.CONTROL, M.BOX, M.BAR, M.INNER = 26, 16, 6, 7
  local GAP, TITLE, SECTION, EXTRA, ROW_GAP = 7, 24, 32, 9, 8
  local BUTTON_LEAST, BUTTON_PAD = 60, 12
  local WIDEST = 680

  local function set_control(r, x, y, w, h) r.cx, r.cy, r.cw, r.ch = x, y, w, h end

  local function wrap(r, room)
    draw.font("text")
    r.lines = text_fit.lines(r.label, room)
    return math.max(1, #r.lines) * px(M.LINE)
  end

  --- A label and a control of `height`: side by side where `room`, the width of the row, is enough, else one above the other.
  --- Returns the height of both. A `room` of 0: there are others in the row.
  local function place_labelled(r, x, y, w, height, room)
    local column = math.min(px(sizes.label_most), math.floor(room * sizes.label_share))
    r.is_beside = r.label ~= "" and room >= px(sizes.beside_from) and w - column >= px(sizes.least)
    if r.is_beside then
      r.label_w = column
      set_control(r, x + r.label_w, y, w - r.label_w, height)
      return height
    end
    r.label_w = w
    local top = r.label ~= "" and px(M.LABEL) or 0
    set_control(r, x, y + top, w, height)
    return top + height
  end

  local function place_control(r, x, y, w, room) return place_labelled(r, x, y, w, px(M.CONTROL), room) end

  --- What a kind does with its room: sets the control, returns the height.
  local PLACE = {
    title = function() return px(TITLE) end,
    text = function(r, _, _, w) return wrap(r, w) end,
    gap = function() return px(EXTRA) end,
    progress = function() return px(M.BAR) + 2 * px(3) end,
    button = function(r, x, y, w)
      set_control(r, x, y, w, px(M.CONTROL))
      return px(M.CONTROL)
    end,
    checkbox = function(r, x, y, w)
      local h = math.max(px(M.CONTROL) - px(4), wrap(r, w - px(M.BOX) - px(8)))
      set_control(r, x, y, w, h)
      return h
    end,
    section = function(r, x, y, w)
      set_control(r, x, y, w, px(SECTION))
      return px(SECTION)
    end,
    choice = place_control,
    line_edit = place_control,
    slider = function(r, x, y, w, room)
      local h = place_labelled(r, x, y, w, px(M.CONTROL) - px(4), room)
      if r.is_beside then r.cw = r.cw - px(M.VALUE) end
      return h
    end,
    text_edit = function(r, x, y, w)
      local top = r.label ~= "" and px(M.LABEL) or 0
      local h = r.line_count * px(M.LINE) + 2 * px(M.INNER)
      set_control(r, x, y + top, w, h)
      r.is_beside, r.label_w = false, w
      return top + h
    end,
  }

  --- The width that a button or a checkbox takes; nil for what takes the rest of its row.
  local function natural_width(r)
    if r.kind == "button" then
      return math.max(px(BUTTON_LEAST), math.ceil(draw.width("text", r.label)) + 2 * px(BUTTON_PAD))
    elseif r.kind == "checkbox" then
      return px(M.BOX) + px(8) + math.ceil(draw.width("text", r.label)) + px(4)
    end
  end

  local CARD = { card_begin = true, card_end = true }
  local CENTRED = { text = true, title = true, progress = true, checkbox = true }

  --- Put records first..last beside each other; nil if there is no room.
  local function place_beside(records, first, last, x, y, room)
    local gap, natural, flexible = px(ROW_GAP), 0, 0
    for i = first, last do
      local w = natural_width(records[i])
      records[i].w = w
      natural = natural + (w or 0)
      if not w then flexible = flexible + 1 end
    end
    local left = room - natural - gap * (last - first)
    if left < 0 or (flexible > 0 and left // flexible < px(sizes.least)) then return nil end
    local high, above = 0, 0 -- of the row, of labels above their widgets
    for i = first, last do
      local r = records[i]
      r.w = r.w or math.floor(left / flexible)
      r.x, r.y, r.is_beside = x, y, nil
      r.h = PLACE[r.kind](r, x, y, r.w, i == first and flexible == 1 and room or 0)
      high = math.max(high, r.h)
      if r.is_beside == false and r.label ~= "" then above = px(M.LABEL) end
      x = x + r.w + gap
    end
    for i = first, last do
      local r = records[i]
      local by = CENTRED[r.kind] and above + (high - above - r.h) // 2 or high - r.h
      r.y = r.y + by
      if r.cy then r.cy = r.cy + by end
    end
    return high
  end

  --- Put records first..last below each other, buttons as far as they fit beside each other. Returns the height.
  local function place_below(records, first, last, x, y, room)
    local top, i = y, first
    while i <= last do
      local stop = i
      while stop < last and records[stop].kind == "button" and records[stop + 1].kind == "button"
        and place_beside(records, i, stop + 1, x, y, room) do
        stop = stop + 1
      end
      local r, high = records[i], nil
      if stop > i then
        high = place_beside(records, i, stop, x, y, room)
      else
        r.x, r.y, r.w = x, y, math.min(natural_width(r) or room, room)
        r.h = PLACE[r.kind](r, x, y, r.w, room)
        high = r.h
      end
      y = y + high + px(GAP)
      i = stop + 1
    end
    return y - top - px(GAP)
  end

  --- Give all records their places in a window that is `width` pixels wide. Returns the height of the page.
  function M.arrange(records, count, width)
    local x, y = px(M.MARGIN), px(M.MARGIN)
    local room, cards = math.max(px(40), math.min(width - 2 * x, px(WIDEST))), {}
    local i = 1
    while i <= count do
      local r = records[i]
      if r.kind == "card_begin" then
        cards[#cards + 1] = r
        r.x, r.y, r.w = x, y, room
        x, y, room = x + px(M.PAD), y + px(M.PAD), room - 2 * px(M.PAD)
        i = i + 1
      elseif r.kind == "card_end" then
        local card = table.remove(cards) or error("ui.card_end without ui.card_begin")
        y = y - px(GAP) + px(M.PAD)
        card.h = y - card.y
        x, y, room = card.x, y + px(GAP), card.w
        i = i + 1
      else
        local last = i
        while last < count and records[last + 1].same_line and not CARD[records[last + 1].kind] do last = last + 1 end
        local high = last > i and place_beside(records, i, last, x, y, room)
        y = y + (high or place_below(records, i, last, x, y, room)) + px(GAP)
        i = last + 1
      end
    end
    if #cards > 0 then error("ui.card_begin without ui.card_end: " .. tostring(cards[1].id)) end
    return y - px(GAP) + px(M.MARGIN)
  end

  return M
end
