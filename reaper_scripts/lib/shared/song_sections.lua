-- Sections of a song out of named stretches of a project: regions in REAPER, ranges in Ardour. A name says what a section is:
--
--   Chorus 2 = Chorus 60%: brass, loud | Am F | C G
--   name       like        caption       chords: with further bar lines by bars, else each chord is a bar

return function()
  local M = {}

  local SAME_FRAMES = 1

  local function trim(text) return text:match("^%s*(.-)%s*$") end

  --- "Chorus 60%" as a name and 0.6; without a share nil.
  local function read_like(text)
    local name, percent = text:match("^(.-)%s+(%d+)%%$")
    return name or text, percent and math.min(100, tonumber(percent)) / 100
  end

  --- Name, caption, like, like_strength and chords of a section, out of the name of a stretch; "[Chorus]", as "Lyrics to
  --- regions" has it, is "Chorus".
  local function read_name(text, number)
    local section = { caption = "" }
    local before, chords = text:match("^([^|]*)|(.*)$")
    if chords and chords:find("%S") then section.chords = trim(chords:find("|", 1, true) and "|" .. chords or chords) end
    local name, caption = (before or text):match("^([^:]*):(.*)$")
    if caption then section.caption = trim(caption) end
    name = name or before or text
    local own, like = name:match("^([^=]*)=(.*)$")
    if like then section.like, section.like_strength = read_like(trim(like)) end
    name = trim(own or name):gsub("^%[(.*)%]$", "%1")
    section.name = name ~= "" and name or ("Part %d"):format(number)
    return section
  end

  local NOTES = { caption = true, chords = true, like = true }

  --- Add what the notes of a stretch say, in lines such as "chords: Am F | C G".
  local function read_notes(section, notes)
    for line in (notes or ""):gmatch("[^\r\n]+") do
      local key, value = line:match("^%s*(%a+)%s*:%s*(.-)%s*$")
      key = key and key:lower()
      if NOTES[key] and value ~= "" then section[key] = value end
      if key == "like" and value ~= "" then section.like, section.like_strength = read_like(value) end
    end
  end

  --- Give every section a name of its own: a second "Chorus" is "Chorus 2", and like the first unless it says more.
  local function number_names(sections)
    local firsts, taken = {}, {}
    for _, section in ipairs(sections) do taken[section.name:lower()] = (taken[section.name:lower()] or 0) + 1 end
    for _, section in ipairs(sections) do
      local first = firsts[section.name:lower()]
      if first then
        if section.caption == "" and not section.like then section.like = first.name end
        local number = 2
        while taken[("%s %d"):format(first.name, number):lower()] do number = number + 1 end
        section.of, section.name = first, ("%s %d"):format(first.name, number)
        taken[section.name:lower()] = 1
      else
        firsts[section.name:lower()] = section
      end
    end
  end

  --- Give each section that is like an earlier one what it leaves out. Returns true, or nil and a sentence.
  local function follow_likes(sections)
    local known = {}
    for _, section in ipairs(sections) do
      if section.like then
        local model = known[section.like:lower()]
        if not model then
          return nil, ('"%s" is to be like "%s", and no section before it has that name.'):format(section.name, section.like)
        end
        section.like, section.of = model.name, section.of or model
        if section.caption == "" then section.caption = model.caption end
        section.chords = section.chords or model.chords
      end
      known[section.name:lower()] = section
    end
    return true
  end

  --- A sentence about what lies between two sections, or nil when they meet.
  local function fault_between(one, other, rate)
    local apart = other.first - one.last
    if math.abs(apart) <= SAME_FRAMES then return nil end
    local what = apart > 0 and "there is a gap between them" or "they overlap"
    return ('"%s" ends at %.3f s and "%s" begins at %.3f s: %s.'):format(one.name, one.last / rate, other.name, other.first / rate, what)
  end

  --- The sections that stretches { {name, notes, first, last} … } in frames stand for, each with its stretch; `what`: the word
  --- for them. Or nil, a sentence and a remedy.
  function M.of(stretches, rate, what)
    local sections = {}
    for number, stretch in ipairs(stretches) do
      local section = read_name(stretch.name, number)
      read_notes(section, stretch.notes)
      section.first, section.last, section.stretch = stretch.first, stretch.last, stretch
      sections[number] = section
    end
    for number = 2, #sections do
      local fault = fault_between(sections[number - 1], sections[number], rate)
      if fault then
        return nil, fault, ("Let each %s begin where the one before it ends, or select the time of those that are meant."):format(what)
      end
      sections[number].first = sections[number - 1].last
    end
    number_names(sections)
    local ok, why = follow_likes(sections)
    if not ok then return nil, why, ("Write the name of an earlier %s behind the =."):format(what) end
    return sections
  end

  --- The words of each section, out of lyrics with the names of sections in brackets above them. Returns true, or nil, a sentence
  --- and a remedy.
  function M.hand_out(lyrics, sections, what)
    local remedy = ("Put the name of a %s in brackets above its words, such as [Verse]."):format(what)
    if not lyrics or not lyrics:find("%S") then return true end
    if not lyrics:find("%[.-%]") then
      if #sections > 1 then return nil, ("The lyrics do not say which %s has which words."):format(what), remedy end
      sections[1].lyrics = lyrics
      return true
    end
    local blocks, count = {}, 0
    for line in (lyrics .. "\n"):gmatch("(.-)\r?\n") do
      local tag = trim(line):match("^%[(.-)%]$")
      if tag then
        count = count + 1
        blocks[count] = { tag = trim(tag), lines = {} }
      elseif count > 0 then
        table.insert(blocks[count].lines, line)
      elseif line:find("%S") then
        return nil, ('The lyrics begin with "%s", which belongs to no %s.'):format(trim(line), what), remedy
      end
    end
    for _, block in ipairs(blocks) do
      local free
      for _, section in ipairs(sections) do
        local name = (section.of or section).name:lower()
        local fits = section.name:lower() == block.tag:lower() or name == block.tag:lower()
        if fits and not section.lyrics and not free then free = section end
      end
      if not free then return nil, ("The lyrics have a part [%s] for which there is no %s."):format(block.tag, what), remedy end
      free.lyrics = trim(table.concat(block.lines, "\n"))
    end
    for _, section in ipairs(sections) do
      if not section.lyrics and section.of then section.lyrics = section.of.lyrics end
    end
    return true
  end

  --- What a request says of a section that begins `origin` frames into the project; `music`: tempo and meter there.
  function M.entry(section, origin, rate, music)
    return {
      name = section.name, start_s = (section.first - origin) / rate, end_s = (section.last - origin) / rate,
      caption = section.caption, lyrics = section.lyrics, bpm = music.bpm, timesignature = music.timesignature,
      like = section.like, like_strength = section.like_strength, chords = section.chords,
    }
  end

  return M
end
