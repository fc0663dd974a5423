-- Files in Ardour: opened in place, laid onto playlists, undone in one step.

return function(import)
  local session = import("session")
  local M = {}

  local function whole_region(path)
    for _, region in ARDOUR.RegionFactory.regions():iter() do
      local audio = region:to_audioregion()
      if region:whole_file() and not audio:isnil() and audio:source(0):to_filesource():path() == path then return region end
    end
  end

  --- Whether the session holds a file already.
  function M.is_open(path) return whole_region(path) ~= nil end

  --- The regions of whole files by their ids; `cast`: what makes one of their kind of a region, such as "to_midiregion".
  local function whole_regions(cast)
    local found = {}
    for _, region in ARDOUR.RegionFactory.regions():iter() do
      if region:whole_file() and not region[cast](region):isnil() then found[session.id(region)] = region end
    end
    return found
  end

  --- Have Ardour import a file: audio as copies at the session's rate, MIDI with its ticks as they are; its region, or nil.
  local function import_file(path, cast)
    local paths, before = C.StringVector(), whole_regions(cast)
    paths:push_back(path)
    Editor:do_import(paths, Editing.ImportDistinctFiles, Editing.ImportAsRegion, ARDOUR.SrcQuality.SrcBest,
      ARDOUR.MidiTrackNameSource.SMFTrackName, ARDOUR.MidiTempoMapDisposition.SMFTempoIgnore, session.at(0), ARDOUR.PluginInfo(),
      ARDOUR.Track(), false)
    for id, region in pairs(whole_regions(cast)) do
      if not before[id] then return region end
    end
  end

  local function cannot_open(path) return ("Ardour cannot open %s; is the disk still there?"):format(path) end

  --- The region of a whole file, which is played in place, or converted where its sample rate is not the session's; nil and a
  -- message.
  function M.open(path, rate)
    local known = whole_region(path)
    if known then return known end
    local region
    if rate ~= session.rate() then
      region = import_file(path, "to_audioregion")
    else
      local paths = C.StringVector()
      paths:push_back(path)
      Editor:do_embed(paths, Editing.ImportDistinctFiles, Editing.ImportAsRegion, session.at(0), ARDOUR.PluginInfo(), ARDOUR.Track())
      region = whole_region(path)
    end
    if region then return region end
    return nil, cannot_open(path)
  end

  --- The region of a MIDI file, which is imported; nil and a message.
  function M.import_midi(path)
    local region = import_file(path, "to_midiregion")
    if region then return region end
    return nil, cannot_open(path)
  end

  --- What to do where a file of a result cannot be opened.
  M.KEPT = 'Bring the disk back, then run "AceBridge: Place results"; the result is kept.'

  --- Open the files of a part of a result: regions by their files, added to those of `opened`; nil and a message.
  function M.open_part(part, opened)
    opened = opened or {}
    for _, take in ipairs(part.takes) do
      for _, output in ipairs(take.outputs or {}) do
        local region, why = M.open(output.file, output.sample_rate)
        if not region then return nil, why end
        opened[output.file] = region
      end
    end
    return opened
  end

  --- Lay a file onto a playlist, its first frame at `position`, so that it sounds in [from, to) on top of what is there, which
  -- stays as it is below. `gain`: what its samples are multiplied by, if not 1.
  function M.lay(playlist, whole, position, from, to, name, gain)
    local region = ARDOUR.RegionFactory.clone_region(whole, true, false)
    region:set_name(name)
    region:set_position(session.at(position))
    if from > position then region:trim_front(session.at(from)) end
    local last = position + whole:length():samples()
    if to < last then region:trim_end(session.at(to)) end
    playlist:add_region(region, session.at(from), 1, false)
    region:raise_to_top()
    local audio = region:to_audioregion()
    audio:set_fade_in_active(false)
    audio:set_fade_out_active(false)
    if gain and gain ~= 1 then audio:set_scale_amplitude(gain) end
    return region
  end

  --- Lay a MIDI file onto a playlist, between two positions of Ardour's.
  function M.lay_midi(playlist, whole, from, to, name)
    local region = ARDOUR.RegionFactory.clone_region(whole, true, false)
    region:set_name(name)
    region:set_position(from)
    region:trim_end(to)
    playlist:add_region(region, from, 1, false)
    return region
  end

  local changed

  --- Note that a playlist is about to change in this step.
  function M.touch(playlist)
    playlist:to_stateful():clear_changes()
    changed[#changed + 1] = playlist
  end

  --- Do `change` as one step of undo.
  function M.as_one_step(title, change)
    changed = {}
    Session:begin_reversible_command("AceBridge: " .. title)
    local ok, summary = pcall(change)
    for _, playlist in ipairs(changed) do Session:add_stateful_diff_command(playlist:to_statefuldestructible()) end
    if not Session:abort_empty_reversible_command() then Session:commit_reversible_command(nil) end
    if not ok then error(summary, 0) end
    return summary
  end

  --- A name that no playlist of a track has yet.
  local function free_name(track, wanted)
    local known, name, number = {}, wanted, 1
    for playlist in Session:playlists():playlists_for_track(track):iter() do known[playlist:name()] = true end
    while known[name] do
      number = number + 1
      name = ("%s (%d)"):format(wanted, number)
    end
    return name
  end

  --- Have a track play a copy of a playlist; returns the copy.
  function M.copy_playlist(track, playlist, name)
    session.play(track, playlist)
    local free = free_name(track, name)
    if track:use_copy_playlist() ~= 0 then error("the playlist cannot be copied", 0) end
    local copy = track:playlist()
    copy:set_name(free)
    return copy
  end

  --- Where a new track below another one comes, or at the end.
  local function order_below(anchor)
    local route = anchor and session.find_route(anchor)
    return route and route:presentation_info_ptr():order() + 1 or ARDOUR.PresentationInfo.max_order
  end

  --- A new audio track below another one, or at the end.
  function M.new_track(name, channels, colour, anchor)
    local tracks = Session:new_audio_track(channels, channels, nil, 1, name, order_below(anchor), ARDOUR.TrackMode.Normal, true)
    for track in tracks:iter() do
      local red, green, blue = (colour or ""):match("^#(%x%x)(%x%x)(%x%x)$")
      if red then track:presentation_info_ptr():set_color(tonumber(red .. green .. blue .. "ff", 16)) end
      return track
    end
    error("no track could be made", 0)
  end

  --- A new MIDI track without an instrument below another track, or at the end.
  function M.new_midi_track(name, anchor)
    local midi, audio = ARDOUR.ChanCount(ARDOUR.DataType("midi"), 1), ARDOUR.ChanCount(ARDOUR.DataType("audio"), 2)
    local tracks = Session:new_midi_track(midi, audio, false, ARDOUR.PluginInfo(), nil, nil, 1, name, order_below(anchor), ARDOUR.TrackMode.Normal, true)
    for track in tracks:iter() do return track end
    error("no track could be made", 0)
  end

  function M.group(name, routes)
    local group = Session:new_route_group(name)
    for _, route in ipairs(routes) do group:add(route) end
  end

  return M
end
