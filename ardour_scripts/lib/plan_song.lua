-- The plan of a song from the ranges of a session: each range is a section, its name says what it is. See `plan`.

return function(import)
  local json = import("shared/json")
  local plan_of = import("plan")
  local ranges = import("ranges")
  local sections_from = import("shared/song_sections")
  local session = import("session")
  local settings = import("settings")
  local M = {}

  local INSIDE_S = 1e-3 -- tempo and meter change at the borders of ranges, which lie between two samples

  --- Tempo and meter of a section; or nil and a sentence where the tempo changes inside of it.
  local function music_of(section)
    if settings.get("tempo_from") ~= "session" then return {} end -- the engine is to find out
    local inside = session.frames(INSIDE_S)
    local music = session.music(section.stretch.first + inside, section.stretch.last - inside)
    if not music.bpm then return nil, ('The tempo changes inside of "%s".'):format(section.name) end
    return music
  end

  --- The song of a request, and the ranges as they are now; or nil, a message and a remedy.
  local function song_of(sections, values)
    local entries, notes, rate, origin = {}, {}, session.rate(), sections[1].first
    for number, section in ipairs(sections) do
      local music, why = music_of(section)
      if not music then return nil, why, "Let the tempo change at the border of two ranges." end
      entries[number] = sections_from.entry(section, origin, rate, music)
      local range = section.stretch
      notes[number] = { name = range.name, first = range.first, last = range.last }
    end
    return {
      sections = json.array(entries), position_s = origin / rate, sample_rate = rate, caption = values.style, seed = values.seed,
      takes = values.takes or settings.get("takes"),
    }, notes
  end

  function M.song(selected, values)
    local chosen = selected.kind == "range"
    local found = ranges.find(chosen and selected.from, selected.to)
    if #found == 0 then
      local where = chosen and "The selection touches no range marker." or "The session has no range markers."
      return nil, where, "Make a range marker for each section of the song, such as Verse and Chorus, then run the action again."
    end
    local sections, why, remedy = sections_from.of(found, session.rate(), "range")
    if not sections then return nil, why, remedy end
    local ok
    ok, why, remedy = sections_from.hand_out(plan_of.lines(values.lyrics), sections, "range")
    if not ok then return nil, why, remedy end
    local song, notes, cure = song_of(sections, values)
    if not song then return nil, notes, cure end
    local last = selected.picked and selected.tracks[#selected.tracks]
    return {
      captures = {}, song = song,
      place = {
        kind = "song", ranges = json.array(notes), first = sections[1].first, anchor = last and session.id(last.route) or nil,
        markers = values.markers ~= "no",
      },
    }
  end

  return M
end
