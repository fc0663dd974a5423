-- What all plans share. A plan turns a selection and the values of a dialog into { parts, captures, place }, or returns nil,
-- a message and a remedy.

return function(import)
  local chords = import("chords")
  local json = import("shared/json")
  local request_fields = import("shared/request_fields")
  local session = import("session")
  local settings = import("settings")
  local M = {}

  M.MOST_S = 1200 -- the longest source that a task takes

  --- `is_new`: it is music without a source, whose bars begin with the stretch.
  function M.music(selected, values, is_new)
    local music = settings.get("tempo_from") == "session" and session.music(selected.from, selected.to) or {}
    if values.chords == "yes" then
      local chart, beats = chords.chart(selected.from, selected.to, is_new)
      if chart then music.chords, music.timesignature = chart, beats end
    end
    return M.words(values, music)
  end

  --- Lyrics from a dialog, where "/" parts lines.
  function M.lines(lyrics) return lyrics and (lyrics:gsub("%s*/%s*", "\n")) end

  --- Caption and lyrics, added to the fields of `music`.
  function M.words(values, music)
    music.caption, music.lyrics = values.style, M.lines(values.lyrics)
    return music
  end

  --- `rate`: of the result; nil: as its source has it.
  function M.output(values, rate)
    return request_fields.output(values, settings.get("takes"), rate)
  end

  --- Whether a stretch is selected; nil, a message and a remedy if not.
  function M.check(selected)
    if not selected.from then
      return nil, "Nothing is selected.", "Select a range or regions, or set the loop, then run the action again."
    end
    if #selected.tracks == 0 then return nil, "There is no audio track.", "Make a track with audio, then run the action again." end
    if selected.to - selected.from > M.MOST_S * session.rate() then
      return nil, ("The selection is %.0f s long; allowed: at most %d s."):format((selected.to - selected.from) / session.rate(), M.MOST_S), "Select less."
    end
    return true
  end

  --- Whether it is known which tracks are meant; nil, a message and a remedy if not. `purpose`: what is to be done with the track.
  function M.check_tracks(selected, purpose)
    local count = #selected.tracks
    if selected.picked or count == 1 then return true end
    return nil, ("No track is selected, and the session has %d audio tracks."):format(count), ("Select the track %s."):format(purpose)
  end

  local function one_track(selected, purpose)
    if #selected.tracks == 1 then return selected.tracks[1] end
    if selected.picked then return nil, ("%d tracks are selected."):format(#selected.tracks), ("Select the one track %s."):format(purpose) end
    return M.check_tracks(selected, purpose)
  end

  --- The one track that is meant where a stretch is selected, and how many channels it has; or nil, a message and a remedy.
  -- `purpose`: what is to be done with it.
  function M.audio_track(selected, purpose)
    local ok, why, remedy = M.check(selected)
    if not ok then return nil, why, remedy end
    local one
    one, why, remedy = one_track(selected, purpose)
    if not one then return nil, why, remedy end
    local channels
    channels, why, remedy = session.channels(one)
    if not channels then return nil, why, remedy end
    return one, channels
  end

  --- Where each file that a stretch of a track plays begins in the session, to find the music again when it was moved.
  function M.origins(track, from, to)
    local found, seen = {}, {}
    for _, one in ipairs(session.regions(track, from, to)) do
      local file = session.file(one.region)
      local origin = one.first - session.samples(one.region:start())
      if not seen[file .. origin] then found[#found + 1] = { file = file, origin = origin } end
      seen[file .. origin] = true
    end
    return json.array(found)
  end

  return M
end
