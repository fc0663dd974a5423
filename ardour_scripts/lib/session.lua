-- Ardour's session in plain numbers: samples, ids, tempo.

return function()
  local M = {}

  M.at = Temporal.timepos_t
  function M.samples(position) return position:samples() end
  function M.rate() return math.floor(Session:nominal_sample_rate()) end
  function M.path() return Session:path() end

  --- Seconds that nobody can set.
  function M.now() return ARDOUR.LuaAPI.monotonic_time() / 1e6 end

  function M.id(object) return object:to_stateful():id():to_s() end

  M.EVERYWHERE = 1 << 40 -- samples; longer than any session

  --- Seconds in samples.
  function M.frames(seconds) return math.floor(seconds * M.rate() + 0.5) end

  --- The session's file.
  function M.file_path() return ("%s/%s.ardour"):format(Session:path(), Session:snap_name()) end

  --- The file that a region plays.
  function M.file(region) return region:to_audioregion():source(0):to_filesource():path() end

  --- Where Ardour keeps the session's audio.
  function M.media_folder()
    return ("%s/interchange/%s/audiofiles"):format(Session:path(), Session:name())
  end

  --- The audio track of a route, or nil.
  function M.audio_track(route)
    local track = route:to_track()
    if not track:isnil() and track:data_type():to_string() == "audio" then return track end
  end

  --- All audio tracks in the order of the mixer: { {route, track} … }.
  function M.audio_tracks()
    local found = {}
    for route in Session:get_tracks():iter() do
      local track = M.audio_track(route)
      if track then found[#found + 1] = { route = route, track = track } end
    end
    table.sort(found, function(a, b) return a.route:presentation_info_ptr():order() < b.route:presentation_info_ptr():order() end)
    return found
  end

  --- The route with an id, or nil.
  function M.find_route(id)
    local route = Session:route_by_id(PBD.ID(id))
    return not route:isnil() and route or nil
  end

  --- The audio track with an id: { route, track }, or nil.
  function M.find_track(id)
    local route = M.find_route(id)
    local track = route and M.audio_track(route)
    return track and { route = route, track = track } or nil
  end

  --- One or two channels of a track's audio; nil, a message and a remedy for more.
  function M.channels(one)
    local count = math.floor(one.track:n_inputs():n_audio())
    if count == 1 or count == 2 then return count end
    return nil, ('The track "%s" has %d channels; allowed: 1 or 2.'):format(one.track:name(), count), "Bounce it to a stereo track first."
  end

  --- The playlists of a track, the oldest first, and the number of the one that plays.
  function M.playlists(track)
    local found, playing = {}, M.id(track:playlist())
    for playlist in Session:playlists():playlists_for_track(track):iter() do found[#found + 1] = playlist end
    table.sort(found, function(a, b) return tonumber(M.id(a)) < tonumber(M.id(b)) end)
    for number, playlist in ipairs(found) do
      if M.id(playlist) == playing then return found, number end
    end
    return found, 1
  end

  --- The playlist with an id, or nil.
  function M.find_playlist(id)
    local playlist = Session:playlists():by_id(PBD.ID(id))
    return not playlist:isnil() and playlist or nil
  end

  --- Have a track play a playlist.
  function M.play(track, playlist) track:use_playlist(ARDOUR.DataType("audio"), playlist, false) end

  --- Regions with audio that a stretch of a track touches: { {region, first, last} … }.
  function M.regions(track, from, to) return M.regions_of(track:playlist(), from, to) end

  --- The same of a playlist.
  function M.regions_of(playlist, from, to)
    local found = {}
    if to <= from then return found end
    for region in playlist:regions_touched(M.at(from), M.at(to - 1)):iter() do
      if not region:to_audioregion():isnil() and not region:muted() then
        local first = M.samples(region:position())
        found[#found + 1] = { region = region, first = first, last = first + region:length():samples() }
      end
    end
    return found
  end

  local PIECES = 16 -- in which a stretch is looked at for changes of tempo

  --- Tempo and meter of a stretch as fields of a request; the tempo is left out where it changes inside of it.
  function M.music(from, to)
    local map = Temporal.TempoMap.read()
    local bpm = map:quarters_per_minute_at(M.at(from))
    local meter = map:meter_at(M.at(from))
    local beats = math.floor(meter:divisions_per_bar())
    local changes = false
    for piece = 1, PIECES do
      local position = M.at(from + (to - from) * piece // PIECES - (piece == PIECES and 1 or 0))
      changes = changes or math.abs(map:quarters_per_minute_at(position) - bpm) > 1e-6
    end
    return { bpm = not changes and bpm or nil, timesignature = meter:note_value() == 4 and beats >= 2 and beats <= 6 and beats or nil }
  end

  --- Tempo in quarters a minute, beats of a bar, and what a beat is.
  function M.tempo_at(position)
    local map = Temporal.TempoMap.read()
    local meter = map:meter_at(M.at(position))
    return map:quarters_per_minute_at(M.at(position)), math.floor(meter:divisions_per_bar()), math.floor(meter:note_value())
  end

  --- Where a bar begins; the session begins with bar 1.
  function M.bar_at(bar)
    local map = Temporal.TempoMap.read()
    return map:sample_at_beats(map:quarters_at_bbt(Temporal.BBT_TIME(bar, 1, 0)))
  end

  --- The length of bars after a position in samples, by tempo and meter there.
  function M.bars(count, position)
    local map = Temporal.TempoMap.read()
    local meter = map:meter_at(M.at(position))
    local quarters = count * meter:divisions_per_bar() * 4 / meter:note_value()
    return math.floor(quarters * 60 / map:quarters_per_minute_at(M.at(position)) * M.rate() + 0.5)
  end

  return M
end
