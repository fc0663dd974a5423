-- Widgets in a window of REAPER's own gfx, in immediate mode: say every widget in every frame, between `begin` and `finish`.
-- A frame in which nothing changed draws nothing. The keyboard stays with the arrange view but while a text is edited.

return function(import)
  local colours = import("ui/colours")
  local draw = import("ui/draw")
  local fields = import("ui/fields")
  local input = import("ui/input")
  local keyboard = import("ui/keyboard")
  local numbers = import("ui/numbers")
  local page = import("ui/page")
  local paint = import("ui/paint")
  local place = import("ui/place")
  local M = {}
  local px, wanted, put = draw.px, page.wanted, page.put

  local FRAME_S, BLINK_S = 0.1, 0.5
  local WHEEL_STEP, WHEEL_PX, WHEEL_REST_S = 120, 40, 0.4
  local REST_S = 0.15 -- who drags the window by its title keeps still no longer

  local open, drawn_at, caret_at, had_focus, open_sections = false, -math.huge, 0, false, {}
  local lit, pressed, clicked, reset, turned -- ids: under the mouse, held, clicked, set to its default, turned by the wheel
  local drag_at, scrolled_at = nil, -math.huge
  local scene, rest = {}, {}

  local function note_edit() caret_at, page.is_dirty = input.now, true end

  local function edit(id, selected)
    if fields.current() == id then return end
    fields.edit(id, selected)
    note_edit()
    if not id then keyboard.give_back() end
  end

  -- Keys

  local function edit_key(key)
    local id = fields.current()
    local box = page.box_of(id)
    if not box then return edit(nil) end
    local wish = fields.key(key, box)
    note_edit()
    if wish == "stop" then return edit(nil) end
    if wish then
      local other = page.field_beside(id, wish == "next" and 1 or -1)
      edit(other, true)
      fields.reveal(page.find(other).state, page.box_of(other))
      page.reveal(other)
    end
  end

  --- A key that was meant for REAPER: do what it does there, and give the keyboard back.
  local function pass_on(key)
    if key.character == " " then keyboard.play() end
    if key.name == "ctrl+z" then keyboard.undo(key.shift) end
    keyboard.give_back()
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
    local r = page.find(target)
    if page.is_field(r) then
      edit(target)
      fields.press(target, page.box_of(target), input.x, input.y, input.shift, input.is_double)
      fields.reveal(r.state, page.box_of(target))
      note_edit()
    else
      edit(nil)
      keyboard.give_back()
    end
    pressed = target
    if input.is_double and r and (r.kind == "slider" or page.is_field(r)) then -- no drag begins
      pressed, reset = nil, target
    end
    drag_at = target == page.SCROLL_BAR and { input.y, page.offset() } or nil
    page.is_dirty = true
  end

  local function drag()
    if drag_at then return page.scroll_to(drag_at[2] + (input.y - drag_at[1]) * page.scroll_ratio()) end
    if page.is_field(page.find(pressed)) and fields.drag(pressed, page.box_of(pressed), input.x, input.y) then note_edit() end
  end

  --- The wheel goes to what is under the mouse; while the page scrolls, it goes on to scroll.
  local function turn_wheel(target)
    local r = input.now - scrolled_at > WHEEL_REST_S and page.find(target) or nil
    if r and r.kind == "slider" then
      turned = target
      return
    end
    local lines = -math.floor(input.wheel / WHEEL_STEP + 0.5)
    if r and r.kind == "text_edit" and lines ~= 0 and fields.scroll(target, page.box_of(target), lines) then
      page.is_dirty = true
      return
    end
    page.scroll_to(page.offset() - input.wheel * px(WHEEL_PX) / WHEEL_STEP)
    scrolled_at = input.now
  end

  local function release(target)
    if pressed and pressed == target then clicked = pressed end
    if pressed then page.is_dirty = true end
    pressed = nil
    if not fields.current() then keyboard.give_back() end
  end

  --- Show a menu and wait; what is chosen. Buttons that went down or up meanwhile mean nothing.
  local function show_menu(text, x, y)
    gfx.x, gfx.y = x, y
    local number = math.tointeger(gfx.showmenu(text))
    input.forget_buttons()
    return number
  end

  local function press_right(target)
    local r = page.find(target)
    if page.is_field(r) then
      local box = page.box_of(target)
      fields.choose(show_menu(fields.open_menu(target, box, input.x, input.y), input.x, input.y), box)
      return note_edit()
    end
    if r and r.kind == "slider" then reset = target end
    edit(nil)
    keyboard.give_back()
  end

  local function read_mouse()
    local target = page.under(input.x, input.y)
    if input.pressed then press(target) end
    if input.is_down and pressed then drag() end
    if input.released then release(target) end
    if input.right_pressed then press_right(target) end
    if input.wheel ~= 0 then turn_wheel(target) end
    local now_lit = pressed or target
    if now_lit ~= lit then lit, page.is_dirty = now_lit, true end
  end

  --- Whether the window was neither moved nor resized for a moment: then nobody drags it by its title.
  local function rests()
    local x, y = gfx.clienttoscreen(0, 0)
    if x ~= rest.x or y ~= rest.y or gfx.w ~= rest.w or gfx.h ~= rest.h then
      rest.x, rest.y, rest.w, rest.h, rest.since = x, y, gfx.w, gfx.h, input.now
      place.note()
    end
    return input.now - rest.since > REST_S
  end

  --- Give the keyboard back that nobody needs here; end an editing whose keyboard went elsewhere.
  local function watch_focus()
    if not fields.current() then
      had_focus = false
      if not input.has_focus then
        rest.x = nil
      elseif not input.is_down and rests() then
        keyboard.give_back()
      end
    elseif input.has_focus then
      had_focus = true
    elseif had_focus then
      fields.edit(nil)
      had_focus, page.is_dirty = false, true
    end
  end

  -- The window

  --- Open the window where and as large as it was last. An open one only gets the title.
  function M.open(title)
    if open then return gfx.init(title) end
    place.open(title)
    keyboard.give_back() -- somebody is about to press Play
    gfx.clear = (colours.background & 255) << 16 | colours.background & 0xFF00 | colours.background >> 16 -- blue first
    input.reset()
    fields.reset()
    page.reset()
    open, lit, pressed, had_focus, open_sections = true, nil, nil, false, {}
  end

  --- Close the window and keep its place. Closing twice does no harm.
  function M.close()
    if not open then return end
    open = false
    if not input.is_closed then place.note() end
    place.keep()
    gfx.quit()
  end

  --- Begin a frame: hear the person. False when the window was closed.
  function M.begin()
    if not open then return false end
    input.now = reaper.time_precise()
    input.poll(input.now)
    clicked, reset, turned = nil, nil, nil
    page.begin()
    if input.is_closed or read_keys() then return false end
    read_mouse()
    watch_focus()
    return true
  end

  local function is_caret_shown() return (input.now - caret_at) // BLINK_S % 2 == 0 end

  --- End a frame: draw it if it is another one than the last, or if something in it moves.
  function M.finish()
    if not open then return end
    page.finish()
    local editing = fields.current()
    local blinks = editing ~= nil and is_caret_shown() ~= scene.caret
    local moves = page.is_animated and input.now - drawn_at >= FRAME_S
    if not page.is_dirty and not blinks and not moves then return end
    if page.is_dirty then page.arrange() end
    if editing and not page.find(editing) then -- it is shown no more
      edit(nil)
      editing = nil
    end
    scene.lit, scene.pressed, scene.editing, scene.now, scene.caret = lit, pressed, editing, input.now, is_caret_shown()
    page.paint(scene)
    gfx.update()
    place.note()
    page.is_dirty, drawn_at = false, input.now
  end

  -- Widgets

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
  function M.same_line() page.same_line() end

  --- What follows, up to `card_end`, has a background of its own.
  function M.card_begin(id)
    wanted.kind, wanted.id = "card_begin", id
    put()
  end

  function M.card_end()
    wanted.kind = "card_end"
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
    local number = show_menu(menu_text(names, value), page.corner_of(id))
    keyboard.give_back()
    return names[number] or value
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
    local r = page.find(id)
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
