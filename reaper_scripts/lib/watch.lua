-- Follows jobs until their results are placed. One script of a REAPER does it for all: whoever comes second leaves its job
-- to the first. A job whose script has gone is found in its folder.

return function(import)
  local budget = import("budget")
  local command = import("command")
  local files = import("files")
  local guid = import("guid")
  local inbox = import("inbox")
  local on_exit = import("on_exit")
  local job = import("job")
  local json = import("json")
  local place = import("place")
  local settings = import("settings")
  local window = import("window")
  local M = {}

  local SECTION, KEY, SHOW = "AceBridge", "watcher", "show"
  local MOST_NAMES = 3
  local LOOK_S, SEARCH_S, ALIVE_S = 0.05, 1, 3
  local YES_NO, YES = 4, 6

  local function say(message, remedy)
    reaper.MB(remedy and remedy ~= "" and message .. "\n\n" .. remedy or message, "AceBridge", 0)
  end
  M.say = say

  local function claim(token)
    reaper.SetExtState(SECTION, KEY, ("%s %.3f"):format(token, reaper.time_precise()), false)
  end

  --- Whether another script of this REAPER watches already.
  function M.is_watched_elsewhere(token)
    local who, when = reaper.GetExtState(SECTION, KEY):match("^(%S+) (%S+)$")
    return who ~= nil and who ~= token and math.abs(reaper.time_precise() - tonumber(when)) < ALIVE_S
  end

  --- Have the script that watches show its window.
  function M.show() reaper.SetExtState(SECTION, SHOW, "1", false) end

  local RECORDS = 4 -- GetPlayStateEx

  --- Whether a project of any tab records: then nothing is placed and no message comes in between.
  local function records()
    local i = 0
    while true do
      local project = reaper.EnumProjects(i)
      if not project then return false end
      if reaper.GetPlayStateEx(project) & RECORDS ~= 0 then return true end
      i = i + 1
    end
  end

  local SCRIPT = "AceBridge_Job list (background).lua"
  local FOLDER = select(2, reaper.get_action_context()):match("^(.*)[/\\]")

  --- Have somebody watch: an action of its own, so that no action that sends a job goes on running.
  function M.start(guard)
    local token = reaper.genGuid("")
    if M.is_watched_elsewhere(token) then return end
    local number = FOLDER and reaper.AddRemoveReaScript(true, 0, files.join(FOLDER, SCRIPT), true) or 0
    if number == 0 then return M.run(guard, token) end -- it is not installed: this script does it
    reaper.Main_OnCommand(number, 0)
  end

  --- The project that a result goes to, or nil: it is not open, and nobody wants it elsewhere or could be `asked`.
  local function home(request, asked)
    local identity = request.place.project
    local project = guid.project(identity)
    if project then return project end
    if not asked then return nil end
    local anchored = request.place.kind ~= "tracks"
    local gone = ("%s is ready, but %s is no longer open."):format(request.title, identity.name)
    if anchored then
      say(gone, 'The result is kept: open that project again, then run "AceBridge_Job list".')
      return nil
    end
    local answer = reaper.MB(gone .. "\n\nPut the result on a new track of the project that is open now? (No keeps it for later.)", "AceBridge", YES_NO)
    if answer ~= YES then return nil end
    request.place.anchor = nil
    return (reaper.EnumProjects(-1))
  end

  --- What a row says of a job that is done: what was placed, with which seeds, how long it took, and how to take it back.
  local function describe(request, result, summary)
    local names, seeds = {}, {}
    for _, part in ipairs(result.parts) do
      for _, take in ipairs(part.takes) do
        if take.seed and take.seed ~= json.null then seeds[#seeds + 1] = ("%d"):format(take.seed) end
        for _, output in ipairs(take.outputs or {}) do names[#names + 1] = output.name end
      end
    end
    local facts = { (summary:gsub("\n.*", "")) }
    if #names > 0 then facts[#facts + 1] = table.concat(names, ", ", 1, math.min(#names, MOST_NAMES)) end
    if #seeds > 0 then facts[#facts + 1] = (#seeds == 1 and "seed " or "seeds ") .. table.concat(seeds, ", ") end
    if result.total_s then facts[#facts + 1] = ("%.0f s"):format(result.total_s) end
    local lines = { table.concat(facts, "; "), ('Edit > Undo "AceBridge: %s" takes it back.'):format(request.title) }
    for _, warning in ipairs(result.warnings or {}) do lines[#lines + 1] = warning end
    return table.concat(lines, "\n")
  end

  --- The end of a job. `asked`: somebody waits for it, so that what hinders it is worth a message. Returns its state, a note
  -- and a remedy. It is closed first: while a message waits for an answer, other scripts may look at it too.
  local function finish(entry, asked)
    local request, status = entry.request, entry.status
    if job.is_placed(entry.id) then return "done", "" end
    job.close(entry.id)
    if status.state == "cancelled" then return "cancelled", "" end
    if status.state == "failed" then
      say(status.message, status.remedy)
      return "failed", status.message, status.remedy
    end
    local result = job.result(entry.id)
    if not result then
      say("The result of " .. request.title .. " cannot be read.", 'Run "AceBridge_Repeat last".')
      return "failed", "no result"
    end
    local project = home(request, asked)
    if not project then
      job.reopen(entry.id)
      return "kept", "waits for " .. request.place.project.name
    end
    local ok, summary, remedy, later = place.place(project, request, result)
    if not ok then
      if later then job.reopen(entry.id) end
      if asked or not later then say(summary, remedy) end
      return later and "kept" or "failed", summary, remedy
    end
    if remedy then say(summary) end
    return "done", describe(request, result, summary)
  end

  local function row(entry)
    local status = entry.status
    local eta = status.eta_s and (", %.0f s to go"):format(status.eta_s) or ""
    local ahead = status.position and status.position > 0 and (", %d ahead"):format(status.position) or ""
    return {
      id = entry.id, title = entry.request.title, fraction = status.fraction, state = entry.state or status.state,
      stage = entry.state and "" or (status.stage or status.state) .. ahead .. eta,
      note = entry.note or entry.request.place.notice or "", remedy = entry.remedy,
      button = entry.state == "failed" and job.log(entry.id) and "log" or nil,
    }
  end

  local function reading_row(reading)
    return {
      id = reading.id, title = reading.title, fraction = reading.fraction, state = "reading", note = "",
      stage = ("reading audio, %d %%"):format(math.floor(100 * reading.fraction)),
    }
  end

  --- Watch until nothing runs any more and the window is closed, which `stay` opens whatever the settings say.
  function M.run(guard, token, stay)
    local entries, order, readings = {}, {}, {}
    local searched, looked = -math.huge, -math.huge
    local shown = stay or settings.get("window") == "yes"
    local function add(id)
      local request = not entries[id] and job.request(id)
      if not request or type(request.place) ~= "table" or type(request.place.project) ~= "table" then return end
      entries[id] = { id = id, request = request, status = job.status(id, request) }
      order[#order + 1] = id
    end
    claim(token)
    on_exit.add(function()
      if not M.is_watched_elsewhere(token) then reaper.DeleteExtState(SECTION, KEY, false) end
      if not M.is_watched_elsewhere(token) then inbox.leave() end
      if shown then window.close() end
    end)
    if shown then window.open("AceBridge") end

    local function look(now)
      if M.is_watched_elsewhere(token) then return 0 end -- we were away for long, and another script watches now
      claim(token)
      local before = #readings
      readings = job.readings()
      if now - searched >= SEARCH_S or #readings < before then -- what was read may be a job now
        searched = now
        for _, id in ipairs(job.open()) do add(id) end
      end
      local running = #readings
      for _, id in ipairs(order) do
        local entry = entries[id]
        if not entry.state then
          entry.status = job.status(id, entry.request)
          local ended = job.is_finished(entry.status)
          if ended and entry.status.state ~= "cancelled" and records() then
            entry.status = { state = "waiting", stage = "ready, waits for the end of the recording", fraction = 1 }
            running = running + 1
          elseif ended then
            local ok, state, note, remedy = pcall(finish, entry, stay or job.is_ours(id))
            if not ok then -- a result that is not what it should be; it is closed, and the next job does not suffer from it
              say("The result of " .. entry.request.title .. " cannot be used: " .. tostring(state), 'Run "AceBridge_Repeat last".')
              state, note = "failed", "cannot be used"
            end
            entry.state, entry.note, entry.remedy = state, note, remedy
          else
            running = running + 1
          end
        end
      end
      return running + inbox.look(now)
    end

    local running = 1
    local look_on -- a look under way: placing into a large project takes several ticks
    job.clean_sometimes()
    local function tick()
      local now = reaper.time_precise()
      if not look_on and now - looked >= LOOK_S then
        looked = now
        look_on = budget.start(function() return look(now) end)
      end
      if look_on then
        local ended, count = look_on()
        if ended then look_on, running = nil, count else claim(token) end
      end
      if reaper.HasExtState(SECTION, SHOW) then
        reaper.DeleteExtState(SECTION, SHOW, false)
        if not shown then window.open("AceBridge") end
        shown, stay = true, true
      end
      if shown then
        local rows = {}
        for i, id in ipairs(order) do rows[i] = row(entries[id]) end
        for _, reading in ipairs(readings) do rows[#rows + 1] = reading_row(reading) end
        local event = window.draw(rows)
        if event and event[1] == "cancel" then job.cancel(event[2]) end
        if event and event[1] == "log" then command.open(job.log(event[2])) end
        if event and event[1] == "close" then
          window.close()
          shown, stay = false, false
        end
      end
      if running > 0 or (shown and not M.is_watched_elsewhere(token)) then reaper.defer(guard(tick)) end
    end
    tick()
  end

  return M
end
