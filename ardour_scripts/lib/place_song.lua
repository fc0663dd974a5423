-- A song from sections: a region for each on a new track, all cut from one file; other takes of its sections are on playlists of
-- the track. See `place`.

return function(import)
  local facts = import("place_facts")
  local media = import("media")
  local ranges = import("ranges")
  local session = import("session")

  local NAME = "Song"
  local MOVED = "The ranges were moved or changed meanwhile; the song lies where they were."

  --- The output of a section on the playlist with this number: the song itself on the first one, and where the section has no
  --- further take.
  local function output_of(result, section, number)
    local take = number > 1 and result.parts[section.part + 1].takes[number]
    return take and take.outputs[1] or result.parts[result.song.part + 1].takes[1].outputs[1]
  end

  --- How many takes the section with most of them has.
  local function count_takes(result)
    local most = 1
    for _, section in ipairs(result.song.sections) do most = math.max(most, #result.parts[section.part + 1].takes) end
    return most
  end

  local function lay(playlist, result, opened, origin, number)
    media.touch(playlist)
    for _, section in ipairs(result.song.sections) do
      local output = output_of(result, section, number)
      local first, last = origin + section.start_frame, origin + section.end_frame
      media.lay(playlist, opened[output.file], origin + output.start_frame, first, last, section.name)
    end
  end

  --- What a musician should know of it, "" for nothing.
  local function notes_of(result, moved)
    local missing, lines = result.song.missing, {}
    if #missing > 0 then
      lines = { "Not made: " .. table.concat(missing, ", ") .. ".", table.unpack(result.warnings) }
    end
    if moved then lines[#lines + 1] = MOVED end
    return table.concat(lines, "\n")
  end

  return function(plan, result)
    local opened = {}
    for _, part in ipairs(result.parts) do
      local why
      opened, why = media.open_part(part, opened)
      if not opened then return nil, why, media.KEPT, true end
    end
    local shift, moved = ranges.shift(plan.place.ranges)
    local origin, whole = plan.place.first + shift, output_of(result, result.song.sections[1], 1)
    -- A marker ends the step of undo that is open, so they come before that of the regions.
    for _, section in ipairs(plan.place.markers and result.song.sections or {}) do
      facts.add_marker(origin + section.start_frame, section.name)
    end
    return function()
      local track = media.new_track(NAME, whole.channels, whole.colour, plan.place.anchor)
      local empty = track:playlist()
      for number = count_takes(result), 2, -1 do
        lay(media.copy_playlist(track, empty, ("%s - take %d"):format(NAME, number)), result, opened, origin, number)
      end
      session.play(track, empty)
      lay(empty, result, opened, origin, 1)
      return notes_of(result, moved)
    end
  end
end
