-- Widgets in a window of REAPER's own gfx, in immediate mode: say every widget in every frame, between `begin` and `finish`.
-- A frame in which nothing changed draws nothing. The keyboard stays with the arrange view but while a text is edited.

return function(import)
  local draw = import("ui_draw")
  local fields = import("ui_fields")
  local input = import("ui_input")
  local layout = import("ui_layout")
  local numbers = import("ui_numbers")
  local paint = import("ui_paint")
  local place = import("ui_place")
  local colours = import("ui_colours")
  local M = {}
  local px = draw.px

  local FRAME_S, BLINK_S = 0.1, 0.5
  local ARRANGE = 1 -- SetCursorContext
  local PLAY, UNDO, REDO = 40044, 40029, 40030 -- Transport: Play/stop; Edit: Undo; Edit: Redo
  local WHEEL_STEP, WHEEL_REST_S = 120, 0.4
  local SCROLL_BAR = "\0scroll"
  local EDITED = { line_edit = true, text_edit = true }
  local INTERACTIVE = { button = true, checkbox = true, choice = true, slider = true, section = true, line_edit = true, text_edit = true }

  local open, records, count, painted, by_id, dirty = false, {}, 0, 0, {}, true
  local width, height, scroll, tall, drawn_at, animated = -1, -1, 0, 0, -math.huge, false
  local lit, pressed, clicked, reset, turned, same_line = nil, nil, nil, nil, nil, false
  local drag_at, scrolled_at, caret_at, open_sections = nil, -math.huge, 0, {}
  local scene = {}

  local function give_keyboard_back() reaper.SetCursorContext(ARRANGE, nil) end

  local function edit(id, selected)
    if fields.current() == id then return end
    fields.edit(id, selected)
    caret_at, dirty = input.now, true
    if not id then give_keyboard_back() end
  end

  -- Where things are

  local function has_bar() return tall > height end

  local function limit_scroll(value)
    local limited = math.max(0, math.min(value, tall - height))
    if limited ~= scroll then scroll, dirty = math.floor(limited), true end
  end

  local function is_inside(r, x, y)
    return r.cx and x >= r.cx and x < r.cx + r.cw and y >= r.cy and y < r.cy + r.ch
  end

  local function under_mouse()
    local x, y = input.x, input.y
    if x < 0 or y < 0 or x >= width or y >= height then return nil end
    if has_bar() and x >= width - px(12) then return SCROLL_BAR end
    for i = 1, painted do
      local r = records[i]
      if INTERACTIVE[r.kind] and not r.is_disabled and is_inside(r, x, y + scroll) then return r.id end
    end
  end

  local function box_of(id)
    local r = by_id[id]
    return r and paint.box_of(r, r.cy - scroll)
  end

  --- Scroll so that a widget is in sight.
  local function reveal(r)
    limit_scroll(math.min(math.max(scroll, r.y + r.h + px(layout.MARGIN) - height), r.y - px(layout.MARGIN)))
  end

  --- The text field that follows (or precedes) another on the page, from its end back to its beginning.
  local function field_beside(id, by)
    local ids, at = {}, 0
    for i = 1, painted do
      if EDITED[records[i].kind] then ids[#ids + 1] = records[i].id end
      if records[i].id == id then at = #ids end
    end
    return ids[(at - 1 + by) % #ids + 1]
  end

  -- Keys

  local function edit_key(key)
    local id = fields.current()
    local box = box_of(id)
    if not box then return edit(nil) end
    local wish = fields.key(key, box)
    caret_at, dirty = input.now, true
    if wish == "stop" then return edit(nil) end
    if wish then
      local other = field_beside(id, wish == "next" and 1 or -1)
      edit(other, true)
      fields.reveal(by_id[other].state, box_of(other))
      reveal(by_id[other])
    end
  end

  --- A key that was meant for REAPER: do what it does there, and give the keyboard back.
  local function pass_on(key)
    local action = key.character == " " and PLAY or key.name == "ctrl+z" and (key.shift and REDO or UNDO)
    if action then reaper.Main_OnCommand(action, 0) end
    give_keyboard_back()
  end

  --- Whether Escape closes the window.
  local function read_keys()
    for _, key in ipairs(input.keys) do
      if fields.current() then
        edit_key(key)
      elseif key.name == "escape" then
        return true
      else
        pass_on(key)
      end
    end
    return false
  end

  -- Mouse

  local function press(target)
    local r = by_id[target]
    local is_field = r and EDITED[r.kind]
    if is_field then
      edit(target)
      fields.press(target, box_of(target), input.x, input.y, input.shift, input.is_double)
      fields.reveal(r.state, box_of(target))
      caret_at, dirty = input.now, true
    else
      edit(nil)
      give_keyboard_back()
    end
    if r and r.kind == "slider" and input.is_double then reset = target else pressed = target end
    drag_at = target == SCROLL_BAR and { input.y, scroll } or nil
  end

  local function drag()
    local r = by_id[pressed]
    if drag_at then return limit_scroll(drag_at[2] + (input.y - drag_at[1]) * tall / height) end
    if r and EDITED[r.kind] and fields.drag(pressed, box_of(pressed), input.x, input.y) then
      caret_at, dirty = input.now, true
    end
  end

  --- The wheel goes to what is under the mouse; while the page scrolls, it goes on to scroll.
  local function turn_wheel(target)
    local r = input.now - scrolled_at > WHEEL_REST_S and by_id[target] or nil
    if r and r.kind == "slider" then
      turned = target
      return
    end
    local lines = -math.floor(input.wheel / WHEEL_STEP + 0.5)
    if r and r.kind == "text_edit" and lines ~= 0 and fields.scroll(target, box_of(target), lines) then
      dirty = true
      return
    end
    limit_scroll(scroll - input.wheel * px(40) / WHEEL_STEP)
    scrolled_at = input.now
  end

  local function read_mouse()
    local target = under_mouse()
    if input.pressed then press(target) end
    if input.is_down and pressed then drag() end
    if input.released then
      if pressed and pressed == target then clicked = pressed end
      if pressed then dirty = true end
      pressed = nil
      if not fields.current() then give_keyboard_back() end
    end
    if input.right_pressed then
      if by_id[target] and by_id[target].kind == "slider" then reset = target end
      edit(nil)
      give_keyboard_back()
    end
    if input.wheel ~= 0 then turn_wheel(target) end
    local now_lit = pressed == nil and target or pressed
    if now_lit ~= lit then lit, dirty = now_lit, true end
  end

  -- The window

  --- Open the window where and as large as it was last. An open one only gets the title.
  function M.open(title)
    if open then return gfx.init(title) end
    place.open(title)
    give_keyboard_back() -- somebody is about to press Play
    gfx.clear = (colours.background & 255) << 16 | colours.background & 0xFF00 | colours.background >> 16 -- blue first
    input.reset()
    fields.reset()
    open, count, painted, by_id, dirty = true, 0, 0, {}, true
    width, height, scroll, tall, lit, pressed, open_sections = -1, -1, 0, 0, nil, nil, {}
  end

  --- Close the window and keep its place. Closing twice does no harm.
  function M.close()
    if not open then return end
    open = false
    place.keep()
    gfx.quit()
  end

  --- Begin a frame: hear the person. False when the window was closed.
  function M.begin()
    if not open then return false end
    input.now = reaper.time_precise()
    input.poll(input.now)
    clicked, reset, turned, count, same_line = nil, nil, nil, 0, false
    if input.is_closed then return false end
    if read_keys() then return false end
    read_mouse()
    if input.has_focus and not input.is_down and not fields.current() then give_keyboard_back() end
    return true
  end

  local function size_changed()
    local scale = math.max(1, gfx.ext_retina or 1)
    if scale == draw.scale and gfx.w == width and gfx.h == height then return false end
    if scale ~= draw.scale or width < 0 then draw.set_scale(scale) end
    width, height = gfx.w, gfx.h
    fields.forget_lines()
    return true
  end

  local function arrange()
    tall = layout.arrange(records, count, width)
    if tall > height then tall = layout.arrange(records, count, width - px(10)) end
    painted, by_id, animated = count, {}, false
    for i = 1, count do
      local r = records[i]
      animated = animated or paint.is_animated(r)
      if r.id and r.cx then
        if by_id[r.id] then error("two widgets have the id " .. r.id) end
        by_id[r.id] = r
      end
    end
    limit_scroll(scroll)
  end

  local function paint_scroll_bar()
    if not has_bar() then return end
    local high = math.max(px(20), math.floor(height * height / tall))
    local y = math.floor((height - high) * scroll / (tall - height))
    draw.round(width - px(8), y, px(5), high, px(2), lit == SCROLL_BAR and colours.scroll_lit or colours.scroll)
  end

  local function is_caret_shown() return (input.now - caret_at) // BLINK_S % 2 == 0 end

  --- End a frame: draw it if it is another one than the last, or if something in it moves.
  function M.finish()
    if not open then return end
    if size_changed() or count ~= painted then dirty = true end
    local editing = fields.current()
    local blinks = editing ~= nil and is_caret_shown() ~= scene.caret
    if not dirty and not blinks and not (animated and input.now - drawn_at >= FRAME_S) then return end
    if dirty then arrange() end
    if editing and not by_id[editing] then -- it is shown no more
      edit(nil)
      editing = nil
    end
    scene.lit, scene.pressed, scene.editing, scene.now, scene.caret = lit, pressed, editing, input.now, is_caret_shown()
    paint.paint(records, count, scroll, scene)
    paint_scroll_bar()
    gfx.update()
    place.note()
    dirty, drawn_at = false, input.now
  end

  -- Widgets

  local FIELDS = { "kind", "id", "label", "value", "text", "share", "same_line", "is_disabled", "is_primary", "hint", "line_count" }
  local wanted = {}

  --- Take the next record, and note whether it says something else than in the last frame.
  local function put()
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
        r[field], dirty = wanted[field], true
      end
      wanted[field] = nil
    end
    return r
  end

  --- A heading.
  function M.title(text)
    wanted.kind, wanted.label = "title", text
    put()
  end

  --- A text that wraps; `tone`: "text", "dim", "warning", "error" or "good".
  function M.text(text, tone)
    wanted.kind, wanted.label, wanted.value = "text", text, tone
    put()
  end

  --- Some room.
  function M.gap()
    wanted.kind = "gap"
    put()
  end

  --- The next widget goes into the same row as the last.
  function M.same_line() same_line = count > 0 end

  --- What follows, up to `card_end`, has a background of its own.
  function M.card_begin(id)
    wanted.kind, wanted.id, same_line = "card_begin", id, false
    put()
  end

  function M.card_end()
    wanted.kind, same_line = "card_end", false
    put()
  end

  --- A button; whether it was clicked. Options: disabled, primary.
  function M.button(id, label, options)
    wanted.kind, wanted.id, wanted.label = "button", id, label
    wanted.is_disabled, wanted.is_primary = options and options.disabled or nil, options and options.primary or nil
    local r = put()
    return clicked == id and not r.is_disabled
  end

  local function menu_text(names, value)
    local entries = {}
    for i, name in ipairs(names) do
      name = name:gsub("|", "¦"):gsub("&", "&&"):gsub("^([#!<>])", " %1")
      entries[i] = (names[i] == value and "!" or "") .. name
    end
    return table.concat(entries, "|")
  end

  local function choose_from_menu(id, names, value)
    local r = by_id[id]
    gfx.x, gfx.y = r.cx, r.cy - scroll + r.ch
    local number = gfx.showmenu(menu_text(names, value))
    input.reset()
    give_keyboard_back()
    return names[math.tointeger(number)] or value
  end

  --- One of several names; returns the chosen one.
  function M.choice(id, label, names, value)
    if clicked == id and #names > 0 then value = choose_from_menu(id, names, value) end
    wanted.kind, wanted.id, wanted.label, wanted.text = "choice", id, label, value or ""
    put()
    return value
  end

  --- A box to tick.
  function M.checkbox(id, label, value)
    if clicked == id then value = not value end
    wanted.kind, wanted.id, wanted.label, wanted.value = "checkbox", id, label, value and true or false
    put()
    return value
  end

  local function share_under_mouse(r)
    local knob = px(paint.KNOB)
    return math.max(0, math.min(1, (input.x - r.cx - knob) / math.max(1, r.cw - 2 * knob)))
  end

  --- A number between `low` and `high`; nil: its default. `format`: of string.format, or a function of the number or nil.
  function M.slider(id, label, low, high, value, format)
    local r = by_id[id]
    if reset == id then
      value = nil
    elseif r and pressed == id then
      value = numbers.round(low + (high - low) * share_under_mouse(r), low, high, format)
    elseif r and turned == id then
      value = numbers.turn(value, input.wheel / WHEEL_STEP, low, high, format)
    end
    wanted.kind, wanted.id, wanted.label, wanted.value = "slider", id, label, value
    wanted.text, wanted.share = numbers.text(value, format), numbers.share(value, low, high)
    put()
    return value
  end

  local function text_widget(kind, id, label, text, hint, lines)
    local state = fields.state(id, text, kind == "text_edit")
    wanted.kind, wanted.id, wanted.label, wanted.value = kind, id, label, state.shows
    wanted.hint, wanted.line_count = hint, lines
    put().state = state
    return state.shows
  end

  --- A text of one line; `hint` is shown while it is empty.
  function M.line_edit(id, label, text, hint) return text_widget("line_edit", id, label, text, hint) end

  --- A text of which `lines` lines are in sight.
  function M.text_edit(id, label, text, lines, hint) return text_widget("text_edit", id, label, text, hint, lines) end

  --- A bar; a fraction of nil: nobody knows. States: "running", "done", "failed", "cancelled" and "kept".
  function M.progress(fraction, state)
    wanted.kind, wanted.value, wanted.label = "progress", fraction, state
    put()
  end

  --- A heading that opens and closes what follows; whether it is open.
  function M.section(id, label, open_by_default)
    if open_sections[id] == nil then open_sections[id] = open_by_default and true or false end
    if clicked == id then open_sections[id] = not open_sections[id] end
    wanted.kind, wanted.id, wanted.label, wanted.value = "section", id, label, open_sections[id]
    put()
    return open_sections[id]
  end

  --- Whether a text field has the keyboard.
  function M.is_editing() return fields.current() ~= nil end

  return M
end
