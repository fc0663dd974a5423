-- The plan of a song from the regions of a project: each region is a section, its name says what it is. See `plan/tracks`.

return function(import)
  local budget = import("budget")
  local guid = import("project/guid")
  local json = import("shared/json")
  local plan_of = import("plan/common")
  local regions = import("project/regions")
  local settings = import("settings")
  local tracks_of = import("project/tracks")
  local M = {}

  local SAME_BPM, SAME_QUARTERS, SAME_FRAMES = 1e-6, 1e-3, 1
  local INSIDE_S = 1e-3

  local function trim(text) return text:match("^%s*(.-)%s*$") end

  --- "Chorus: brass, loud" as name and caption; "[Chorus]", as "Lyrics to regions" has it, is "Chorus".
  local function read_name(text, number)
    local name, caption = text:match("^([^:]*):(.*)$")
    name = trim((name or text)):gsub("^%[(.*)%]$", "%1")
    return name ~= "" and name or ("Part %d"):format(number), caption and trim(caption) or ""
  end

  --- Give every section a name of its own: a second "Chorus" is "Chorus 2", and like the first unless it says more.
  local function number_names(sections)
    local firsts, taken = {}, {}
    for _, section in ipairs(sections) do taken[section.name:lower()] = (taken[section.name:lower()] or 0) + 1 end
    for _, section in ipairs(sections) do
      local first = firsts[section.name:lower()]
      if first then
        if section.caption == "" then section.like, section.caption = first.name, first.caption end
        local number = 2
        while taken[("%s %d"):format(first.name, number):lower()] do number = number + 1 end
        section.of, section.name = first, ("%s %d"):format(first.name, number)
        taken[section.name:lower()] = 1
      else
        firsts[section.name:lower()] = section
      end
    end
  end

  --- A sentence about what lies between two sections, or nil when they meet.
  local function fault_between(one, other, rate)
    local apart = other.first - one.last
    if math.abs(apart) <= SAME_FRAMES then return nil end
    local what = apart > 0 and "there is a gap between them" or "they overlap"
    return ('"%s" ends at %.3f s and "%s" begins at %.3f s: %s.'):format(one.name, one.last / rate, other.name, other.first / rate, what)
  end

  --- A sentence about a tempo or meter that changes inside a section, or nil.
  local function fault_inside(section, changes, project, start, stop)
    if not changes then return nil end -- the engine is to find out
    local first = changes[1]
    for _, change in ipairs(changes) do
      if math.abs(change.bpm - first.bpm) >= SAME_BPM or change.beats ~= first.beats or change.unit ~= first.unit then
        return ('The tempo or the meter changes inside of "%s", at %.3f s.'):format(section.name, change.time_s)
      end
    end
    local quarters = reaper.TimeMap2_timeToQN(project, stop) - reaper.TimeMap2_timeToQN(project, start)
    if math.abs(quarters - (stop - start) * first.bpm / 60) > SAME_QUARTERS then
      return ('The tempo changes little by little inside of "%s".'):format(section.name)
    end
  end

  --- The words of each section, out of lyrics with the names of sections in brackets above them. Returns true, or nil and a sentence.
  local function hand_out(lyrics, sections)
    if not lyrics or not lyrics:find("%S") then return true end
    if not lyrics:find("%[.-%]") then
      if #sections > 1 then return nil, "The lyrics do not say which region has which words." end
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
        return nil, ('The lyrics begin with "%s", which belongs to no region.'):format(trim(line))
      end
    end
    for _, block in ipairs(blocks) do
      local free
      for _, section in ipairs(sections) do
        local name = (section.of or section).name:lower()
        local fits = section.name:lower() == block.tag:lower() or name == block.tag:lower()
        if fits and not section.lyrics and not free then free = section end
      end
      if not free then return nil, ("The lyrics have a part [%s] for which there is no region."):format(block.tag) end
      free.lyrics = trim(table.concat(block.lines, "\n"))
    end
    for _, section in ipairs(sections) do
      if not section.lyrics and section.of then section.lyrics = section.of.lyrics end
    end
    return true
  end

  --- The sections that regions stand for, with their frames in the project; or nil, a sentence and a remedy.
  local function sections_of(found, rate)
    local sections = {}
    for number, region in ipairs(found) do
      local name, caption = read_name(region.name, number)
      sections[number] = {
        name = name, caption = caption, region = region,
        first = math.floor(region.start * rate + 0.5), last = math.floor(region.stop * rate + 0.5),
      }
    end
    for number = 2, #sections do
      local fault = fault_between(sections[number - 1], sections[number], rate)
      if fault then
        return nil, fault, "Let each region begin where the one before it ends, or select the time of those that are meant."
      end
      sections[number].first = sections[number - 1].last
    end
    number_names(sections)
    return sections
  end

  --- What the request says of a section that begins `origin` frames into the project.
  local function entry_of(section, selected, origin)
    local rate = selected.rate
    -- Inside of the region: the tempo may change at its borders, which lie between two samples.
    local start, stop = section.region.start + INSIDE_S, section.region.stop - INSIDE_S
    local told, changes = plan_of.music(selected, start, stop, {})
    local fault = fault_inside(section, changes, selected.project, start, stop)
    if fault then return nil, fault end
    return {
      name = section.name, start_s = (section.first - origin) / rate, end_s = (section.last - origin) / rate,
      caption = section.caption, lyrics = section.lyrics, bpm = told.bpm, timesignature = told.timesignature, like = section.like,
    }, told.keyscale
  end

  function M.song(selected, values)
    local chosen = selected.from == "time selection"
    local found = regions.find(selected.project, chosen and selected.start, chosen and selected.stop)
    if #found == 0 then
      local where = chosen and "The time selection touches no region." or "The project has no regions."
      return nil, where, "Make a region for each section of the song, such as Verse and Chorus, then run the action again."
    end
    local sections, why, remedy = sections_of(found, selected.rate)
    if not sections then return nil, why, remedy end
    local ok
    ok, why = hand_out(values.lyrics, sections)
    if not ok then return nil, why, "Put the name of a region in brackets above its words, such as [Verse]." end
    local entries, key, notes, origin = {}, nil, {}, sections[1].first
    for number, section in ipairs(sections) do
      budget.spend(10)
      entries[number], key = entry_of(section, selected, origin)
      if not entries[number] then return nil, key, "Let the tempo change at the border of two regions." end
      notes[number] = { number = section.region.number, start = section.region.start, stop = section.region.stop }
    end
    local anchor = selected.picked and selected.anchor
    return {
      captures = {},
      song = {
        sections = json.array(entries), position_s = origin / selected.rate, sample_rate = selected.rate, caption = values.style,
        keyscale = key, seed = values.seed, takes = values.takes or settings.get("takes"),
      },
      place = {
        kind = "song", anchor = anchor and guid.of_track(anchor) or nil, anchor_name = anchor and tracks_of.name(anchor) or nil,
        regions = notes, made = plan_of.recipe(values),
      },
    }
  end

  return M
end
