-- Puts a result into the session, in one step of undo. Everything that can be wrong is looked at first.

return function(import)
  local facts = import("place_facts")
  local media = import("media")
  local scores = import("shared/scores")
  local place_notes = import("place_notes")
  local place_song = import("place_song")
  local session = import("session")
  local whereabouts = import("whereabouts")
  local M = {}

  local MARGIN_S = 0.1 -- around a new stretch: longer than its crossfades

  --- A name for a playlist: what it was, without what we have added before.
  local function take_name(name, title, take)
    local added = " %- " .. title:gsub("%p", "%%%0") .. " %d+"
    local plain = name:gsub(added .. "$", ""):gsub(added .. " %(%d+%)$", "")
    return ("%s - %s %s"):format(plain, title, take.seed and ("%d"):format(take.seed) or take.take)
  end

  --- Where an output of a take begins, and the stretch of it that sounds: where the music was when it was sent. The file of an
  -- item that is `whole` takes the place of another one, frame by frame.
  local function span(item, output, margin)
    if item.whole then return item.first, item.from, item.to end
    local position = item.first + output.start_frame
    return position, math.max(position, item.from - margin), math.min(position + output.frames, item.to + margin)
  end

  --- Lay every take of a part onto a copy of the track's playlist; the first take is the one that plays.
  local function lay_takes(one, item, part, opened, shift, title)
    local margin = math.floor(MARGIN_S * session.rate())
    local original = one.track:playlist()
    local name = original:name()
    for number = #part.takes, 1, -1 do
      local take = part.takes[number]
      local output = take.outputs[1]
      local position, low, high = span(item, output, margin)
      local playlist = media.copy_playlist(one.track, original, take_name(name, title, take))
      media.touch(playlist)
      media.lay(playlist, opened[output.file], position + shift, low + shift, high + shift, output.name, item.gain)
    end
  end

  --- Lay the takes of a part onto a new track: where the music was.
  local function lay_beside(item, part, opened, title)
    local track
    for number = #part.takes, 1, -1 do
      local take = part.takes[number]
      local output = take.outputs[1]
      track = track or media.new_track(("%s - %s"):format(item.name, title), output.channels, output.colour, item.track)
      local position, low, high = span(item, output, 0)
      local playlist = track:playlist()
      if number < #part.takes then playlist = media.copy_playlist(track, playlist, take_name(track:name(), title, take)) end
      media.touch(playlist)
      media.lay(playlist, opened[output.file], position, low, high, output.name, item.gain)
    end
  end

  local kinds = { analysis = facts.analysis, notes = place_notes, ranges = facts.ranges, scores = facts.scores, song = place_song }

  function kinds.takes(plan, result, folder)
    local margin, jobs, notes = math.floor(MARGIN_S * session.rate()), {}, {}
    for number, item in ipairs(plan.place.items) do
      local opened, why = media.open_part(result.parts[number])
      if not opened then return nil, why, media.KEPT, true end
      local one = session.find_track(item.track)
      local shift = one and whereabouts.shift(one, item, folder, margin)
      if not shift then
        notes[#notes + 1] = ('The music on "%s" was edited meanwhile: the result lies on a new track, where the music was.'):format(item.name)
      end
      jobs[number] = function()
        if shift then lay_takes(one, item, result.parts[number], opened, shift, plan.title) else lay_beside(item, result.parts[number], opened, plan.title) end
      end
    end
    return function()
      for _, lay in ipairs(jobs) do lay() end
      return table.concat(notes, "\n")
    end
  end

  --- Outputs of a part by role, in order: { {role, takes = {output …}} … }.
  function M.roles(part)
    local roles, known = {}, {}
    for _, take in ipairs(part.takes) do
      for _, output in ipairs(take.outputs or {}) do
        if not known[output.role] then
          known[output.role] = { role = output.role, takes = {} }
          roles[#roles + 1] = known[output.role]
        end
        table.insert(known[output.role].takes, { output = output, take = take })
      end
    end
    return roles
  end

  --- The same without the role `mix`, where others have tracks of their own: the source plays on beside them.
  local function roles_apart(part, mix)
    local roles, apart = M.roles(part), {}
    for _, role in ipairs(roles) do
      if role.role ~= mix then apart[#apart + 1] = role end
    end
    return #apart > 0 and apart or roles
  end

  --- Where an output begins, behind the start of its source.
  local function start_of(output) return math.floor(output.start_frame * session.rate() / output.sample_rate + 0.5) end

  local function lay_role(role, position, opened, plan, anchor)
    local first = role.takes[1].output
    local name = first.name ~= "" and first.name or plan.title
    local track = media.new_track(name, first.channels, first.colour, anchor)
    local empty = track:playlist()
    for number = #role.takes, 1, -1 do
      local made = role.takes[number]
      local start, whole = position + start_of(made.output), opened[made.output.file]
      local playlist = empty
      if number > 1 then
        playlist = media.copy_playlist(track, empty, take_name(track:name(), plan.title, made.take))
      else
        session.play(track, empty)
      end
      media.touch(playlist)
      media.lay(playlist, whole, start, math.max(0, start), start + whole:length():samples(), made.output.name)
    end
    return track
  end

  function kinds.tracks(plan, result)
    local roles, opened = {}, {}
    for _, part in ipairs(result.parts) do
      local why
      opened, why = media.open_part(part, opened)
      if not opened then return nil, why, media.KEPT, true end
      for _, role in ipairs(roles_apart(part, plan.place.mix)) do roles[#roles + 1] = role end
    end
    local shift, edited = whereabouts.common_shift(plan.place.origins, session.find_track)
    return function()
      local tracks, anchor = {}, plan.place.anchor
      for _, role in ipairs(roles) do
        local track = lay_role(role, plan.place.first + shift, opened, plan, anchor)
        tracks[#tracks + 1], anchor = track, session.id(track)
      end
      if plan.place.group and #tracks > 1 then
        media.group(plan.place.name and ("%s: %s"):format(plan.place.group, plan.place.name) or plan.place.group, tracks)
      end
      local notes = edited and { "The music was edited meanwhile: the new tracks lie where it was." } or {}
      for _, part in ipairs(result.parts) do
        for _, text in ipairs(scores.of_fit(part, result.warnings)) do notes[#notes + 1] = text end
      end
      return table.concat(notes, "\n")
    end
  end

  --- Place a result; returns true and a note ("" for none), or nil, a message, a remedy, and whether trying again may help.
  function M.place(plan, result, folder)
    local apply, why, remedy, later = kinds[plan.place.kind](plan, result, folder)
    if not apply then return nil, why, remedy, later end
    local ok, note = pcall(media.as_one_step, plan.title, apply)
    if ok then return true, note end
    return nil, "Ardour could not place the result: " .. tostring(note), 'The result is kept: run "AceBridge: Place results".', true
  end

  return M
end
