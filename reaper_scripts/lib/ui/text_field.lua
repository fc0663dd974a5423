-- A text that a person edits: its text, caret, selection and history. Nothing of windows or keys belongs here.
--
-- A field is { text, caret, anchor, has_lines }. `caret` and `anchor` are offsets in bytes, 0 to #text, between whole
-- characters; what lies between them is selected. The text is valid UTF-8 without control characters; a field without
-- lines holds no line break.

return function()
  local M = {}

  local REPLACEMENT = "\u{FFFD}"
  local MOST_STEPS = 200 -- of the history
  local UNDERSCORE = ("_"):byte()

  local function replace_invalid_utf8(text)
    text = text:gsub("\xED[\xA0-\xBF][\x80-\xBF]", REPLACEMENT) -- halves of pairs, which Lua 5.3 takes for characters
    local parts, at = {}, 1
    while true do
      local good, bad = utf8.len(text, at)
      if good then break end
      parts[#parts + 1] = text:sub(at, bad - 1) .. REPLACEMENT
      at = bad + 1
    end
    return table.concat(parts) .. text:sub(at)
  end

  --- The text as a field holds it.
  function M.clean(text, has_lines)
    text = text:gsub("\r\n?", "\n"):gsub("\t", " ")
    if not has_lines then text = text:gsub("\n+", " ") end
    text = text:gsub("[\0-\9\11-\31\127]", "")
    if not utf8.len(text) or text:find("\xED[\xA0-\xBF]") then text = replace_invalid_utf8(text) end
    return text
  end

  --- A field with the caret at the end of its text.
  function M.new(text, has_lines)
    text = M.clean(text, has_lines)
    return { text = text, caret = #text, anchor = #text, has_lines = has_lines, past = {}, future = {}, is_typing = false }
  end

  --- The nearest offset at or before `offset` that is between two characters.
  local function floor_offset(text, offset)
    offset = math.max(0, math.min(offset, #text))
    while offset > 0 and offset < #text and text:byte(offset + 1) & 0xC0 == 0x80 do offset = offset - 1 end
    return offset
  end

  --- The offset one character before.
  function M.before(text, offset)
    return offset > 0 and floor_offset(text, offset - 1) or 0
  end

  --- The offset one character after.
  function M.after(text, offset)
    offset = offset + 1
    while offset < #text and text:byte(offset + 1) & 0xC0 == 0x80 do offset = offset + 1 end
    return math.min(offset, #text)
  end

  local function is_word(text, offset) -- the byte after this offset
    local byte = text:byte(offset + 1)
    return byte ~= nil and (byte >= 128 or byte == UNDERSCORE or text:find("^%w", offset + 1) ~= nil)
  end

  --- Where the word before the offset begins.
  function M.word_before(text, offset)
    while offset > 0 and not is_word(text, offset - 1) do offset = offset - 1 end
    while offset > 0 and is_word(text, offset - 1) do offset = offset - 1 end
    return offset
  end

  --- Where the word after the offset ends.
  function M.word_after(text, offset)
    while offset < #text and not is_word(text, offset) do offset = offset + 1 end
    while offset < #text and is_word(text, offset) do offset = offset + 1 end
    return offset
  end

  --- The selection: where it begins and ends.
  function M.selection(field)
    return math.min(field.caret, field.anchor), math.max(field.caret, field.anchor)
  end

  --- The selected text.
  function M.selection_text(field)
    local from, to = M.selection(field)
    return field.text:sub(from + 1, to)
  end

  --- Move the caret; `selects`: the anchor stays.
  function M.move(field, offset, selects)
    field.caret = floor_offset(field.text, offset)
    if not selects then field.anchor = field.caret end
    field.is_typing = false
  end

  --- One character or word to the left, or to the left end of the selection.
  function M.left(field, selects, by_word)
    local from, to = M.selection(field)
    if from < to and not selects and not by_word then return M.move(field, from) end
    M.move(field, (by_word and M.word_before or M.before)(field.text, field.caret), selects)
  end

  --- One character or word to the right, or to the right end of the selection.
  function M.right(field, selects, by_word)
    local from, to = M.selection(field)
    if from < to and not selects and not by_word then return M.move(field, to) end
    M.move(field, (by_word and M.word_after or M.after)(field.text, field.caret), selects)
  end

  --- Select everything.
  function M.select_all(field)
    field.anchor, field.caret, field.is_typing = 0, #field.text, false
  end

  --- Select the word at an offset.
  function M.select_word(field, offset)
    local from, to = offset, offset
    while from > 0 and is_word(field.text, from - 1) do from = from - 1 end
    while to < #field.text and is_word(field.text, to) do to = to + 1 end
    field.anchor, field.caret, field.is_typing = from, to, false
  end

  local function remember(field, list)
    list[#list + 1] = { field.text, field.caret, field.anchor }
    if #list > MOST_STEPS then table.remove(list, 1) end
  end

  local function replace(field, from, to, with)
    field.text = field.text:sub(1, from) .. with .. field.text:sub(to + 1)
    field.caret = from + #with
    field.anchor = field.caret
  end

  local function change(field, from, to, with)
    if from == to and with == "" then return end
    remember(field, field.past)
    field.future, field.is_typing = {}, false
    replace(field, from, to, with)
  end

  --- Put text in place of the selection.
  function M.insert(field, text)
    local from, to = M.selection(field)
    change(field, from, to, M.clean(text, field.has_lines))
  end

  --- Type a character. What is typed in one go, up to the end of a word, is one step of the history.
  function M.type(field, character)
    local was_typing = field.is_typing
    local from, to = M.selection(field)
    local text = M.clean(character, field.has_lines)
    if was_typing and from == to and text ~= "" then
      replace(field, from, to, text)
      field.future = {}
    else
      change(field, from, to, text)
    end
    field.is_typing = text ~= "" and is_word(text, 0)
  end

  --- Remove the selection, or else what `reach` gives from the caret.
  local function remove(field, reach)
    local from, to = M.selection(field)
    if from == to then
      local other = reach(field.text, field.caret)
      from, to = math.min(other, field.caret), math.max(other, field.caret)
    end
    change(field, from, to, "")
  end

  --- Remove the selection, or the character (the word) before the caret.
  function M.backspace(field, by_word) remove(field, by_word and M.word_before or M.before) end

  --- Remove the selection, or the character (the word) after the caret.
  function M.delete(field, by_word) remove(field, by_word and M.word_after or M.after) end

  --- Replace the text from outside: a step of the history of its own; the caret goes to the end.
  function M.set(field, text)
    text = M.clean(text, field.has_lines)
    if text ~= field.text then change(field, 0, #field.text, text) end
  end

  local function step(field, from, to)
    local state = table.remove(from)
    if not state then return false end
    remember(field, to)
    field.text, field.caret, field.anchor, field.is_typing = state[1], state[2], state[3], false
    return true
  end

  --- Take the last step back; whether there was one.
  function M.undo(field) return step(field, field.past, field.future) end

  --- Take the last step again that was taken back; whether there was one.
  function M.redo(field) return step(field, field.future, field.past) end

  return M
end
