-- The plan of a song from the regions of a project: each region is a section, its name says what it is. See `plan/tracks`.

return function(import)
  local budget = import("budget")
  local guid = import("project/guid")
  local json = import("shared/json")
  local plan_of = import("plan/common")
  local regions = import("project/regions")
  local sections_from = import("shared/song_sections")
  local settings = import("settings")
  local tracks_of = import("project/tracks")
  local M = {}

  local SAME_BPM, SAME_QUARTERS = 1e-6, 1e-3
  local INSIDE_S = 1e-3

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

  --- What the request says of a section that begins `origin` frames into the project.
  local function entry_of(section, selected, origin)
    local rate = selected.rate
    -- Inside of the region: the tempo may change at its borders, which lie between two samples.
    local start, stop = section.stretch.start + INSIDE_S, section.stretch.stop - INSIDE_S
    local told, changes = plan_of.music(selected, start, stop, {})
    local fault = fault_inside(section, changes, selected.project, start, stop)
    if fault then return nil, fault end
    return sections_from.entry(section, origin, rate, told), told.keyscale
  end

  function M.song(selected, values)
    local chosen = selected.from == "time selection"
    local found = regions.find(selected.project, chosen and selected.start, chosen and selected.stop)
    if #found == 0 then
      local where = chosen and "The time selection touches no region." or "The project has no regions."
      return nil, where, "Make a region for each section of the song, such as Verse and Chorus, then run the action again."
    end
    for _, region in ipairs(found) do
      region.first, region.last = math.floor(region.start * selected.rate + 0.5), math.floor(region.stop * selected.rate + 0.5)
    end
    local sections, why, remedy = sections_from.of(found, selected.rate, "region")
    if not sections then return nil, why, remedy end
    local ok
    ok, why, remedy = sections_from.hand_out(values.lyrics, sections, "region")
    if not ok then return nil, why, remedy end
    local entries, key, notes, origin = {}, nil, {}, sections[1].first
    for number, section in ipairs(sections) do
      budget.spend(10)
      entries[number], key = entry_of(section, selected, origin)
      if not entries[number] then return nil, key, "Let the tempo change at the border of two regions." end
      notes[number] = { number = section.stretch.number, start = section.stretch.start, stop = section.stretch.stop }
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
