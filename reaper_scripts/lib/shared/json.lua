-- JSON as the jobs speak it (RFC 8259). Lua has no null and one kind of table, hence `null` and `array`.

return function()
  local M = {}

  local DEEPEST = 200 -- levels of nesting; nothing of ours has ten
  local REPLACEMENT = "\u{FFFD}"
  local HALF_OF_A_PAIR = "\xED[\xA0-\xBF][\x80-\xBF]" -- of UTF-16

  M.null = setmetatable({}, { __tostring = function() return "null" end })
  local is_array = {} -- the metatable of tables that are arrays, even when empty

  --- Mark a table as an array, so that an empty one is written as [].
  function M.array(values) return setmetatable(values or {}, is_array) end

  local ESCAPES = { ['"'] = '\\"', ["\\"] = "\\\\", ["\b"] = "\\b", ["\f"] = "\\f", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }
  for byte = 0, 31 do
    local char = string.char(byte)
    ESCAPES[char] = ESCAPES[char] or ("\\u%04x"):format(byte)
  end

  --- The text with every byte that is no part of UTF-8 replaced: names of old files may hold such bytes.
  local function replace_invalid_utf8(text)
    local pieces, at = {}, 1
    while true do
      local good, bad = utf8.len(text, at)
      if good then
        pieces[#pieces + 1] = text:sub(at)
        return table.concat(pieces)
      end
      pieces[#pieces + 1] = text:sub(at, bad - 1)
      pieces[#pieces + 1] = REPLACEMENT
      at = bad + 1
    end
  end

  local function quote(text)
    text = text:gsub(HALF_OF_A_PAIR, REPLACEMENT:rep(3)) -- which Lua 5.3 takes for UTF-8
    if not utf8.len(text) then text = replace_invalid_utf8(text) end
    return '"' .. text:gsub('[\0-\31"\\]', ESCAPES) .. '"'
  end

  local function number(value)
    if math.type(value) == "integer" then return ("%d"):format(value) end
    if value ~= value or value == math.huge or value == -math.huge then return "null" end -- JSON has none of them
    return (("%.17g"):format(value):gsub(",", ".")) -- a host may have set a locale with decimal commas
  end

  local function count_of(values)
    local count = 0
    for key in pairs(values) do
      if math.type(key) ~= "integer" then return nil end
      count = count + 1
    end
    return count == #values and count or nil
  end

  local function write(value, out, depth)
    local kind = type(value)
    if value == nil or value == M.null then
      out[#out + 1] = "null"
    elseif kind == "boolean" then
      out[#out + 1] = tostring(value)
    elseif kind == "number" then
      out[#out + 1] = number(value)
    elseif kind == "string" then
      out[#out + 1] = quote(value)
    elseif kind ~= "table" then
      error("JSON has no " .. kind .. "; allowed: nil, boolean, number, string, table.", 0)
    elseif depth > DEEPEST then
      error("The table is nested too deeply for JSON, or holds itself.", 0)
    else
      local count = count_of(value)
      if count and (count > 0 or getmetatable(value) == is_array) then
        for i = 1, count do
          out[#out + 1] = i == 1 and "[" or ","
          write(value[i], out, depth + 1)
        end
        out[#out + 1] = count == 0 and "[]" or "]"
      else
        local texts, names = {}, {}
        for key, item in pairs(value) do
          local name = tostring(key)
          names[#names + 1], texts[name] = name, item
        end
        table.sort(names) -- the same table is always the same text
        out[#out + 1] = "{"
        for i, name in ipairs(names) do
          out[#out + 1] = (i > 1 and "," or "") .. quote(name) .. ":"
          write(texts[name], out, depth + 1)
        end
        out[#out + 1] = "}"
      end
    end
  end

  --- The JSON text of a value; raises for what JSON cannot hold (functions, userdata, tables that hold themselves).
  function M.encode(value)
    local out = {}
    write(value, out, 1)
    return table.concat(out)
  end

  local UNESCAPED = { ['"'] = '"', ["\\"] = "\\", ["/"] = "/", b = "\b", f = "\f", n = "\n", r = "\r", t = "\t" }
  local LITERALS = { { "true", true }, { "false", false }, { "null", M.null } }

  local function fail(at, what) error({ at = at, what = what }, 0) end

  local function skip(text, at) return text:find("[^ \t\r\n]", at) or #text + 1 end

  --- A character of one or two \u escapes, and where the text goes on; halves of pairs become U+FFFD.
  local function unescape(text, at)
    local code = tonumber(text:match("^%x%x%x%x", at) or fail(at, "four hexadecimal digits"), 16)
    at = at + 4
    if code >= 0xD800 and code < 0xDC00 then
      local low = tonumber(text:match("^\\u([dD][c-fC-F]%x%x)", at) or "", 16)
      if low then return utf8.char(0x10000 + (code - 0xD800) * 0x400 + low - 0xDC00), at + 6 end
    end
    if code >= 0xD800 and code < 0xE000 then return REPLACEMENT, at end
    return utf8.char(code), at
  end

  local function read_string(text, at)
    local pieces = {}
    while true do
      local stop = text:find('[\0-\31"\\]', at) or fail(#text + 1, 'a closing "')
      pieces[#pieces + 1] = text:sub(at, stop - 1)
      local char = text:sub(stop, stop)
      if char == '"' then return table.concat(pieces), stop + 1 end
      if char ~= "\\" then fail(stop, "no control character in a string") end
      local letter = text:sub(stop + 1, stop + 1)
      if letter == "u" then
        pieces[#pieces + 1], at = unescape(text, stop + 2)
      else
        pieces[#pieces + 1] = UNESCAPED[letter] or fail(stop + 1, "an escape that JSON has")
        at = stop + 2
      end
    end
  end

  local function read_number(text, at)
    local stop = select(2, text:find("^-?[1-9]%d*", at)) or select(2, text:find("^-?0", at))
    if not stop then fail(at, "a value") end
    stop = select(2, text:find("^%.%d+", stop + 1)) or stop
    stop = select(2, text:find("^[eE][+-]?%d+", stop + 1)) or stop
    return tonumber(text:sub(at, stop)), stop + 1
  end

  local read

  local function read_array(text, at, depth)
    local values = M.array()
    at = skip(text, at)
    if text:sub(at, at) == "]" then return values, at + 1 end
    while true do
      values[#values + 1], at = read(text, at, depth)
      at = skip(text, at)
      local char = text:sub(at, at)
      if char == "]" then return values, at + 1 end
      if char ~= "," then fail(at, '"," or "]"') end
      at = at + 1
    end
  end

  local function read_object(text, at, depth)
    local values = {}
    at = skip(text, at)
    if text:sub(at, at) == "}" then return values, at + 1 end
    while true do
      at = skip(text, at)
      if text:sub(at, at) ~= '"' then fail(at, 'a name in "quotes"') end
      local name, value
      name, at = read_string(text, at + 1)
      at = skip(text, at)
      if text:sub(at, at) ~= ":" then fail(at, '":"') end
      value, at = read(text, at + 1, depth)
      if value == M.null then value = nil end
      values[name] = value
      at = skip(text, at)
      local char = text:sub(at, at)
      if char == "}" then return values, at + 1 end
      if char ~= "," then fail(at, '"," or "}"') end
      at = at + 1
    end
  end

  function read(text, at, depth)
    if depth > DEEPEST then fail(at, "fewer levels") end
    at = skip(text, at)
    local char = text:sub(at, at)
    if char == '"' then return read_string(text, at + 1) end
    if char == "{" then return read_object(text, at + 1, depth + 1) end
    if char == "[" then return read_array(text, at + 1, depth + 1) end
    for _, literal in ipairs(LITERALS) do
      if text:sub(at, at + #literal[1] - 1) == literal[1] then return literal[2], at + #literal[1] end
    end
    return read_number(text, at)
  end

  --- The value of a JSON text, or nil and a message. null is nothing in objects and `json.null` elsewhere; whole numbers
  -- beyond 64 bits become floats.
  function M.decode(text)
    if type(text) ~= "string" then return nil, "JSON is text, not " .. type(text) .. "." end
    local ok, value, at = pcall(read, text, text:sub(1, 3) == "\u{FEFF}" and 4 or 1, 1)
    if ok then
      at = skip(text, at)
      if at > #text then return value end
      value = { at = at, what = "nothing more" }
    end
    if type(value) ~= "table" then return nil, tostring(value) end
    local where = value.at > #text and "its end" or "byte " .. value.at
    return nil, ("The JSON text is broken at %s; expected: %s."):format(where, value.what)
  end

  --- The object or the list of a JSON text; nil for anything else, and for no text.
  function M.object(text)
    local value = M.decode(text)
    return type(value) == "table" and value ~= M.null and value or nil
  end

  return M
end
