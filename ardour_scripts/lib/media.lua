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

  --- The region of a whole file, which is played in place; nil and a message.
  function M.open(path)
    local known = whole_region(path)
    if known then return known end
    local paths = C.StringVector()
    paths:push_back(path)
    Editor:do_embed(paths, Editing.ImportDistinctFiles, Editing.ImportAsRegion, session.at(0), ARDOUR.PluginInfo(), ARDOUR.Track())
    local region = whole_region(path)
    if region then return region end
    return nil, ("Ardour cannot open %s; is the disk still there?"):format(path)
  end

  --- Lay a file onto a playlist, its first frame at `position`, so that it sounds in [from, to) on top of what is there, which
  -- stays as it is below.
  function M.lay(playlist, whole, position, from, to, name)
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

  --- Have a track play a copy of a playlist; returns the copy.
  function M.copy_playlist(track, playlist, name)
    track:use_playlist(ARDOUR.DataType("audio"), playlist, false)
    if track:use_copy_playlist() ~= 0 then error("the playlist cannot be copied", 0) end
    local copy = track:playlist()
    copy:set_name(name)
    return copy
  end

  --- A new audio track below another one, or at the end.
  function M.new_track(name, channels, colour, anchor)
    local order = ARDOUR.PresentationInfo.max_order
    local one = anchor and session.find_track(anchor)
    if one then order = one.route:presentation_info_ptr():order() + 1 end
    local tracks = Session:new_audio_track(channels, channels, nil, 1, name, order, ARDOUR.TrackMode.Normal, true)
    for track in tracks:iter() do
      local red, green, blue = (colour or ""):match("^#(%x%x)(%x%x)(%x%x)$")
      if red then track:presentation_info_ptr():set_color(tonumber(red .. green .. blue .. "ff", 16)) end
      return track
    end
    error("no track could be made", 0)
  end

  function M.group(name, routes)
    local group = Session:new_route_group(name)
    for _, route in ipairs(routes) do group:add(route) end
  end

  return M
end
