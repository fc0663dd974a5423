-- The job window: a row for every job, with its title, a bar, what happens now, and a button that cancels it.
--
-- A row is { id, title, state, stage, fraction, note, remedy, button }; `button`: "log", for a row
-- that has ended; those that have not have one that cancels. Sizes are in pixels at 100 % and grow with the screen's
-- scale. A frame is drawn when something changed, and every 0.1 s while a bar has no fraction to show.

return function(import)
  local text_fit = import("text_fit")
  local M = {}

  local SECTION, KEY = "AceBridge", "window_place" -- "dock width height"
  local WIDTH, HEIGHT = 460, 220
  local MARGIN, GAP, LINE, BAR, BUTTON_W, BUTTON_H = 14, 6, 19, 6, 68, 24
  local FONT, TITLE_FONT, TEXT_FONT, TITLE_SIZE, TEXT_SIZE = "Arial", 1, 2, 16, 14
  local BOLD = ("b"):byte()
  local FRAME_S = 0.1
  local SWEEP_S, SWEEP = 1.6, 0.3 -- a bar without a fraction: a piece of it wanders
  local ESCAPE, CLOSED, LEFT = 27, -1, 1
  local ENDED = { done = true, failed = true, cancelled = true, kept = true }
  local NO_JOBS = "No jobs. This window closes with Escape."

  local function colour(hex)
    return { (hex >> 16) / 255, (hex >> 8 & 255) / 255, (hex & 255) / 255 }
  end
  local BACKGROUND, CARD, TRACK = colour(0x1e2024), colour(0x292c32), colour(0x3a3e46)
  local TITLE, TEXT = colour(0xf1f3f5), colour(0xb4bac4)
  local BUTTON, BUTTON_LIT = colour(0x454a54), colour(0x5c6370)
  local BARS = { done = colour(0x2fb344), failed = colour(0xe5484d), cancelled = colour(0x6b7280), kept = colour(0xe0a526) }
  local RUNNING = colour(0x4c8dff)

  local FIELDS = { "id", "title", "state", "stage", "fraction", "note", "remedy", "button" }
  local CAPTIONS = { cancel = "Cancel", log = "Log" }
  local open, scale, width, height = false, 1, 0, 0
  local place, drawn, drawn_rows, drawn_at, animated = nil, {}, -1, -math.huge, false
  local buttons, button_count, lit, was_down = {}, 0, nil, true
  local scroll, tall = 0, 0
  local cancelled = {} -- ids whose button was pressed

  local function px(value) return math.floor(value * scale + 0.5) end

  local function ink(rgb) gfx.set(rgb[1], rgb[2], rgb[3], 1) end

  local function set_fonts()
    gfx.setfont(TITLE_FONT, FONT, px(TITLE_SIZE), BOLD)
    gfx.setfont(TEXT_FONT, FONT, px(TEXT_SIZE))
    text_fit.forget()
  end

  local function write(text, x, y)
    gfx.x, gfx.y = x, y
    gfx.drawstr(text)
  end

  local function inside(button)
    return gfx.mouse_x >= button.x and gfx.mouse_x < button.x + button.w
      and gfx.mouse_y >= button.y and gfx.mouse_y < button.y + button.h
  end

  local function under_mouse()
    for i = 1, button_count do
      if inside(buttons[i]) then return buttons[i].id, buttons[i].event end
    end
  end

  local function draw_button(id, event, x, y)
    if event == "cancel" and cancelled[id] then
      ink(TEXT)
      return write("Stopping", x, y + (px(BUTTON_H) - gfx.texth) // 2)
    end
    button_count = button_count + 1
    local button = buttons[button_count] or {}
    buttons[button_count] = button
    button.event, button.id, button.x, button.y, button.w, button.h = event, id, x, y, px(BUTTON_W), px(BUTTON_H)
    ink(inside(button) and BUTTON_LIT or BUTTON)
    gfx.rect(x, y, button.w, button.h, 1)
    ink(TITLE)
    local w, h = gfx.measurestr(CAPTIONS[event])
    write(CAPTIONS[event], x + (button.w - w) // 2, y + (button.h - h) // 2)
  end

  local function draw_bar(row, x, y, w, now)
    ink(TRACK)
    gfx.rect(x, y, w, px(BAR), 1)
    ink(BARS[row.state] or RUNNING)
    if ENDED[row.state] then
      gfx.rect(x, y, w, px(BAR), 1)
    elseif row.fraction then
      gfx.rect(x, y, math.floor(w * math.max(0, math.min(1, row.fraction)) + 0.5), px(BAR), 1)
    else
      animated = true
      local piece = w * SWEEP
      gfx.rect(math.floor(x + (w - piece) * (0.5 - 0.5 * math.cos(2 * math.pi * now / SWEEP_S))), y, math.floor(piece), px(BAR), 1)
    end
  end

  local function has_text(value) return value ~= nil and value ~= "" end

  --- What a row says below its bar: one line while it runs, as many as it takes afterwards.
  local function words(row, room)
    gfx.setfont(TEXT_FONT)
    local first, second = row.stage, row.note
    if ENDED[row.state] then first, second = row.note, row.remedy end
    local text = has_text(first) and has_text(second) and first .. (ENDED[row.state] and "\n" or ", ") .. second
      or has_text(first) and first or has_text(second) and second or row.state
    if ENDED[row.state] then return text_fit.lines(text, room) end
    return nil, text_fit.cut("text", text, room)
  end

  --- Draw a row at `y`; returns its height.
  local function draw_row(row, y, now)
    local x, w, pad = px(MARGIN), width - 2 * px(MARGIN), px(MARGIN) - px(4)
    local inner = w - 2 * pad
    local lines, line = words(row, inner)
    local high = pad + px(BUTTON_H) + px(GAP) + px(BAR) + px(GAP) + (lines and #lines or 1) * px(LINE) + pad
    if y + high < 0 or y > height then return high end
    ink(CARD)
    gfx.rect(x, y, w, high, 1)
    local top = y + pad
    local event = ENDED[row.state] and row.button or not ENDED[row.state] and "cancel"
    if event then
      gfx.setfont(TEXT_FONT)
      draw_button(row.id, event, x + w - pad - px(BUTTON_W), top)
    end
    gfx.setfont(TITLE_FONT)
    ink(TITLE)
    write(text_fit.cut("title", row.title, inner - (event and px(BUTTON_W) + px(GAP) or 0)), x + pad, top + (px(BUTTON_H) - gfx.texth) // 2)
    top = top + px(BUTTON_H) + px(GAP)
    draw_bar(row, x + pad, top, inner, now)
    top = top + px(BAR) + px(GAP)
    gfx.setfont(TEXT_FONT)
    ink(TEXT)
    if not lines then write(line, x + pad, top) end
    for i, text in ipairs(lines or {}) do write(text, x + pad, top + (i - 1) * px(LINE)) end
    return high
  end

  local function paint(rows, now)
    button_count, animated = 0, false
    ink(BACKGROUND)
    gfx.rect(0, 0, width, height, 1)
    local y = px(MARGIN) - scroll
    for _, row in ipairs(rows) do y = y + draw_row(row, y, now) + px(GAP) end
    tall = y + scroll + px(MARGIN) - px(GAP)
    if #rows == 0 then
      gfx.setfont(TEXT_FONT)
      ink(TEXT)
      write(text_fit.cut("text", NO_JOBS, width - 2 * px(MARGIN)), px(MARGIN), px(MARGIN))
    end
  end

  --- Whether the rows say something else than what is drawn; notes what they say.
  local function rows_changed(rows)
    local any = #rows ~= drawn_rows
    drawn_rows = #rows
    for i, row in ipairs(rows) do
      local old = drawn[i] or {}
      drawn[i] = old
      for _, field in ipairs(FIELDS) do
        if old[field] ~= row[field] then old[field], any = row[field], true end
      end
    end
    return any
  end

  local function size_changed()
    local now_scale = math.max(1, gfx.ext_retina or 1)
    if now_scale == scale and gfx.w == width and gfx.h == height then return false end
    scale, width, height = now_scale, gfx.w, gfx.h
    set_fonts()
    return true
  end

  local function scroll_changed()
    local by = gfx.mouse_wheel or 0
    gfx.mouse_wheel = 0
    local before = scroll
    scroll = math.max(0, math.min(scroll - px(by / 4), tall - height))
    return scroll ~= before
  end

  --- Where the window is, in the system's units: gfx.w counts pixels, gfx.init takes points on some systems.
  local function note_place()
    local dock, _, _, w, h = gfx.dock(-1, 0, 0, 0, 0)
    if not w or w <= 0 or h <= 0 then return end
    if dock & 1 == 1 and place then w, h = place[2], place[3] end -- a docker's size is not the window's
    place = { dock, w, h }
  end

  local ARRANGE = 1 -- SetCursorContext
  local ACTIONS = { [(" "):byte()] = 40044, [26] = 40029 } -- Space: Transport: Play/stop; Ctrl+Z: Edit: Undo

  --- A key that was meant for REAPER: do what it does there, and give the keyboard back.
  local function pass_on(key)
    if ACTIONS[key] then reaper.Main_OnCommand(ACTIONS[key], 0) end
    reaper.SetCursorContext(ARRANGE, nil)
  end

  --- Open the window where and as large as it was last.
  function M.open(title)
    local dock, w, h = reaper.GetExtState(SECTION, KEY):match("^(%d+) (%d+) (%d+)$")
    place = dock and { math.tointeger(dock), math.tointeger(w), math.tointeger(h) } or nil
    gfx.ext_retina = 1 -- asks for real pixels; REAPER answers with the screen's scale
    gfx.init(title, place and place[2] or WIDTH, place and place[3] or HEIGHT, place and place[1] or 0)
    if not place and gfx.ext_retina > 1 and reaper.GetOS():match("^Win") then -- Windows counts a window's size in pixels
      gfx.init("", math.floor(WIDTH * gfx.ext_retina), math.floor(HEIGHT * gfx.ext_retina))
    end
    reaper.SetCursorContext(ARRANGE, nil) -- the keyboard stays with the arrange view: somebody is about to press Play
    gfx.clear = 0x24201e -- the background, blue first
    open, was_down, lit, scroll, tall = true, true, nil, 0, 0 -- a button that is held down already clicks nothing
    width, drawn_rows, cancelled = -1, -1, {}
  end

  --- Draw the rows and hear the person, once a tick: nil, { "cancel" or "log", id } or { "close" }.
  function M.draw(rows)
    if not open then return nil end
    local key = gfx.getchar()
    while key > 0 and key ~= ESCAPE do
      pass_on(key)
      key = gfx.getchar()
    end
    if key == ESCAPE or key == CLOSED then return { "close" } end

    local now = reaper.time_precise()
    local down = gfx.mouse_cap & LEFT == LEFT
    local hit, event = under_mouse()
    local dirty = rows_changed(rows)
    if size_changed() or scroll_changed() or hit ~= lit then dirty = true end
    lit = hit
    if dirty or (animated and now - drawn_at >= FRAME_S) then
      paint(rows, now)
      gfx.update()
      drawn_at = now
      note_place()
    end
    local pressed = down and not was_down
    was_down = down
    if not pressed or hit == nil then return nil end
    if event == "cancel" then
      cancelled[hit] = true
      width = -1 -- draw again: the button disappeared
    end
    return { event, hit }
  end

  --- Close the window and keep its place. Closing twice does no harm.
  function M.close()
    if not open then return end
    open = false
    if place then reaper.SetExtState(SECTION, KEY, ("%d %d %d"):format(place[1], place[2], place[3]), true) end
    gfx.quit()
  end

  return M
end
