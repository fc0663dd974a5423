-- Places finished jobs that others made, in a browser or with `acebridge place`: see `inbox_folder`.

return function(import)
  local files = import("shared/files")
  local inbox_folder = import("shared/inbox_folder")
  local inbox_result = import("shared/inbox_result")
  local media = import("media")
  local place = import("place")
  local presence = import("presence")
  local selection = import("selection")
  local session = import("session")
  local tell = import("tell")
  local M = {}

  local LOOK_S = 1
  local NAMES = "folders.txt" -- Ardour's Lua cannot list a folder: senders write the names into this file
  local text = inbox_result.text

  --- The open session, if a placement is for it, or nil.
  local function find_project(wanted)
    local addressed = type(wanted.project) == "table" and wanted.project or {}
    return presence.fits(wanted.instance, text(addressed.key), text(addressed.file)) and Session or nil
  end

  --- Whether the session holds a file of the result already: each placement has files of its own.
  local function is_placed(_, _, result)
    for _, path in ipairs(inbox_result.files(result)) do
      if media.is_open(path) then return true end
    end
    return false
  end

  local PLACES = {}
  function PLACES.seconds(_, at) return tonumber(at.position_s) end
  function PLACES.cursor() return Session:transport_sample() / session.rate() end
  function PLACES.selection()
    local selected = Editor:get_selection().time
    local from = selected:start_sample()
    if selected:end_sample() > from then return from / session.rate() end
    return nil, "There is no range in the session.", "Select one, or choose another place with --at."
  end
  function PLACES.bar(_, at)
    local bar = tonumber(at.bar)
    return bar and bar >= 1 and session.bar_at(math.floor(bar)) / session.rate() or nil
  end

  --- The one selected region, if the outputs are takes of it to the sample; or nil and why not.
  local function find_region(result, outputs)
    local selected = selection.read()
    local regions = {}
    for _, one in ipairs(next(selected.regions) and selected.tracks or {}) do
      for _, each in ipairs(session.regions(one.track, 0, session.EVERYWHERE)) do
        if selected.regions[session.id(each.region)] then
          each.one = one
          regions[#regions + 1] = each
        end
      end
    end
    if #regions ~= 1 then return nil, "not exactly one region is selected" end
    local region = regions[1]
    if #result.parts > 1 or #place.roles(result.parts[1]) > 1 then return nil, "there are several tracks of it", region.one end
    for _, output in ipairs(outputs) do
      local first = session.frames(output.position_s)
      if first ~= region.first or first + session.frames(output.length_s) ~= region.last then
        return nil, "the selected region is not at the same place or not as long", region.one
      end
    end
    return region
  end

  --- Where it goes, as the plan of an action says it, and what to say about that.
  local function target(wanted, result, outputs, at)
    local note, beside
    if wanted.as == "take" then
      local region, why
      region, why, beside = find_region(result, outputs)
      if region then
        local path = session.file(region.region)
        local item = {
          track = session.id(region.one.route), name = region.one.track:name(), first = region.first, from = region.first, to = region.last,
          whole = true, origins = { { file = path, origin = region.first - session.samples(region.region:start()) } },
        }
        return { kind = "takes", items = { item } }
      end
      note = ("It is no take, because %s."):format(why)
    end
    local selected = selection.read()
    local last = beside or selected.picked and selected.tracks[#selected.tracks]
    local group = text(wanted.folder)
    return { kind = "tracks", first = at, anchor = last and session.id(last.route) or nil, group = group ~= "" and group or nil }, note
  end

  --- Place what is meant for the session; see `inbox_folder`.
  local function put(project, _, wanted, result)
    local at_s, why, remedy = inbox_result.time_of(PLACES, "Ardour", project, wanted, session.rate())
    if not at_s then return "refused", why, remedy end
    local outputs, first, cure = inbox_result.place(result, at_s)
    if not outputs then return "refused", first, cure end
    local title = text(wanted.title) ~= "" and wanted.title or "Place"
    local to, note = target(wanted, result, outputs, session.frames(at_s))
    local ok, said, fix = place.place({ title = title, place = to }, result, "")
    if not ok then return "refused", said, fix end
    local what = to.kind == "takes" and "a new playlist" or "on new tracks"
    local message = ("%s: %s at %.3f s in %s."):format(title, what, first, Session:snap_name())
    for _, sentence in ipairs({ note or "", said }) do
      if sentence ~= "" then message = message .. " " .. sentence end
    end
    return "placed", message, "", { position_s = first }
  end

  local function path_of(name) return files.join(presence.root(), name) end

  --- Names of the folders that are there, each once.
  local function names()
    local found, known = {}, {}
    for name in (files.read(path_of(NAMES)) or ""):gmatch("[%w%-%.]+") do
      if not known[name] and files.exists(files.join(path_of(name), "place.json")) then found[#found + 1] = name end
      known[name] = true
    end
    return found
  end

  --- Note a folder that was renamed, for whoever watches next.
  local function note_claim(name)
    local file = io.open(path_of(NAMES), "ab")
    if not file then return end
    file:write(name, "\n")
    file:close()
  end

  local inbox = inbox_folder({
    name = "Ardour", presence = presence, find_project = find_project, is_placed = is_placed, put = put, note_claim = note_claim,
    is_recording = function() return Session:actively_recording() end,
    note_waiting = function(_, _, message) tell.log(message) end,
    note_end = function(id, _, state, message) tell.log(("%s %s: %s"):format(state, id, message)) end,
  })

  local looked = -math.huge

  --- Say that the session is open, and look into the inbox, once a second.
  function M.look()
    local now = session.now()
    if now - looked < LOOK_S then return end
    looked = now
    presence.tell()
    inbox.look(names())
  end

  return M
end
