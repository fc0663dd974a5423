-- How widgets look. `paint` draws records where the layout put them; it changes none of them.
--
-- A scene says what the mouse and the keyboard are at: { lit, pressed, editing: ids or nil; now: seconds; caret: whether it is
-- shown }.

return function(import)
  local colours = import("ui/colours")
  local draw = import("ui/draw")
  local fields = import("ui/fields")
  local layout = import("ui/layout")
  local text_lines = import("ui/text_lines")
  local M = {}
  local px = draw.px

  local RADIUS = 4
  M.KNOB = 6 -- a slider's, half of its width at 100 %
  local SWEEP_S, SWEEP = 1.6, 0.3 -- a bar without a fraction: a piece of it wanders
  local TONES = { dim = colours.dim, warning = colours.warning, error = colours.error, good = colours.good }
  local ENDED = { done = true, failed = true, cancelled = true, kept = true }

  --- Whether a record looks different from one moment to the next: a bar of which nobody knows how far it is.
  function M.is_animated(r) return r.kind == "progress" and r.value == nil and not ENDED[r.label] end

  local function width_of(text) return (gfx.measurestr(text)) end

  local function paint_label(r, y, height)
    if r.label == "" then return end
    if not r.is_beside then height = px(layout.LABEL) - px(3) end
    draw.line("text", r.label, r.x, y, height, r.label_w - px(8), colours.dim)
  end

  local function paint_lines(lines, x, y, colour)
    draw.font("text")
    draw.ink(colour)
    for i, line in ipairs(lines) do draw.write(line, x, y + (i - 1) * px(layout.LINE) + (px(layout.LINE) - gfx.texth) // 2) end
  end

  local function triangle(x, y, size, points_down)
    if points_down then
      gfx.triangle(x - size, y - size // 2, x + size, y - size // 2, x, y + size // 2 + 1)
    else
      gfx.triangle(x - size // 2, y - size, x - size // 2, y + size, x + size // 2 + 1, y)
    end
  end

  local function border_of(r, scene)
    return scene.editing == r.id and colours.focus or scene.lit == r.id and colours.border_lit or colours.border
  end

  --- The inside of a text field: { x, y, w, h, row }.
  function M.box_of(r, y)
    local inner = px(layout.INNER)
    if r.kind == "text_edit" then
      return { x = r.cx + inner, y = y + inner, w = r.cw - 2 * inner - px(4), h = r.ch - 2 * inner, row = px(layout.LINE) }
    end
    return { x = r.cx + inner, y = y, w = r.cw - 2 * inner, h = r.ch, row = r.ch }
  end

  --- A part of a text with what is selected of it and the caret.
  local function paint_part(model, from, to, box, y, scene, is_edited, has_caret)
    local text, row = model.text, box.row
    local high = math.min(row, px(layout.LINE))
    local top = y + (row - high) // 2
    if is_edited and model.caret ~= model.anchor then
      local first, last = math.min(model.caret, model.anchor), math.max(model.caret, model.anchor)
      if first <= to and last > from then
        local left = width_of(text:sub(from + 1, math.max(first, from)))
        local right = math.min(box.w, width_of(text:sub(from + 1, math.min(last, to))) + (last > to and px(4) or 0))
        draw.box(math.floor(box.x + left), top, math.ceil(right - left), high, colours.selection)
      end
    end
    draw.ink(colours.title)
    local shown = text:sub(from + 1, to):gsub(" +$", "")
    draw.write(shown, box.x, y + (row - gfx.texth) // 2)
    if has_caret and scene.caret then
      local x = math.min(box.w, width_of(text:sub(from + 1, model.caret)))
      draw.box(math.floor(box.x + x), top, math.max(1, px(1.5)), high, colours.focus)
    end
  end

  local function paint_field(r, y, scene)
    local state, is_edited = r.state, scene.editing == r.id
    paint_label(r, y, r.ch)
    local top = y + r.cy - r.y
    local edge = is_edited and math.max(1, px(1.5)) or math.max(1, px(1))
    draw.frame(r.cx, top, r.cw, r.ch, px(RADIUS), border_of(r, scene), colours.field, edge)
    local box, model = M.box_of(r, top), state.model
    draw.font("text")
    if model.text == "" and r.hint and r.hint ~= "" and not is_edited then
      return draw.line("text", r.hint, box.x, box.y, box.row, box.w, colours.dim)
    end
    if not model.has_lines then
      local from, to = fields.visible_part(state, box)
      return paint_part(model, from, to, box, box.y, scene, is_edited, is_edited)
    end
    local lines = fields.lines(state, box.w)
    local rows = math.max(1, box.h // box.row)
    local caret_line = is_edited and text_lines.number_at(lines, model.caret)
    for number = state.top, math.min(#lines, state.top + rows - 1) do
      local line = lines[number]
      paint_part(model, line[1], line[2], box, box.y + (number - state.top) * box.row, scene, is_edited, number == caret_line)
    end
    if #lines > rows then
      local high = math.max(px(10), math.floor(box.h * rows / #lines))
      local by = math.floor((box.h - high) * (state.top - 1) / (#lines - rows))
      draw.round(r.cx + r.cw - px(7), box.y + by, px(3), high, px(1), colours.scroll)
    end
  end

  local function paint_slider(r, y, scene)
    paint_label(r, y, r.ch)
    local top, middle = y + r.cy - r.y, y + r.cy - r.y + r.ch // 2
    draw.font("text")
    draw.ink(r.value and colours.text or colours.dim)
    local w = draw.width("text", r.text)
    if r.is_beside then
      draw.write(r.text, r.x + r.w - w, top + (r.ch - gfx.texth) // 2)
    else
      draw.write(r.text, r.x + r.w - w, y + (px(layout.LABEL) - px(3) - gfx.texth) // 2)
    end
    local knob = px(M.KNOB)
    local x, room = r.cx + knob, r.cw - 2 * knob
    local high = px(4)
    draw.round(x, middle - high // 2, room, high, high // 2, colours.track)
    local share = r.share or 0
    local at = math.floor(x + room * share + 0.5)
    if r.share then draw.round(x, middle - high // 2, at - x, high, high // 2, colours.fill) end
    local is_lit = scene.lit == r.id or scene.pressed == r.id
    draw.ink(r.share and (is_lit and colours.on_primary or colours.knob) or colours.border_lit)
    gfx.circle(at, middle, is_lit and knob or knob - px(1), 1, 1)
  end

  local function paint_progress(r, y, scene)
    local high = px(layout.BAR)
    y = y + (r.h - high) // 2
    draw.round(r.x, y, r.w, high, high // 2, colours.track)
    local colour = colours[r.label] or colours.running
    local from, to = 0, 1
    if not ENDED[r.label] then
      if r.value then
        to = math.max(0, math.min(1, r.value))
      else
        from = (1 - SWEEP) * (0.5 - 0.5 * math.cos(2 * math.pi * scene.now / SWEEP_S))
        to = from + SWEEP
      end
    end
    local left, right = math.floor(r.w * from + 0.5), math.floor(r.w * to + 0.5)
    if right > left then draw.round(r.x + left, y, right - left, high, high // 2, colour) end
  end

  local function paint_check(x, y, size)
    draw.ink(colours.on_primary)
    for by = 0, math.max(1, px(1.5)) - 1 do
      gfx.line(x + size * 0.22, y + size * 0.5 + by, x + size * 0.42, y + size * 0.7 + by, 1)
      gfx.line(x + size * 0.42, y + size * 0.7 + by, x + size * 0.78, y + size * 0.28 + by, 1)
    end
  end

  local PAINT = {
    gap = function() end,
    card_end = function() end,
    card_begin = function(r, y) draw.round(r.x, y, r.w, r.h, px(6), colours.card) end,
    title = function(r, y) draw.line("title", r.label, r.x, y, r.h, r.w, colours.title) end,
    text = function(r, y) paint_lines(r.lines, r.x, y, TONES[r.value] or colours.text) end,
    progress = paint_progress,
    slider = paint_slider,
    line_edit = paint_field,
    text_edit = paint_field,
    button = function(r, y, scene)
      local is_lit = scene.lit == r.id or scene.pressed == r.id
      local colour, ink = is_lit and colours.button_lit or colours.button, colours.title
      if r.is_disabled then
        colour, ink = colours.button_disabled, colours.disabled
      elseif r.is_primary then
        colour, ink = is_lit and colours.primary_lit or colours.primary, colours.on_primary
      end
      draw.round(r.x, y, r.w, r.ch, px(RADIUS), colour)
      local w = math.min(draw.width("text", r.label), r.w - px(8))
      draw.line("text", r.label, r.x + (r.w - w) // 2, y, r.ch, r.w - px(8), ink)
    end,
    checkbox = function(r, y, scene)
      local size, line = px(layout.BOX), px(layout.LINE)
      local first = y + math.max(0, (r.h - math.max(1, #r.lines) * line) // 2)
      local top = first + (line - size) // 2
      if r.value then
        draw.round(r.x, top, size, size, px(3), scene.lit == r.id and colours.primary_lit or colours.primary)
        paint_check(r.x, top, size)
      else
        draw.frame(r.x, top, size, size, px(3), border_of(r, scene), colours.field)
      end
      paint_lines(r.lines, r.x + size + px(8), first, colours.text)
    end,
    choice = function(r, y, scene)
      paint_label(r, y, r.ch)
      local top = y + r.cy - r.y
      draw.frame(r.cx, top, r.cw, r.ch, px(RADIUS), border_of(r, scene), scene.lit == r.id and colours.line or colours.card)
      draw.line("text", r.text, r.cx + px(8), top, r.ch, r.cw - px(30), colours.title)
      draw.ink(colours.dim)
      triangle(r.cx + r.cw - px(13), top + r.ch // 2, px(4), true)
    end,
    section = function(r, y, scene)
      y = y + px(4)
      draw.box(r.x, y, r.w, math.max(1, px(1)), colours.line)
      local is_lit = scene.lit == r.id
      draw.ink(is_lit and colours.title or colours.dim)
      triangle(r.x + px(5), y + (r.h - px(4)) // 2 + px(1), px(4), r.value)
      draw.line("title", r.label, r.x + px(16), y + px(1), r.h - px(5), r.w - px(16), is_lit and colours.on_primary or colours.title)
    end,
  }

  --- Draw the records of a page that is scrolled by `scroll` pixels.
  function M.paint(records, count, scroll, scene)
    draw.box(0, 0, gfx.w, gfx.h, colours.background)
    for i = 1, count do
      local r = records[i]
      local y = r.y and r.y - scroll
      if y and r.h and y + r.h >= 0 and y <= gfx.h then PAINT[r.kind](r, y, scene) end
    end
  end

  return M
end
