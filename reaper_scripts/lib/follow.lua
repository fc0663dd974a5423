-- Reports what is selected to `acebridge osc follow reaper`, through a file: REAPER's OSC knows the loop only, and its Lua
-- has no sockets. The format: `acebridge.hosts.osc.surfaces.reaper`.

return function(import)
  local budget = import("budget")
  local file_passthrough = import("audio/file_passthrough")
  local files = import("shared/files")
  local json = import("shared/json")
  local on_exit = import("on_exit")
  local selection = import("project/selection")
  local tempo = import("project/tempo")
  local M = {}

  local VERSION = 1
  local LOOK_S = 0.1
  local REPEAT_S = 5 -- the file is written again after this time, so that its age tells whether the action still runs
  local TOGGLE_ON, END_ON_RELAUNCH, TOGGLE_OFF = 4, 1, 8 -- set_action_options
  local PATTERNS = "AceBridge.ReaperOSC"

  local function folder() return files.join(reaper.GetResourcePath(), "AceBridge") end
  local function state_file() return files.join(folder(), "follow.json") end

  --- The file that an item plays, and where, or nil and a reason.
  local function clip_of(item)
    local take = reaper.GetActiveTake(item)
    local file = take and file_passthrough.file_of(take)
    if not file then
      return nil, 'The item does not play a file as it is. Glue it, or run "AceBridge_Repaint time selection" in REAPER.'
    end
    local position = reaper.GetMediaItemInfo_Value(item, "D_POSITION")
    local length = reaper.GetMediaItemInfo_Value(item, "D_LENGTH")
    local before = math.max(0, -file.offset_s) -- silence in front of the file
    local sounding = math.min(length, file.frames / file.rate - file.offset_s) - before
    return { file = file.path, position_s = position + before, offset_s = file.offset_s + before, length_s = sounding }
  end

  --- What is selected now, without the actions.
  function M.read(project)
    local selected = selection.read(project, true)
    local at = selected.start or reaper.GetCursorPositionEx(project)
    local music = tempo.music(project, at, selected.stop or at)
    local state = {
      version = VERSION, folder = reaper.GetProjectPathEx(project), bpm = music.bpm, timesignature = music.timesignature,
      track = "", problem = "",
    }
    if selected.picked then state.track = select(2, reaper.GetTrackName(selected.tracks[1])) end
    if selected.start then state.range = { from = selected.from, start_s = selected.start, end_s = selected.stop } end
    if selected.conflict then
      state.problem = table.concat(selected.conflict, " ")
    elseif #selected.items == 1 then
      state.clip, state.problem = clip_of(selected.items[1])
    elseif selected.start then
      state.problem = ("%d items lie in the %s. Select one of them, or glue them."):format(#selected.items, selected.from)
    end
    return state
  end

  --- Our actions by name, with the command id that OSC triggers each by.
  local function read_actions(scripts)
    local found, names = {}, {}
    for _, name in ipairs(files.names(scripts)) do
      if name:match("^AceBridge_.+%.lua$") then names[#names + 1] = name end
    end
    for i, name in ipairs(names) do -- those that are in REAPER's list keep their ids; the list is written once
      local number = reaper.AddRemoveReaScript(true, 0, files.join(scripts, name), i == #names)
      local id = number ~= 0 and reaper.ReverseNamedCommandLookup(number)
      if id then found[name:match("^AceBridge_(.+)%.lua$")] = "_" .. id end
    end
    return found
  end

  --- Put the pattern file where REAPER's dialog for OSC finds it.
  local function install_patterns(scripts)
    local text = files.read(files.join(scripts, PATTERNS))
    local target = files.join(reaper.GetResourcePath(), "OSC")
    if text and files.read(files.join(target, PATTERNS)) ~= text and files.make_folder(target) then
      files.write(files.join(target, PATTERNS), text)
    end
  end

  function M.run(guard)
    local scripts = select(2, reaper.get_action_context()):match("^(.*)[/\\]")
    if reaper.set_action_options then reaper.set_action_options(END_ON_RELAUNCH | TOGGLE_ON) end
    install_patterns(scripts)
    files.make_folder(folder())
    local actions = read_actions(scripts)
    on_exit.add(function()
      files.remove(state_file())
      if reaper.set_action_options then reaper.set_action_options(TOGGLE_OFF) end
    end)
    local latest, written, seen = nil, -math.huge, -math.huge
    local function report(state, now)
      state.actions = actions
      local text = json.encode(state)
      if text ~= latest or now - written >= REPEAT_S then
        if files.write(state_file(), text) then latest, written = text, now end
      end
    end
    local reading -- what is under way: a large project takes several ticks
    local tick
    tick = guard(function()
      local now = reaper.time_precise()
      if not reading and now - seen >= LOOK_S then
        seen = now
        local project = reaper.EnumProjects(-1)
        reading = budget.start(function()
          return budget.observe(project, function() return M.read(project) end, 0, 1)
        end)
      end
      local ended, state
      if reading then ended, state = reading() end
      if ended then reading = nil end
      if state then report(state, now) end -- nil: the project was edited meanwhile; the next look is soon
      reaper.defer(tick)
    end)
    tick()
  end

  return M
end
