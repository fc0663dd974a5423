-- The mouse and the keys of the gfx window, once a frame. What they mean for widgets is decided elsewhere.

return function()
  local M = {}

  local LEFT, RIGHT, CTRL, SHIFT, ALT = 1, 2, 4, 8, 16 -- gfx.mouse_cap
  local FLAGS, HAS_FOCUS = 65536, 2 -- gfx.getchar
  local CLOSED, UNICODE, DEL = -1, ("u"):byte(), 127
  local DOUBLE_S, DOUBLE_PX = 0.4, 5

  local NAMES = { [8] = "backspace", [9] = "tab", [13] = "enter", [27] = "escape" }
  local SPECIAL = {
    up = "up", down = "down", left = "left", rght = "right", home = "home", ["end"] = "end",
    pgup = "page_up", pgdn = "page_down", del = "delete",
  }
  for text, name in pairs(SPECIAL) do -- REAPER packs their letters into a number
    local code = 0
    for i = 1, #text do code = code << 8 | text:byte(i) end
    NAMES[code] = name
  end

  local keys, pressed_at, pressed_x, pressed_y
  local was_down, was_right -- nil: nobody knows

  --- What buttons did meanwhile means nothing: one that is held down clicks nothing, one that goes up ends nothing.
  function M.forget_buttons() was_down, was_right, pressed_at = nil, nil, -math.huge end

  --- Begin to listen.
  function M.reset()
    M.forget_buttons()
    keys, pressed_x, pressed_y = {}, 0, 0
    M.x, M.y, M.is_down, M.is_closed, M.has_focus = -1, -1, false, false, false
    M.pressed, M.released, M.right_pressed, M.is_double, M.wheel = false, false, false, false, 0
    M.keys = keys
  end
  M.reset()

  local first_half -- of a character beyond U+FFFF, where the system gives it as a pair

  local function is_first_half(code)
    local point = code & 0xFFFFFF
    if code >> 24 ~= UNICODE or point < 0xD800 or point > 0xDBFF then return false end
    first_half = point
    return true
  end

  local function character_of(code)
    if code >= 32 and code < 256 and code ~= DEL then return utf8.char(code) end -- Ctrl+Backspace types a DEL on Windows as well
    if code >> 24 ~= UNICODE then return nil end
    local point = code & 0xFFFFFF
    if point < 0xDC00 or point > 0xDFFF then return utf8.char(point) end
    return first_half and utf8.char(0x10000 + (first_half - 0xD800) * 0x400 + point - 0xDC00) or nil
  end

  --- A key as { code, name, character, ctrl, shift, alt }: of `name` and `character` at most one; letters with Ctrl have it
  --- as their name, "ctrl+a".
  local function decode(code)
    local cap = gfx.mouse_cap
    local key = { code = code, name = NAMES[code], ctrl = cap & CTRL ~= 0, shift = cap & SHIFT ~= 0, alt = cap & ALT ~= 0 }
    if key.name then return key end
    if code >= 1 and code <= 26 then
      key.name = "ctrl+" .. string.char(96 + code)
    else
      key.character = character_of(code)
      first_half = nil
    end
    return key
  end

  local function poll_keys()
    for i = #keys, 1, -1 do keys[i] = nil end
    while true do
      local code = math.tointeger(gfx.getchar())
      if code == CLOSED then M.is_closed = true end
      if code <= 0 then return end
      if not is_first_half(code) then keys[#keys + 1] = decode(code) end
    end
  end

  --- Look at everything; `now` in seconds.
  function M.poll(now)
    poll_keys()
    M.has_focus = not M.is_closed and gfx.getchar(FLAGS) & HAS_FOCUS ~= 0
    local cap = math.tointeger(gfx.mouse_cap)
    M.x, M.y, M.shift = gfx.mouse_x, gfx.mouse_y, cap & SHIFT ~= 0
    M.is_down = cap & LEFT ~= 0
    M.pressed, M.released = M.is_down and was_down == false, was_down == true and not M.is_down
    M.right_pressed = cap & RIGHT ~= 0 and was_right == false
    was_down, was_right = M.is_down, cap & RIGHT ~= 0
    local is_near = math.abs(M.x - pressed_x) < DOUBLE_PX and math.abs(M.y - pressed_y) < DOUBLE_PX
    M.is_double = M.pressed and is_near and now - pressed_at < DOUBLE_S
    if M.pressed then
      pressed_at, pressed_x, pressed_y = M.is_double and -math.huge or now, M.x, M.y
    elseif M.is_down and not is_near then
      pressed_at = -math.huge -- what was dragged is no first click
    end
    M.wheel = gfx.mouse_wheel
    if M.wheel ~= 0 then gfx.mouse_wheel = 0 end
  end

  return M
end
