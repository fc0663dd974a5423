ardour {
  ["type"] = "EditorHook",
  name = "AceBridge: Follow",
  license = "MIT",
  author = "The AceBridge authors",
  description = [[Sends the selected range or the loop, the tempo, and the file of the selected region to AceBridge whenever one of them changes. Start `acebridge osc follow ardour` to receive it.]],
}

function signals()
  return LuaSignal.Set():add({ [LuaSignal.LuaTimerDS] = true })
end

-- Ardour keeps only the text of this function: all that it needs is inside of it.
function factory()
  local URL = "osc.udp://127.0.0.1:50712" -- where `acebridge osc follow ardour` listens; the installer sets the port
  local ADDRESS = "/acebridge/ardour/state"
  local REPEAT_TICKS = 10 -- ten ticks a second: one that starts to listen later learns all within a second

  local function samples(position) return position:samples() end

  --- What is to change: the selected range, else the loop. Its kind, start and end in samples.
  local function find_range(selection)
    local from, to = selection.time:start_sample(), selection.time:end_sample()
    if to > from then return "range", from, to end
    local loop = Session:locations():auto_loop_location()
    if loop then
      from, to = samples(loop:start()), samples(loop:_end())
      if to > from then return "loop", from, to end
    end
    return "", 0, 0
  end

  local function audio_track(route)
    local track = route:to_track()
    if not track:isnil() and track:data_type():to_string() == "audio" then return track end
  end

  --- The first selected audio track, else the only one that there is, or nil.
  local function find_track(selection)
    for route in selection.tracks:routelist():iter() do
      local track = audio_track(route)
      if track then return track end
    end
    local found
    for route in Session:get_tracks():iter() do
      local track = audio_track(route)
      if track then
        if found then return nil end
        found = track
      end
    end
    return found
  end

  local function find_selected_regions(selection)
    local found = {}
    for region in selection.regions:regionlist():iter() do
      if not region:to_audioregion():isnil() then found[#found + 1] = region end
    end
    return found
  end

  --- What sounds in the range: one region if there is only one, or if the one on top covers all of the range.
  local function regions_in(track, from, to)
    local found, top = {}, nil
    for region in track:playlist():regions_touched(Temporal.timepos_t(from), Temporal.timepos_t(to - 1)):iter() do
      if not region:muted() then
        found[#found + 1] = region
        if not top or region:layer() > top:layer() then top = region end
      end
    end
    if top then
      local first = samples(top:position())
      if first <= from and first + top:length():samples() >= to and top:opaque() then return { top } end
    end
    return found
  end

  --- Type tags and values of the state: see `acebridge.hosts.osc.surfaces.ardour`.
  local function read_state()
    local selection = Editor:get_selection()
    local kind, from, to = find_range(selection)
    local track = find_track(selection)
    local regions = find_selected_regions(selection)
    if #regions == 0 and track and kind ~= "" then regions = regions_in(track, from, to) end

    local at = Temporal.timepos_t(from)
    local map = Temporal.TempoMap.read()
    local meter = map:meter_at(at)
    local tags = "sissdddiii"
    local values = {
      Session:path(), math.floor(Session:nominal_sample_rate()), track and track:name() or "", kind, from, to,
      map:quarters_per_minute_at(at), meter:divisions_per_bar(), meter:note_value(), #regions,
    }
    local function add(tag, value)
      tags = tags .. tag
      values[#values + 1] = value
    end
    if #regions == 1 then
      local region = regions[1]:to_audioregion()
      add("d", samples(regions[1]:position()))
      add("d", samples(regions[1]:start()))
      add("d", regions[1]:length():samples())
      for channel = 0, region:n_channels() - 1 do
        local file = region:source(channel):to_filesource()
        add("s", file:path())
        add("i", file:channel())
      end
    end
    return tags, values
  end

  local target -- made later: Ardour tries this function where there is nothing of its own
  local latest, ticks = "", 0
  return function()
    target = target or ARDOUR.LuaOSC.Address(URL)
    ticks = ticks + 1
    local ok, tags, values = pcall(read_state)
    if not ok then tags, values = "s", { tostring(tags) } end
    local text = tags .. table.concat(values, "\n")
    if text == latest and ticks < REPEAT_TICKS then return end
    latest, ticks = text, 0
    target:send(ok and ADDRESS or "/acebridge/ardour/fault", tags, table.unpack(values))
  end
end
