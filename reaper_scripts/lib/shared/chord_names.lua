-- Names that are chords, such as "F#m7/C", and charts of them as text. The daemon reads them again, and more exactly.

return function()
  local M = {}

  M.METERS = { [2] = true, [3] = true, [4] = true, [6] = true } -- what the engines know
  M.TOUCH_S = 1e-3 -- markers are set by hand, on a grid
  M.LATE = 0.25 -- of a beat
  M.EARLY = 0.25 -- of a bar: a stretch that begins this much before a bar line begins with that bar
  local WHOLE, MOST_BARS = 0.02, 256

  local SIGNS = { ["♯"] = "#", ["♭"] = "b", ["−"] = "-", ["Δ"] = "^", ["△"] = "^", ["ø"] = "h", ["°"] = "o" }
  local THIRDS = { "maj", "Maj", "min", "dim", "aug", "sus4", "sus2", "sus", "alt", "M", "m", "%-", "%+", "o", "h", "%^", "" }
  local DEGREES = { "13", "11", "69", "6/9", "9", "7", "6", "5", "2", "" }
  local SEVENTHS = { "maj7", "maj9", "M7", "%^7", "sus4", "sus2", "sus", "alt", "" }
  local CHANGES = { "add9", "add11", "add2", "add4", "[#b]5", "[#b]9", "#11", "b13", "b6", "sus4", "sus" }

  --- Whether changes such as "b9#11" are all of a text.
  local function is_changes(text)
    if text == "" then return true end
    for _, change in ipairs(CHANGES) do
      local rest = text:match("^" .. change .. "(.*)$")
      if rest and is_changes(rest) then return true end
    end
    return false
  end

  local function is_quality(text)
    for _, third in ipairs(THIRDS) do
      local after_third = text:match("^" .. third .. "(.*)$")
      for _, degree in ipairs(after_third and DEGREES or {}) do
        local after_degree = after_third:match("^" .. degree .. "(.*)$")
        for _, seventh in ipairs(after_degree and SEVENTHS or {}) do
          local rest = after_degree:match("^" .. seventh .. "(.*)$")
          if rest and is_changes(rest) then return true end
        end
      end
    end
    return false
  end

  local function trim(name) return name:match("^%s*(.-)%s*$") end

  --- Whether a name is a chord, or says that there is none.
  function M.is_chord(name)
    local plain = trim(name)
    for sign, letter in pairs(SIGNS) do plain = plain:gsub(sign, letter) end
    if plain:match("^[nN]%.?[cC]%.?$") then return true end
    local quality = plain:match("^[A-H][#b]?(.*)$")
    if not quality then return false end
    local before = quality:match("^(.-)/[A-H][#b]?$")
    return is_quality(((before or quality):gsub("[(),]", "")))
  end

  --- Whether a name that is a chord may as well be the letter of a section, or of a section's second time: "A", "B2".
  local function may_be_section(name) return trim(name):match("^[A-H]2?$") ~= nil end

  --- What the rows are, { at, name } each with the name of a chord: those that are chords, and the names that are taken for those
  --- of sections. Letters alone are chords only beside a name that is nothing else, such as "Am7".
  function M.sort_out(rows)
    for _, row in ipairs(rows) do
      if not may_be_section(row.name) then return rows, {} end
    end
    local letters, seen = {}, {}
    for _, row in ipairs(rows) do
      local name = trim(row.name)
      if not seen[name] then letters[#letters + 1] = name end
      seen[name] = true
    end
    return {}, letters
  end

  local MOST_LETTERS = 3

  --- What was found, in words; nil for nothing. `where`: what has the names, such as "markers and regions".
  function M.describe(number, letters, where)
    if number > 0 then return ("%s of %s"):format(number == 1 and "1 chord" or number .. " chords", where) end
    if #letters == 0 then return nil end
    local names = table.concat(letters, ", ", 1, math.min(#letters, MOST_LETTERS))
    return ("%s%s: read as sections, not chords"):format(names, #letters > MOST_LETTERS and " …" or "")
  end

  --- The name at a time among `rows`, { at, name } in their order: the last one that has begun, or the first one.
  local function name_at(rows, time)
    local name = rows[1].name
    for _, row in ipairs(rows) do
      if row.at <= time then name = row.name end
    end
    return name
  end

  local function bar_text(names)
    local words, differs = {}, false
    for beat, name in ipairs(names) do
      words[beat] = beat > 1 and name == names[beat - 1] and "." or name
      differs = differs or beat > 1 and name ~= names[beat - 1]
    end
    return differs and table.concat(words, " ") or words[1]
  end

  --- How many bars of chords a stretch gets that lasts this many: at least one, and none for a bit of a bar at its end.
  function M.count_bars(length) return math.min(MOST_BARS, math.max(1, math.ceil(length - WHOLE))) end

  --- A chart as text: `bars` bars of `beats` beats; `time_of(beat)` says when a beat begins, counted from 0. A chord that begins up
  --- to `late` after a beat begins with it.
  function M.chart(rows, bars, beats, time_of, late)
    local texts, last = {}, nil
    for bar = 1, bars do
      local names = {}
      for beat = 1, beats do
        names[beat] = name_at(rows, time_of((bar - 1) * beats + beat - 1) + late):gsub("%s", "")
      end
      local text = bar_text(names)
      texts[bar], last = text == last and "%" or text, text
    end
    return "| " .. table.concat(texts, " | ") .. " |"
  end

  return M
end
