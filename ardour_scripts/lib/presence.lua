-- Says to other programs that this session is open, and where things in it are: see `presence_file`.

return function(import)
  local files = import("shared/files")
  local json = import("shared/json")
  local own = import("own_folder")
  local presence_file = import("shared/presence_file")
  local random = import("random")
  local session = import("session")

  local instance = random()
  local known, key -- the session that was open at the last look, and what it is called here

  --- A name for the open session that stays when it is saved under another name.
  local function key_of_session()
    if not rawequal(known, Session) then known, key = Session, random() end
    return key
  end

  local function describe()
    local at, selected = Session:transport_sample(), Editor:get_selection().time
    local rate = session.rate()
    local bpm, beats, unit = session.tempo_at(at)
    local from, to = selected:start_sample(), selected:end_sample()
    return {
      key = key_of_session(), name = Session:snap_name(), file = session.file_path(), media = session.media_folder(), shown = true,
      recording = Session:actively_recording(), sample_rate = rate, bpm = bpm, beats = beats, unit = unit, cursor_s = at / rate,
      selection = to > from and { start_s = from / rate, end_s = to / rate } or json.null,
    }
  end

  local M = presence_file({
    root = function() return files.join(own.path, "inbox") end,
    instance = function() return instance end, now = session.now, reads_names = true,
    about = function() return { name = "Ardour", version = own.version } end,
    projects = function() return { describe() } end,
  })

  --- Whether this session is the one that somebody calls `key` or that has this file.
  function M.fits(by_instance, by_key, by_file)
    return by_instance == instance and by_key == key_of_session() or by_file == session.file_path()
  end

  return M
end
