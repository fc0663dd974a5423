-- The jobs that somebody follows: how far each is, and the end of each, which places its result.

return function(import)
  local guid = import("project/guid")
  local job = import("jobs/job")
  local json = import("shared/json")
  local messages = import("messages")
  local place = import("place/result")
  local scores = import("shared/scores")
  local undo = import("project/undo")
  local M = {}

  local MOST_NAMES = 3
  local SEARCH_S = 1
  local YES_NO, YES = 4, 6 -- MB
  local HELD = "held" -- the row of what is said when a recording has ended
  local REPEAT = 'Run "AceBridge_Repeat last".'

  --- Outputs' names, seeds, and what the best takes were chosen from, of a result.
  local function contents(result)
    local names, seeds, choices = {}, {}, {}
    for _, part in ipairs(result.parts) do
      for _, take in ipairs(part.takes) do
        if take.seed and take.seed ~= json.null then seeds[#seeds + 1] = ("%d"):format(take.seed) end
        for _, output in ipairs(take.outputs or {}) do names[#names + 1] = output.name end
      end
      choices[#choices + 1] = scores.of_choice(part)
    end
    return names, seeds, choices
  end

  --- What a row says of a job that is done: what was placed, with which seeds, how long it took, and how to take it back.
  local function describe(request, result, summary)
    local names, seeds, choices = contents(result)
    local facts = { summary }
    if #names > 0 then facts[#facts + 1] = table.concat(names, ", ", 1, math.min(#names, MOST_NAMES)) end
    if #seeds > 0 then facts[#facts + 1] = (#seeds == 1 and "seed " or "seeds ") .. table.concat(seeds, ", ") end
    for _, choice in ipairs(choices) do facts[#facts + 1] = choice end
    for _, part in ipairs(result.parts) do
      for _, text in ipairs(scores.of_fit(part, result.warnings)) do facts[#facts + 1] = (text:gsub("%.$", "")) end
    end
    if result.total_s then facts[#facts + 1] = ("%.0f s"):format(result.total_s) end
    local lines = { table.concat(facts, "; ") }
    if result.placed then lines[2] = undo.way_back(request.title, result.steps or 1) end
    for _, warning in ipairs(result.warnings or {}) do lines[#lines + 1] = warning end
    return table.concat(lines, "\n"), seeds
  end

  --- What the job works on, in a word: its item or its track.
  local function subject(request)
    local item = (request.place.items or {})[1]
    local name = item and item.name or request.place.anchor_name
    return type(name) == "string" and name ~= "" and name or nil
  end

  local PLACING = "placing it" -- which takes several ticks in a large project

  local function row_of(entry)
    local status = entry.status
    local eta = status.eta_s and status.eta_s ~= json.null and (", %.0f s to go"):format(status.eta_s) or ""
    local position = status.position ~= json.null and status.position or 0
    local ahead = position > 0 and (", %d ahead"):format(position) or ""
    return {
      id = entry.id, title = entry.request.title, subject = subject(entry.request), fraction = status.fraction,
      state = entry.state or status.state, stage = entry.state and "" or entry.is_ending and PLACING or (status.stage or status.state) .. ahead .. eta,
      note = entry.note or status.note or entry.request.place.notice or "", remedy = entry.remedy or status.remedy,
      log = entry.log, ended = entry.state ~= nil, is_job = not entry.is_other,
      cancelling = not entry.state and entry.cancelling or nil,
    }
  end

  local function row_of_held(text)
    return { id = HELD, title = "AceBridge", fraction = 0, state = "kept", stage = "", note = text, is_job = false }
  end

  --- The state of a job that has ended while REAPER records.
  local function waiting(status)
    if status.state ~= "failed" then return { state = "waiting", stage = "ready, waits for the end of the recording", fraction = 1 } end
    return {
      state = "failed", stage = "failed, waits for the end of the recording", note = status.message, remedy = status.remedy,
      fraction = status.fraction,
    }
  end

  local function row_of_reading(reading)
    return {
      id = reading.id, title = reading.title, fraction = reading.fraction, state = "reading", note = "",
      stage = ("reading audio, %d %%"):format(math.floor(100 * reading.fraction)),
    }
  end

  --- Whether a result may go into another project than the one that it was made for: onto tracks of its own.
  function M.may_move(request) return request.place.kind == "tracks" or request.place.kind == "song" end

  --- Follow jobs. `options.say(message, remedy)`: shows a message. options.asked(id): somebody waits for this job, so that what
  -- hinders it is worth one. options.shown(): a person sees the rows, which say everything: then nothing is shown or asked in
  -- messages. options.others(): entries of results that are no jobs, { {id, request, status, state, is_other = true} … }, which
  -- somebody else places: they have rows too.
  function M.follow(options)
    local entries, order, readings = {}, {}, {}
    local searched = -math.huge
    local self = {}

    local function say(message, remedy)
      if not options.shown() then options.say(message, remedy) end
    end

    --- Have a result go into the project that is shown, which has other tracks and regions. Returns that project.
    local function move_here(where)
      where.anchor, where.regions = nil, {}
      return (reaper.EnumProjects(-1))
    end

    --- The project that a result goes to, or nil and what to say of it.
    local function home(entry)
      local request = entry.request
      local identity = request.place.project
      local project = guid.project(identity)
      if project then return project end
      local gone = ("%s is ready, but %s is no longer open."):format(request.title, identity.name)
      local may_move = M.may_move(request)
      if entry.here and may_move then return move_here(request.place) end
      if options.shown() then
        return nil, gone, may_move and "Open that project again, or put the result on a new track of this one." or "Open that project again."
      end
      if not options.asked(entry.id) then return nil, "waits for " .. identity.name end
      if not may_move then
        say(gone, 'The result is kept: open that project again, then run "AceBridge_Job list".')
        return nil, "waits for " .. identity.name
      end
      if messages.is_recording() then return nil, messages.RECORDING end
      local question = "\n\nPut the result on a new track of the project that is open now? (No keeps it for later.)"
      if reaper.MB(gone .. question, "AceBridge", YES_NO) ~= YES then return nil, "waits for " .. identity.name end
      return move_here(request.place)
    end

    --- The end of a job: its state, a note and a remedy; nil: it waits for the end of a recording. It is closed first: while a
    -- message waits for an answer, other scripts may look at it too.
    local function finish(entry)
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
        say("The result of " .. request.title .. " cannot be read.", REPEAT)
        return "failed", "The result cannot be read."
      end
      local clash, update = job.clash(result)
      if clash then
        job.reopen(entry.id)
        if options.asked(entry.id) then say(clash, update) end
        return "kept", clash, update
      end
      local project, why, cure = home(entry)
      if not project then
        job.reopen(entry.id)
        if why == messages.RECORDING then return nil end
        return "kept", why, cure
      end
      entry.result = result
      local ok, summary, remedy, later = place.place(project, request, result)
      if later == messages.RECORDING then
        job.reopen(entry.id)
        return nil
      end
      if not ok then
        if later then job.reopen(entry.id) end
        if options.asked(entry.id) or not later then say(summary, remedy) end
        return later and "kept" or "failed", summary, remedy
      end
      if remedy then say(summary) end
      entry.placed, entry.project = result.placed, project
      local note
      note, entry.seeds = describe(request, result, summary)
      return "done", note
    end

    local function end_of(entry)
      entry.is_ending = true
      local ok, state, note, remedy = pcall(finish, entry)
      entry.is_ending = nil
      if not ok then -- a result that is not what it should be; it is closed, and the next job does not suffer from it
        local fault = "The result of " .. entry.request.title .. " cannot be used: " .. tostring(state)
        say(fault, REPEAT)
        state, note, remedy = "failed", fault, REPEAT
      end
      entry.result = nil
      if not state then
        entry.status, entry.waits = waiting(entry.status), true
        return
      end
      entry.state, entry.note, entry.remedy = state, note, remedy
      entry.log = state == "failed" and job.log(entry.id) or nil
    end

    --- Say once that a command has not begun yet.
    local function say_late(entry)
      local SECTION, key = "AceBridge", "late " .. entry.id
      if options.shown() or not options.asked(entry.id) or reaper.HasExtState(SECTION, key) then return end
      reaper.SetExtState(SECTION, key, "1", false)
      say(("The acebridge command has not begun with %s yet."):format(entry.request.title),
        'Its result is placed when it comes. Run "AceBridge_Doctor" to see whether it can.')
    end

    --- Look at a job; returns whether it still runs.
    local function look_at(entry)
      if entry.state or entry.is_other then return false end
      entry.status = job.status(entry.id, entry.request)
      if entry.status.late then say_late(entry) end
      if not job.is_finished(entry.status) then return true end
      if entry.waits and entry.status.state == "done" and job.is_cancelled(entry.id) then entry.status = { state = "cancelled" } end
      if entry.status.state ~= "cancelled" and messages.is_recording() then
        entry.status, entry.waits = waiting(entry.status), true
        return true
      end
      end_of(entry)
      return entry.state == nil
    end

    local function add(id)
      local request = not entries[id] and job.request(id)
      if not request or type(request.place) ~= "table" or type(request.place.project) ~= "table" then return end
      entries[id] = { id = id, request = request, status = job.status(id, request) }
      order[#order + 1] = id
    end

    local function add_others()
      for _, entry in ipairs(options.others()) do
        if not entries[entry.id] then
          entries[entry.id], order[#order + 1] = entry, entry.id
        end
      end
    end

    --- Look at all jobs; returns how many run.
    function self.look(now)
      local before = #readings
      readings = job.readings()
      if now - searched >= SEARCH_S or #readings < before then -- what was read may be a job now
        searched = now
        for _, id in ipairs(job.open()) do add(id) end
      end
      add_others()
      local running = #readings
      for _, id in ipairs(order) do
        if look_at(entries[id]) then running = running + 1 end
      end
      return running
    end

    --- A row for each job, the newest first.
    function self.rows()
      local rows, held = {}, messages.find_held()
      if held then rows[1] = row_of_held(held) end
      for i = #readings, 1, -1 do rows[#rows + 1] = row_of_reading(readings[i]) end
      for i = #order, 1, -1 do rows[#rows + 1] = row_of(entries[order[i]]) end
      return rows
    end

    --- Look for new jobs at once.
    function self.search() searched = -math.huge end

    function self.entry(id) return entries[id] end

    function self.cancel(id)
      job.cancel(id)
      if entries[id] then entries[id].cancelling = true end
    end

    --- Try once more to place a result that is kept. `here`: in the project that is shown, should its own not be open.
    function self.retry(id, here)
      local entry = entries[id]
      if not entry or entry.state ~= "kept" then return end
      entry.state, entry.note, entry.remedy, entry.here = nil, nil, nil, here
    end

    --- Whether a result is placed in several steps, and some of them are done.
    function self.has_begun()
      for _, entry in pairs(entries) do
        if entry.is_ending and entry.result and entry.result.begun then return true end
      end
      return false
    end

    --- Nobody follows here any more: a result that was about to be placed is left to the next one who follows.
    function self.stop()
      for id, entry in pairs(entries) do
        if entry.is_ending and not (entry.result and entry.result.begun) then job.reopen(id) end
        entry.is_ending = nil
      end
    end

    --- Take away the row of a job that has ended. It stays known, so that a kept result does not come back at once.
    function self.dismiss(id)
      for i, known in ipairs(order) do
        if known == id and entries[id].state then return table.remove(order, i) end
      end
    end

    return self
  end

  return M
end
