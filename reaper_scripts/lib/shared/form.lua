-- Asks for values in REAPER's own form, and asks again until all of them are allowed.
--
-- A field is { key, caption, default, kind = "text"|"number"|"integer"|"time"|"choice", allowed = { names … } or { low, high },
-- optional }. REAPER's form reads captions and offered values by rules of its own: captions end at commas, and a lone
-- quote or bracket in a value swallows the fields after it. So commas never reach it, and such values are offered with
-- look-alikes in place of these characters, which are put back in what is answered.

return function()
  local M = {}

  local MOST = 16 -- fields that REAPER's form holds
  local FULL = { 1020, 1023 } -- bytes of an answer that fills a buffer of 1024: it may have been cut, inside of a character too
  local CUT = "REAPER's form returned a part of this only.\n\nEnter less in all. Long lyrics go into the notes of the item: "
    .. 'enter "item" then.'
  local WIDTH = 260 -- pixels beyond the usual ones, for a line of text
  local QUOTES = { ["'"] = "’", ['"'] = "”", ["\r\n"] = " / ", ["\n"] = " / " }
  local BRACKETS = { ["("] = "（", [")"] = "）" }

  local function plain(text, from, to) return (text:gsub(from:gsub("%p", "%%%0"), (to:gsub("%%", "%%%%")))) end

  --- What may be offered for a value, and the replacements that were made.
  local function offer_text(text)
    local swaps = {}
    local function swap(from, to)
      if text:find(from, 1, true) then
        text, swaps[#swaps + 1] = plain(text, from, to), { from, to }
      end
    end
    for _, from in ipairs({ "\r\n", "\n", "'", '"' }) do swap(from, QUOTES[from]) end
    if text:gsub("%b()", ""):find("[()]") then
      for from, to in pairs(BRACKETS) do swap(from, to) end
    end
    return text, swaps
  end

  --- What an answer means: untouched it is what it stood for, else the replacements are taken back.
  local function read_answer(text, offer, original, swaps)
    if text == offer then
      text = original
    else
      for _, pair in ipairs(swaps) do text = plain(text, pair[2], pair[1]) end
    end
    return (text:gsub("^%s+", ""):gsub("%s+$", ""))
  end

  local function format_value(value)
    if value == nil then return "" end
    if math.type(value) == "float" then return ("%.14g"):format(value) end
    return tostring(value)
  end

  local function range(allowed) return ("%s to %s"):format(format_value(allowed[1]), format_value(allowed[2])) end

  --- The seconds of a time such as 90s, 1:30.5 or 1:02:03; anything else as it is.
  local function seconds_of(text)
    local sign, clock = text:match("^%s*([+-]?)%s*(.-)%s*$")
    local hours, minutes, seconds = clock:match("^(%d+):(%d%d?):(%d%d?%.?%d*)$")
    if not hours then minutes, seconds = clock:match("^(%d+):(%d%d?%.?%d*)$") end
    if seconds then
      local h, m, s = tonumber(hours or 0), tonumber(minutes), tonumber(seconds)
      if s >= 60 or hours and m >= 60 then return text end
      return sign .. ("%.14g"):format(3600 * h + 60 * m + s)
    end
    return sign .. (clock:match("^(%d+%.?%d*)%s*s$") or clock)
  end

  --- The value that a text stands for, or nil and a sentence. nil alone: an optional field was left empty.
  function M.check(field, text)
    text = format_value(text)
    local name = field.caption or field.key
    if text == "" then
      if field.default ~= nil then return field.default end
      if field.optional then return nil end
      return nil, ("%s is empty; enter a value."):format(name)
    end
    if field.kind == "choice" then
      for _, choice in ipairs(field.allowed) do
        if choice:lower() == text:lower() then return choice end
      end
      local fits = {}
      for _, choice in ipairs(field.allowed) do
        if choice:lower():sub(1, #text) == text:lower() then fits[#fits + 1] = choice end
      end
      if #fits == 1 then return fits[1] end -- enough of it to know which one is meant
      if #fits > 1 then return nil, ('%s is "%s", which may be %s; enter more of it.'):format(name, text, table.concat(fits, " or ")) end
      return nil, ('%s is "%s"; allowed: %s.'):format(name, text, table.concat(field.allowed, ", "))
    end
    if field.kind == "number" or field.kind == "integer" or field.kind == "time" then
      local written = field.kind == "time" and seconds_of(text) or text
      local number = tonumber((written:gsub("^([+-]?%d*),(%d%d?)$", "%1.%2"))) -- many people's decimal comma
      local low, high = table.unpack(field.allowed or {})
      local fits = number and number == number and math.abs(number) < math.huge
        and (not low or number >= low) and (not high or number <= high)
      if field.kind == "integer" then
        number = fits and math.tointeger(number)
        fits = number ~= nil and fits
      end
      if fits then return number end
      local what = ({ integer = "a whole number", time = "seconds, or a time such as 1:30.5," })[field.kind] or "a number"
      return nil, ('%s is "%s"; allowed: %s%s.'):format(name, text, what, low and " from " .. range(field.allowed) or "")
    end
    return text
  end

  local function lines(text, count)
    local found = {}
    for line in (text .. "\n"):gmatch("(.-)\n") do found[#found + 1] = line end
    while #found > count do -- only a last field could hold the separator
      local last = table.remove(found)
      found[#found] = found[#found] .. " " .. last
    end
    return found
  end

  --- Ask until everything is allowed; the values by key, or nil when the person cancels. `remembered`: values by key that
  -- are offered instead of the defaults; an emptied field means its default.
  function M.ask(title, fields, remembered)
    assert(#fields >= 1 and #fields <= MOST, "REAPER's form holds 1 to 16 fields")
    local captions, texts = {}, {}
    for i, field in ipairs(fields) do
      captions[i] = offer_text((field.caption:gsub("%s*,", ";")))
      local value = remembered and remembered[field.key]
      if value == nil then value = field.default end
      texts[i] = format_value(value)
    end
    captions = table.concat(captions, ",") .. ",extrawidth=" .. WIDTH .. ",separator=\n"
    while true do
      local offers, swaps = {}, {}
      for i, text in ipairs(texts) do offers[i], swaps[i] = offer_text(text) end
      local ok, answer = reaper.GetUserInputs(title, #fields, captions, table.concat(offers, "\n"))
      if not ok then return nil end
      local found = lines(answer, #fields)
      local is_cut = #found < #fields or #answer >= FULL[1] and #answer <= FULL[2]
      local values, faults = {}, { is_cut and CUT or nil }
      for i, field in ipairs(fields) do
        if found[i] then texts[i] = read_answer(found[i], offers[i], texts[i], swaps[i]) end
        local value, fault = M.check(field, texts[i])
        values[field.key] = value
        faults[#faults + 1] = fault
      end
      if #faults == 0 then return values end
      reaper.MB(table.concat(faults, "\n"), title, 0)
    end
  end

  return M
end
