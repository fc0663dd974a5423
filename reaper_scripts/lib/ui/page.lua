-- The page of the gfx window: the widgets of a frame as records, where they are, how far they are scrolled, and whether
-- anything is another than in the last frame.
--
-- A record is { kind, id, label, value, text, share, same_line, is_disabled, is_primary, hint, line_count } and, for text
-- fields, `state` (ui/fields); the layout adds its places.

return function(import)
  local draw = import("ui/draw")
  local fields = import("ui/fields")
  local layout = import("ui/layout")
  local colours = import("ui/colours")
  local paint = import("ui/paint")
  local M = {}
  local px = draw.px

  local BAR = 10 -- the room of the scroll bar
  M.SCROLL_BAR = "\0scroll" -- what is under the mouse there
  local EDITED = { line_edit = true, text_edit = true }
  local INTERACTIVE = { button = true, checkbox = true, choice = true, slider = true, section = true, line_edit = true, text_edit = true }
  local FIELDS = { "kind", "id", "label", "value", "text", "share", "same_line", "is_disabled", "is_primary", "hint", "line_count" }

  local records, count, painted, by_id = {}, 0, 0, {}
  local width, height, scroll, tall, same_line = -1, -1, 0, 0, false

  --- Forget everything.
  function M.reset()
    count, painted, by_id, width, height, scroll, tall = 0, 0, {}, -1, -1, 0, 0
    M.is_dirty, M.is_animated = true, false
  end

  --- What the next record says; empty after each.
  M.wanted = {}

  --- A frame begins.
  function M.begin() count, same_line = 0, false end

  --- The next record goes into the row of the last.
  function M.same_line() same_line = count > 0 end

  --- Take the next record from `wanted`, and note whether it says something else than in the last frame.
  function M.put()
    local wanted = M.wanted
    count = count + 1
    local r = records[count]
    if not r then
      r = {}
      records[count] = r
    end
    wanted.same_line, same_line = same_line, false
    for i = 1, #FIELDS do
      local field = FIELDS[i]
      if r[field] ~= wanted[field] then
        if field == "kind" then r.cx, r.cy, r.state = nil, nil, nil end
        r[field], M.is_dirty = wanted[field], true
      end
      wanted[field] = nil
    end
    return r
  end

  --- The record of a widget that the last frame showed, or nil.
  function M.find(id) return by_id[id] end

  --- Whether a record is a text field.
  function M.is_field(r) return r ~= nil and EDITED[r.kind] == true end

  --- The inside of a text field, in the window.
  function M.box_of(id)
    local r = by_id[id]
    return r and paint.box_of(r, r.cy - scroll)
  end

  --- Where a menu of a widget opens: its left lower corner.
  function M.corner_of(id)
    local r = by_id[id]
    return r.cx, r.cy - scroll + r.ch
  end

  --- The text field that follows (or precedes) another on the page, from its end back to its beginning.
  function M.field_beside(id, by)
    local ids, at = {}, 0
    for i = 1, painted do
      if EDITED[records[i].kind] then ids[#ids + 1] = records[i].id end
      if records[i].id == id then at = #ids end
    end
    return ids[(at - 1 + by) % #ids + 1]
  end

  local function has_bar() return tall > height end

  --- The id of what the mouse is on, or nil.
  function M.under(x, y)
    if x < 0 or y < 0 or x >= width or y >= height then return nil end
    if has_bar() and x >= width - px(BAR) then return M.SCROLL_BAR end
    y = y + scroll
    for i = 1, painted do
      local r = records[i]
      if INTERACTIVE[r.kind] and not r.is_disabled and r.cx and x >= r.cx and x < r.cx + r.cw and y >= r.cy and y < r.cy + r.ch then
        return r.id
      end
    end
  end

  --- How many pixels are above the window.
  function M.offset() return scroll end

  --- Scroll to a place, as far as the page goes.
  function M.scroll_to(value)
    local limited = math.floor(math.max(0, math.min(value, tall - height)))
    if limited ~= scroll then scroll, M.is_dirty = limited, true end
  end

  --- How far the page goes for a pixel of its bar.
  function M.scroll_ratio() return tall / height end

  --- Scroll so that a widget is in sight.
  function M.reveal(id)
    local r = by_id[id]
    M.scroll_to(math.min(math.max(scroll, r.y + r.h + px(layout.MARGIN) - height), r.y - px(layout.MARGIN)))
  end

  local function note_size()
    local scale = math.max(1, gfx.ext_retina or 1)
    if scale == draw.scale and gfx.w == width and gfx.h == height then return end
    if scale ~= draw.scale or width < 0 then draw.set_scale(scale) end
    width, height, M.is_dirty = gfx.w, gfx.h, true
    fields.forget_lines()
  end

  --- A frame ends: note what became another one than in the last.
  function M.finish()
    note_size()
    if count ~= painted then M.is_dirty = true end
  end

  --- Give all widgets their places.
  function M.arrange()
    local bar = has_bar() and px(BAR) or 0 -- as last time, so that texts need no other lines
    tall = layout.arrange(records, count, width - bar)
    if bar > 0 and tall <= height then
      bar = 0
      tall = layout.arrange(records, count, width)
    end
    if bar == 0 and tall > height then tall = layout.arrange(records, count, width - px(BAR)) end
    painted, by_id, M.is_animated = count, {}, false
    for i = 1, count do
      local r = records[i]
      M.is_animated = M.is_animated or paint.is_animated(r)
      if r.id and r.cx then
        if by_id[r.id] then error("two widgets have the id " .. r.id) end
        by_id[r.id] = r
      end
    end
    M.scroll_to(scroll)
  end

  --- Draw everything; `scene`: see ui_paint.
  function M.paint(scene)
    paint.paint(records, count, scroll, scene)
    if not has_bar() then return end
    local high = math.max(px(20), math.floor(height * height / tall))
    local y = math.floor((height - high) * scroll / (tall - height))
    draw.round(width - px(8), y, px(5), high, px(2), scene.lit == M.SCROLL_BAR and colours.scroll_lit or colours.scroll)
  end

  return M
end
