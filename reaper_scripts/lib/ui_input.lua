-- The mouse and the keys of the gfx window, once a frame. What they mean for widgets is decided elsewhere.

return function()
  local M = {}

  local LEFT, RIGHT, CTRL, SHIFT, ALT = 1, 2, 4, 8, 16 -- gfx.mouse_cap
  local FLAGS, HAS_FOCUS = 65536, 2 -- gfx.getchar
  local CLOSED, UNICODE = -1, ("u"):byte()
  local DOUBLE_S, DOUBLE_PX = 0.4, 5

  local NAMES = { [8] = "backspace", [9] = "tab", [13] = "enter", [27] = "escape", [127] = "backspace" }
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
  local was_down, was_right

  --- Begin to listen: a button that is held down already clicks nothing.
  function M.reset()
    keys, was_down, was_right, pressed_at, pressed_x, pressed_y = {}, true, true, -math.huge, 0, 0
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
    if code >= 32 and code < 256 then return utf8.char(code) end
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
    if code == 127 then key.ctrl = true end -- Ctrl+Backspace on Windows
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
    M.pressed, M.released = M.is_down and not was_down, was_down and not M.is_down
    M.right_pressed = cap & RIGHT ~= 0 and not was_right
    was_down, was_right = M.is_down, cap & RIGHT ~= 0
    M.is_double = false
    if M.pressed then
      local is_near = math.abs(M.x - pressed_x) < DOUBLE_PX and math.abs(M.y - pressed_y) < DOUBLE_PX
      M.is_double = is_near and now - pressed_at < DOUBLE_S
      pressed_at, pressed_x, pressed_y = M.is_double and -math.huge or now, M.x, M.y
    end
    M.wheel = gfx.mouse_wheel
    if M.wheel ~= 0 then gfx.mouse_wheel = 0 end
  end

  return M
end
