-- Plans for repaint and for more bars: the result lies on a copy of the track's playlist.

return function(import)
  local plan_of = import("plan")
  local session = import("session")
  local settings = import("settings")
  local M = {}

  --- Where the regions that a stretch of a track touches begin and end; the end is before the begin where there are none.
  local function extent(track, from, to)
    local first, last = math.huge, -math.huge
    for _, found in ipairs(session.regions(track, from, to)) do
      first, last = math.min(first, found.first), math.max(last, found.last)
    end
    return first, last
  end

  --- Where the music of a track begins and ends around a stretch, at most the context away from it.
  local function extent_around(track, from, to)
    local context = math.floor(settings.get("context_s") * session.rate())
    local low, high = math.max(0, from - context), to + context
    local first, last = extent(track, low, high)
    return math.max(first, low), math.min(last, high)
  end

  --- The part, the recipe and the notes for a new stretch [from, to) of a track whose music lies in [first, last).
  local function new_stretch(one, number, stretch, values)
    local channels, why, remedy = session.channels(one)
    if not channels then return nil, why, remedy end
    local rate, file = session.rate(), ("source-%d.wav"):format(number)
    local fields = {
      music = plan_of.music({ from = stretch.from, to = stretch.to }, values), start_s = (stretch.from - stretch.first) / rate,
      context_s = settings.get("context_s"), mode = values.mode, strength = values.strength, output = plan_of.output(values),
    }
    if stretch.to ~= stretch.last then fields.end_s = (stretch.to - stretch.first) / rate end
    if values.loudness == "off" then fields.match_loudness = false else fields.loudness_of = values.loudness end
    return {
      part = { task = "repaint", label = one.track:name(), position_s = stretch.first / rate, source = { file = file }, fields = fields },
      capture = { file = file, track = session.id(one.route), first = stretch.first, frames = stretch.sent - stretch.first, channels = channels },
      item = {
        track = session.id(one.route), name = one.track:name(), file = file, first = stretch.first, frames = stretch.sent - stretch.first,
        from = stretch.from, to = stretch.to, channels = channels, origins = plan_of.origins(one.track, stretch.first, stretch.sent),
      },
    }
  end

  --- A plan of such stretches.
  local function collect(items)
    local plan = { parts = {}, captures = {}, place = { kind = "takes", items = {} } }
    for i, made in ipairs(items) do plan.parts[i], plan.captures[i], plan.place.items[i] = made.part, made.capture, made.item end
    return plan
  end

  --- The plan of one such stretch.
  function M.plan_stretch(one, stretch, values)
    local made, why, remedy = new_stretch(one, 1, stretch, values)
    if not made then return nil, why, remedy end
    return collect({ made })
  end

  function M.repaint(selected, values)
    local ok, why, remedy = plan_of.check(selected)
    if not ok then return nil, why, remedy end
    ok, why, remedy = plan_of.check_tracks(selected, "that is to be repainted")
    if not ok then return nil, why, remedy end
    local items = {}
    for _, one in ipairs(selected.tracks) do
      if #session.regions(one.track, selected.from, selected.to) > 0 then
        local first, last = extent_around(one.track, selected.from, selected.to)
        local stretch = { first = first, last = last, sent = last, from = math.max(selected.from, first), to = math.min(selected.to, last) }
        local made
        made, why, remedy = new_stretch(one, #items + 1, stretch, values)
        if not made then return nil, why, remedy end
        items[#items + 1] = made
      end
    end
    if #items == 0 then
      return nil, "There is no region in the selection.", 'Select a stretch with music, or run "AceBridge: Generate here".'
    end
    return collect(items)
  end

  --- The music that is to grow: what the selection touches on its first track, or all of that track.
  local function find_music(selected)
    local one = selected.tracks[1]
    if not one then return nil, "There is no audio track.", "Select the track whose music is to grow." end
    local ok, why, remedy = plan_of.check_tracks(selected, "whose music is to grow")
    if not ok then return nil, why, remedy end
    local from, to = selected.from, selected.to
    if not from or #session.regions(one.track, from, to) == 0 then from, to = 0, session.EVERYWHERE end
    local first, last = extent(one.track, from, to)
    if last <= first then return nil, ('There is no audio on the track "%s".'):format(one.track:name()), "Select a track with music." end
    return one, first, last
  end

  local function next_region(one, from, to)
    local nearest
    for _, found in ipairs(session.regions(one.track, from, to)) do
      if found.first >= from then nearest = math.min(nearest or found.first, found.first) end
    end
    return nearest
  end

  --- Whole frames are added behind the music, so that it stays where it is.
  function M.extend(selected, values)
    local one, first, last = find_music(selected)
    if not one then return nil, first, last end
    local frames = session.bars(values.bars or 8, last)
    local occupied = next_region(one, last, last + frames)
    if occupied then
      return nil, ("The next region is %.1f s away, and %.1f s are wanted."):format((occupied - last) / session.rate(), frames / session.rate()), "Make room, or choose fewer bars."
    end
    first = math.max(first, last - math.floor(settings.get("context_s") * session.rate()))
    local stretch = { first = first, sent = last, last = nil, from = last, to = last + frames }
    return M.plan_stretch(one, stretch, values)
  end

  function M.prepend(selected, values)
    local one, first, last = find_music(selected)
    if not one then return nil, first, last end
    local frames = session.bars(values.bars or 8, first)
    if frames > first then
      return nil, ("There are only %.1f s before the music, and %.1f s are wanted."):format(first / session.rate(), frames / session.rate()), "Move it to the right, or choose fewer bars."
    end
    if #session.regions(one.track, first - frames, first) > 0 then
      return nil, "Another region lies before the music.", "Make room, or choose fewer bars."
    end
    last = math.min(last, first + math.floor(settings.get("context_s") * session.rate()))
    local stretch = { first = first, sent = last, last = last, from = first - frames, to = first }
    return M.plan_stretch(one, stretch, values)
  end

  return M
end
