-- The text fields of the gfx window: what is edited, what keys and the mouse do in it, and what of it is in sight.
--
-- A field's state is { model, shows, first, top, lines }: the model (text_field), the text that the caller was given last, the
-- first byte that a line shows, the first line that a text of several lines shows, its lines. `box` is where it is drawn:
-- { x, y, w, h, row } of the inside, `row` the height of a line.

return function(import)
  local draw = import("ui/draw")
  local text_field = import("ui/text_field")
  local text_lines = import("ui/text_lines")
  local M = {}

  local SECTION, CLIPBOARD = "AceBridge", "clipboard"

  local states = {}
  local current -- the id of the field that is edited

  local function width_of(text) return (gfx.measurestr(text)) end

  --- Forget all fields.
  function M.reset() states, current = {}, nil end

  --- The state of a field whose text the caller says is `text`.
  function M.state(id, text, has_lines)
    local state = states[id]
    if not state then
      state = { model = text_field.new(text, has_lines), shows = text, first = 0, top = 1 }
      states[id] = state
    end
    if text ~= state.shows then text_field.set(state.model, text) end
    state.shows = state.model.text
    return state
  end

  --- The id of the field that is edited, or nil.
  function M.current() return current end

  --- Edit a field, with everything selected if it is `selected`; nil: none.
  function M.edit(id, selected)
    if current == id then return end
    local old = current and states[current]
    if old then
      text_field.move(old.model, old.model.caret)
      old.first = 0
    end
    current = id
    if id and selected then text_field.select_all(states[id].model) end
  end

  --- The lines of a field in `room` pixels.
  function M.lines(state, room)
    local text = state.model.text
    if state.lines_text ~= text or state.lines_room ~= room then
      draw.font("text")
      state.lines, state.lines_text, state.lines_room = text_lines.lines(text, room, width_of), text, room
    end
    return state.lines
  end

  --- What wraps or measures differently now is measured again.
  function M.forget_lines()
    for _, state in pairs(states) do state.lines_text = nil end
  end

  local function visible_rows(box) return math.max(1, box.h // box.row) end

  --- Have the caret in sight.
  function M.reveal(state, box)
    local model = state.model
    if model.has_lines then
      local lines, rows = M.lines(state, box.w), visible_rows(box)
      local number = text_lines.number_at(lines, model.caret)
      state.top = math.max(number - rows + 1, math.min(state.top, number))
      state.top = math.max(1, math.min(state.top, #lines - rows + 1))
      return
    end
    draw.font("text")
    local text = model.text
    if state.first > model.caret then state.first = model.caret end
    while width_of(text:sub(state.first + 1, model.caret)) > box.w do state.first = text_field.after(text, state.first) end
    while state.first > 0 and width_of(text:sub(text_field.before(text, state.first) + 1)) <= box.w do
      state.first = text_field.before(text, state.first)
    end
  end

  --- The part of a line that a box shows: where it begins and ends in the text.
  function M.visible_part(state, box)
    local text, from = state.model.text, state.first
    draw.font("text")
    if width_of(text:sub(from + 1)) <= box.w then return from, #text end
    local to = text_lines.offset_at(text, from, #text, box.w, width_of)
    while to > from and width_of(text:sub(from + 1, to)) > box.w do to = text_field.before(text, to) end
    return from, to
  end

  local function offset_under(state, box, x, y)
    draw.font("text")
    local model = state.model
    if not model.has_lines then
      return text_lines.offset_at(model.text, state.first, #model.text, x - box.x, width_of)
    end
    local lines = M.lines(state, box.w)
    local number = math.max(1, math.min(#lines, state.top + (y - box.y) // box.row))
    return text_lines.offset_on(model.text, lines, math.tointeger(number), x - box.x, width_of)
  end

  --- The mouse goes down in a field.
  function M.press(id, box, x, y, selects, is_double)
    M.edit(id)
    local state = states[id]
    local offset = offset_under(state, box, x, y)
    state.goal_x = nil
    if is_double then return text_field.select_word(state.model, offset) end
    text_field.move(state.model, offset, selects)
  end

  --- The mouse is held down.
  function M.drag(id, box, x, y)
    local state = states[id]
    local offset = offset_under(state, box, x, y)
    if offset ~= state.model.caret then
      text_field.move(state.model, offset, true)
      M.reveal(state, box)
      return true
    end
    return false
  end

  --- Scroll a text by lines; whether that changed anything.
  function M.scroll(id, box, by)
    local state = states[id]
    local most = math.max(1, #M.lines(state, box.w) - visible_rows(box) + 1)
    local before = state.top
    state.top = math.max(1, math.min(most, state.top + by))
    return state.top ~= before
  end

  -- The clipboard: the system's where SWS is there, else one that all fields share.

  local function copy(text)
    if text == "" then return end
    if reaper.APIExists("CF_SetClipboard") then return reaper.CF_SetClipboard(text) end
    reaper.SetExtState(SECTION, CLIPBOARD, text, false)
  end

  local function clipboard()
    if reaper.APIExists("CF_GetClipboard") then return (reaper.CF_GetClipboard("")) end
    return reaper.GetExtState(SECTION, CLIPBOARD)
  end

  -- Keys

  local function vertical(state, box, by, selects)
    local model = state.model
    if not model.has_lines then return text_field.move(model, by < 0 and 0 or #model.text, selects) end
    draw.font("text")
    local lines = M.lines(state, box.w)
    local number = text_lines.number_at(lines, model.caret)
    local x = state.goal_x or width_of(model.text:sub(lines[number][1] + 1, model.caret))
    local wanted = number + by
    if wanted < 1 then
      text_field.move(model, 0, selects)
    elseif wanted > #lines then
      text_field.move(model, #model.text, selects)
    else
      text_field.move(model, text_lines.offset_on(model.text, lines, wanted, x, width_of), selects)
    end
    state.goal_x = x
  end

  local function to_edge(state, box, key, is_end)
    local model = state.model
    if key.ctrl or not model.has_lines then return text_field.move(model, is_end and #model.text or 0, key.shift) end
    local lines = M.lines(state, box.w)
    local number = text_lines.number_at(lines, model.caret)
    local line, following = lines[number], lines[number + 1]
    local offset = is_end and line[2] or line[1]
    if is_end and following and following[1] == offset and offset > line[1] then
      offset = text_field.before(model.text, offset)
    end
    text_field.move(model, offset, key.shift)
  end

  local function page(state, box, key, direction) vertical(state, box, direction * visible_rows(box), key.shift) end

  local is_mac = reaper.GetOS():match("OS") ~= nil

  --- Whether a key goes by words: with Ctrl, on macOS with Option.
  local function by_word(key)
    if is_mac then return key.alt end
    return key.ctrl
  end

  --- Left and right; on macOS with Command to the ends of the line.
  local function sideways(state, box, key, is_right)
    if is_mac and key.ctrl then return to_edge(state, box, { shift = key.shift }, is_right) end
    local move = is_right and text_field.right or text_field.left
    move(state.model, key.shift, by_word(key))
  end

  local VERTICAL = { up = true, down = true, page_up = true, page_down = true }
  local KEYS = {
    left = function(state, box, key) sideways(state, box, key, false) end,
    right = function(state, box, key) sideways(state, box, key, true) end,
    up = function(state, box, key) vertical(state, box, -1, key.shift) end,
    down = function(state, box, key) vertical(state, box, 1, key.shift) end,
    page_up = function(state, box, key) page(state, box, key, -1) end,
    page_down = function(state, box, key) page(state, box, key, 1) end,
    home = function(state, box, key) to_edge(state, box, key, false) end,
    ["end"] = function(state, box, key) to_edge(state, box, key, true) end,
    backspace = function(state, _, key) text_field.backspace(state.model, by_word(key)) end,
    delete = function(state, _, key) text_field.delete(state.model, by_word(key)) end,
    enter = function(state) text_field.insert(state.model, "\n") end,
    ["ctrl+a"] = function(state) text_field.select_all(state.model) end,
    ["ctrl+c"] = function(state) copy(text_field.selection_text(state.model)) end,
    ["ctrl+x"] = function(state)
      local text = text_field.selection_text(state.model)
      copy(text)
      if text ~= "" then text_field.insert(state.model, "") end
    end,
    ["ctrl+v"] = function(state) text_field.insert(state.model, clipboard()) end,
    ["ctrl+y"] = function(state) text_field.redo(state.model) end,
    ["ctrl+z"] = function(state, _, key)
      if key.shift then text_field.redo(state.model) else text_field.undo(state.model) end
    end,
  }

  --- A key goes into the field that is edited: "stop", "next" or "previous" when it ends the editing.
  function M.key(key, box)
    local state = states[current]
    if key.name == "escape" or (key.name == "enter" and not state.model.has_lines) then return "stop" end
    if key.name == "tab" then return key.shift and "previous" or "next" end
    if not VERTICAL[key.name] then state.goal_x = nil end
    local act = KEYS[key.name]
    if act then
      act(state, box, key)
    elseif key.character then
      text_field.type(state.model, key.character)
    end
    M.reveal(state, box)
  end

  local MENU = { { "Cut", "ctrl+x", true }, { "Copy", "ctrl+c", true }, { "Paste", "ctrl+v" }, { "Select all", "ctrl+a" } }

  --- What the menu of a field holds, as gfx.showmenu takes it, for a right click there. What is selected stays so if the click
  --- is on it.
  function M.open_menu(id, box, x, y)
    M.edit(id)
    local state = states[id]
    local from, to = text_field.selection(state.model)
    local offset = offset_under(state, box, x, y)
    if offset < from or offset > to then text_field.move(state.model, offset) end
    local has_selection = text_field.selection_text(state.model) ~= ""
    local entries = {}
    for i, entry in ipairs(MENU) do entries[i] = (entry[3] and not has_selection and "#" or "") .. entry[1] end
    return table.concat(entries, "|")
  end

  --- Do what was chosen from that menu: a number, 0 for nothing.
  function M.choose(number, box)
    if MENU[number] then M.key({ name = MENU[number][2] }, box) end
  end

  return M
end
