-- What the musician selected: a stretch of time and tracks. A range goes before the loop, that before selected regions.

return function(import)
  local session = import("session")
  local M = {}

  local function tracks_in(selection)
    local wanted, found = {}, {}
    for route in selection.tracks:routelist():iter() do wanted[session.id(route)] = true end
    for _, one in ipairs(session.audio_tracks()) do
      if wanted[session.id(one.route)] then found[#found + 1] = one end
    end
    return found
  end

  local function regions_in(selection)
    local ids, first, last = {}, math.huge, -math.huge
    for region in selection.regions:regionlist():iter() do
      if not region:to_audioregion():isnil() then
        ids[session.id(region)] = true
        local start = session.samples(region:position())
        first, last = math.min(first, start), math.max(last, start + region:length():samples())
      end
    end
    return ids, first, last
  end

  --- The track whose playlist holds a region, or nil.
  local function track_with(region)
    local id = region:to_stateful():id()
    for route in Session:get_tracks():iter() do
      if not route:to_track():playlist():region_by_id(id):isnil() then return route end
    end
  end

  --- Selected MIDI regions that are not muted, and the names and ids of their tracks: { {region, name, track} … }.
  local function midi_in(selection)
    local found = {}
    for region in selection.regions:regionlist():iter() do
      local midi = region:to_midiregion()
      local route = not midi:isnil() and not region:muted() and track_with(region)
      if route then found[#found + 1] = { region = midi, name = route:name(), track = session.id(route) } end
    end
    return found
  end

  local function tracks_of(ids)
    local found = {}
    for _, one in ipairs(session.audio_tracks()) do
      for region in one.track:playlist():region_list():iter() do
        if ids[session.id(region)] then
          found[#found + 1] = one
          break
        end
      end
    end
    return found
  end

  --- Returns { from, to, kind, tracks, picked, regions, midi }: samples, or no `from` when nothing is selected that has a length;
  -- kind: "range", "loop" or "regions"; tracks: { {route, track} … }; picked: whether the musician chose them, else they are
  -- all audio tracks; regions: the ids of selected regions, as keys; midi: see `midi_in`.
  function M.read()
    local selection = Editor:get_selection()
    local found = {}
    local ids, first, last = regions_in(selection)
    found.regions, found.midi = ids, midi_in(selection)
    local from, to = selection.time:start_sample(), selection.time:end_sample()
    local loop = Session:locations():auto_loop_location()
    if to > from then
      found.kind, found.from, found.to = "range", from, to
    elseif loop and session.samples(loop:_end()) > session.samples(loop:start()) then
      found.kind, found.from, found.to = "loop", session.samples(loop:start()), session.samples(loop:_end())
    elseif last > first then
      found.kind, found.from, found.to = "regions", first, last
    end
    found.tracks = tracks_in(selection)
    if #found.tracks == 0 then found.tracks = tracks_of(ids) end
    found.picked = #found.tracks > 0
    if not found.picked then found.tracks = session.audio_tracks() end
    return found
  end

  return M
end
