-- Running an action: what is selected, what is wanted, audio out, request sent, result awaited. Every step that may fail
-- ends in one message that says what to do; no step waits.

return function(import)
  local actions = import("actions")
  local budget = import("budget")
  local capture = import("audio/capture")
  local chords = import("project/chords")
  local commands = import("commands")
  local on_exit = import("on_exit")
  local files = import("shared/files")
  local form = import("shared/form")
  local guid = import("project/guid")
  local job = import("jobs/job")
  local json = import("shared/json")
  local lyrics = import("project/lyrics")
  local messages = import("messages")
  local selection = import("project/selection")
  local plan_of = import("plan/common")
  local plan_takes = import("plan/takes")
  local recipe = import("audio/recipe")
  local request_fields = import("shared/request_fields")
  local settings = import("settings")
  local source = import("audio/source")
  local takes = import("project/takes")
  local watch = import("jobs/watch")
  local M = {}

  local SECTION = "AceBridge"
  local OLDEST = 6.24
  --- What is done as the recipe in a file says; there is no action of this name to run.
  local BY_RECIPE = "again"

  --- Wrap a function so that a fault of ours becomes a message and not an error window; `undo` is run then.
  local function with_guard(undo)
    return function(step)
      return function(...)
        local ok, fault = xpcall(step, debug.traceback, ...)
        if ok then return end
        if undo then pcall(undo) end
        if io then files.write(files.join(reaper.GetResourcePath(), "AceBridge", "error.txt"), tostring(fault)) end
        watch.say("AceBridge met a fault of its own: " .. tostring(fault):match("[^\n]*"),
          "Please report it with the file AceBridge/error.txt of REAPER's resource folder.")
      end
    end
  end

  local function check_environment()
    local version = reaper.GetAppVersion()
    local number = tonumber(version:match("^%d+%.?%d*"))
    if number and number < OLDEST then
      return nil, ("This is REAPER %s; AceBridge needs %.2f or newer."):format(version, OLDEST), "Update REAPER."
    end
    if not io or not os then
      return nil, "REAPER runs scripts in restricted mode, without access to files.", "Allow it in Preferences > Plug-ins > ReaScript, then run the action again."
    end
    return true
  end

  local function last_values(project, name)
    local known, text = reaper.GetProjExtState(project, SECTION, "form " .. name)
    return known > 0 and json.object(text) or {}
  end

  local function remember(project, name, values)
    reaper.SetProjExtState(project, SECTION, "form " .. name, json.encode(values))
    reaper.SetProjExtState(project, SECTION, "last", json.encode({ action = name, values = values }))
  end

  local OK_CANCEL, OK = 1, 1 -- MB

  --- Whether to go on with what will not be sent as it sounds: a form says it in its title, what has none asks.
  local function accepts(action, options, notice)
    if not notice or options.silent or options.values or #action.form > 0 or not notice:find("not sent", 1, true) then return true end
    return reaper.MB(('%s; choose "auto" for "Send audio" in "AceBridge_Settings" to send all.'):format(notice), "AceBridge", OK_CANCEL) == OK
  end

  --- The values of an action: asked for, or those of last time. nil: the dialog was cancelled. `notice`: "" where there is none.
  local function values_of(action, project, name, options, notice)
    if options.values then return options.values end
    local known = last_values(project, name)
    if options.silent or #action.form == 0 then
      local values = {}
      for _, field in ipairs(action.form) do
        values[field.key] = known[field.key]
        if values[field.key] == nil then values[field.key] = field.default end
      end
      values.seed = nil -- a new take, not the same again
      return values
    end
    return form.ask("AceBridge: " .. action.title .. (notice ~= "" and " (" .. notice .. ")" or ""), action.form, known)
  end

  local function request_of(name, action, plan, project)
    local media = reaper.GetProjectPathEx(project)
    plan.place.project = guid.of_project(project)
    for _, part in ipairs(plan.parts or {}) do
      if part.fields.output and not part.again then part.fields.sampling = request_fields.sampling(settings.get("dcw")) end -- not what a recipe says
    end
    return {
      action = plan.action or name, title = action.title, engine = settings.get("engine"),
      media = { folder = media, format = settings.get("media_format") }, parts = plan.parts and json.array(plan.parts), song = plan.song, place = plan.place,
    }
  end

  local LOST = '"%s" was not sent: its script was ended while it read audio, by its own action or with its panel.'
  local RUN_AGAIN = "Run it again, and leave it open until the audio is read."

  --- Read the audio, a little in every tick, and send. `id`: the job's folder, made already. An action ends with that; the
  -- script that watches shows how far it is, and places the result.
  local function send(id, request, recipes, guard, report)
    local reading = capture.start(recipes, job.folder(id))
    local is_over = false
    local function give_up(message, remedy)
      is_over = true
      reading.abort()
      job.discard(id)
      if message then report(message, remedy) end
    end
    local step
    step = guard(function()
      if job.is_cancelled(id) then return give_up() end
      local share, why = reading.step()
      if not share then return give_up(why, "Nothing was sent; run the action again.") end
      if share < 1 then
        job.report_reading(id, request.title, share)
        watch.start(with_guard())
        return reaper.defer(step)
      end
      local ok, message, remedy = job.submit(id, request)
      if not ok then return give_up(message, remedy) end
      is_over = true
      watch.start(with_guard())
    end)
    on_exit.add(function()
      if is_over then return end
      give_up()
      messages.hold(LOST:format(request.title), RUN_AGAIN)
    end)
    step()
  end

  --- See to the jobs of this REAPER that run, and to messages that are held back, when nobody does.
  local function watch_on()
    if watch.is_needed() then watch.start(with_guard()) end
  end

  local function action_of(name)
    return name == BY_RECIPE and { title = "Make again", plan = plan_takes.again, form = {} } or actions[name]
  end

  local function say_edited(report) report("The project was edited while it was read.", "Nothing was sent; run the action again.") end

  --- What the names of markers and regions in a selection are taken for, where an action may send them as chords; else nil.
  local function chords_found(action, selected)
    if not selected.start or selected.conflict then return nil end
    for _, field in ipairs(action.form) do
      if field.key == "chords" then return chords.describe(selected.project, selected.start, selected.stop) end
    end
    return nil
  end

  --- What is selected, what has to be known before it is sent, and what its dialog says beside that. It may take several ticks, and
  -- begins again after an edit.
  local function look(action, options, project)
    local selected = options.selected or selection.read(project)
    local follows = action.notice and action.notice(selected) -- notes, which leave chords no say
    local notice = action.sends_mix and source.notice(selected, settings.get("capture"))
      or action.sends and source.notice_of_items(selected[action.sends]) or follows or nil
    return selected, notice, not follows and chords_found(action, selected) or nil
  end

  --- Ask what is wanted; the plan and the values, or nil when that is not possible or the musician has changed their mind.
  local function build_plan(name, options, project, report)
    local action = action_of(name)
    local selected, notice, found = budget.observe(project, function() return look(action, options, project) end, 0, options.selected and 1)
    if not selected then return say_edited(report) end
    if not accepts(action, options, notice) then return nil end
    local values = values_of(action, project, name, options, table.concat({ notice or found, notice and found }, ", "))
    if not values then return nil end
    local asked = values
    for _, key in ipairs({ "lyrics", "source_lyrics" }) do
      local words, fault, cure = lyrics.read(values[key], selected)
      if fault then
        report(fault, cure)
        return nil
      end
      values = lyrics.with(values, key, words)
    end
    local read, plan, why, remedy = budget.observe(project, function() return true, action.plan(selected, values) end, 0, 1)
    if not read then return say_edited(report) end
    if not plan then
      if why then report(why, remedy) end -- without a word: the musician has changed their mind
      return nil
    end
    if (options.keep or not options.values) and #action.form > 0 then remember(project, name, asked) end
    plan.place.notice = notice
    return plan
  end

  --- Run the action `name`. options: `silent`: without its dialog; `values`: in place of one; `keep`: remember these as those of
  -- a dialog; `selected`: what is selected, in place of what is; `report(message, remedy)`: shows what hinders it, in place of
  -- a message.
  local function perform(name, options)
    local report = options.report or watch.say
    local id, fault = job.new()
    if not id then return report(fault, "Free some disk space, then run the action again.") end
    local is_over = false -- or left to `send`
    local function forget()
      is_over = true
      job.discard(id)
    end
    on_exit.add(function()
      if is_over then return end
      forget()
      messages.hold(LOST:format(action_of(name).title), RUN_AGAIN)
    end)
    local fine, fault_of_ours = xpcall(function()
      local ok, why, remedy = job.ready(id) -- it loads while the musician fills in the form and audio is read
      if not ok then
        forget()
        return report(why, remedy)
      end
      local project = reaper.EnumProjects(-1)
      local plan = build_plan(name, options, project, report)
      if not plan then
        forget()
        return watch_on()
      end
      is_over = true
      send(id, request_of(name, action_of(name), plan, project), plan.captures, with_guard(forget), report)
    end, debug.traceback)
    if fine then return end
    forget()
    error(fault_of_ours, 0)
  end

  --- Begin work of a script that goes on meanwhile: see `M.begin`.
  local function begin(work)
    local go_on, ended = budget.start(work), false
    local step = with_guard()(function() ended = go_on() end)
    return function()
      ended = true -- also by a fault of ours
      step()
      return ended
    end
  end

  --- Begin to run the action `name` in a script that goes on meanwhile. Returns what is to be called in each tick: it returns
  -- true once that has ended, in whichever way.
  function M.begin(name, options)
    return begin(function() perform(name, options) end)
  end

  --- Values of an action as they were entered last in a project; empty when they never were.
  M.last_values = last_values

  local function without_seed(values)
    local again = {}
    for key, value in pairs(values or {}) do again[key] = value end
    again.seed = nil
    return again
  end

  --- What is selected; nil, after a message, when the project was edited meanwhile: then its items are perhaps others.
  local function read_once(report)
    local project = reaper.EnumProjects(-1)
    local selected = budget.observe(project, function() return selection.read(project) end, 0, 1)
    if not selected then say_edited(report) end
    return selected
  end

  --- Make another take of a stretch that was repainted: the same one of the same item, wherever that is now. Returns
  -- whether the item's active take is such a one.
  function M.another_take(item)
    local take = item and reaper.GetActiveTake(item)
    local facts = take and takes.facts(take)
    if not facts or facts.action ~= "repaint" or not facts.again then return false end
    local selected = read_once(watch.say)
    if not selected then return true end
    -- The item may have been trimmed since: what was its start may lie before it now.
    local trimmed = reaper.GetMediaItemTakeInfo_Value(take, "D_STARTOFFS") - (facts.again.offset or 0)
    local start = selection.item_span(item) - trimmed / reaper.GetMediaItemTakeInfo_Value(take, "D_PLAYRATE")
    selected.items, selected.picked, selected.chosen, selected.conflict = { item }, true, true, nil
    selected.start, selected.stop, selected.from = start + facts.again.start, start + facts.again.stop, "items"
    perform("repaint", { values = without_seed(facts.values), selected = selected })
    return true
  end

  --- Do a job again with new seeds: the same audio and values, and its result goes where that of `id` belongs. Returns true, or
  -- nil, a message and a remedy.
  function M.send_again(id)
    local request = job.request(id)
    if not request then return nil, "The folder of this job is no longer there.", "Run the action again." end
    local function anchor(source) -- files in the folder of the first job
      if source and source.file and not source.file:find("[/\\]") then source.file = files.join(job.folder(id), source.file) end
    end
    for _, part in ipairs(request.parts) do
      local source = part.source or {}
      anchor(source)
      anchor(part.again)
      anchor(part.midi)
      for _, piece in ipairs(source.mix or {}) do anchor(piece) end
      if part.fields.output then part.fields.output.seeds = nil end
      part.fields.seed = nil
    end
    local again, fault = job.new()
    if not again then return nil, fault, "Free some disk space." end
    local ok, why, remedy = job.submit(again, request)
    if not ok then
      job.discard(again)
      return nil, why, remedy
    end
    return true
  end

  --- Make another take by the recipe in an item's file, wherever that came from. Returns whether there is one.
  function M.take_by_recipe(item)
    local take = item and reaper.GetActiveTake(item)
    local facts = take and takes.facts(take)
    if facts and facts.action ~= BY_RECIPE or not recipe.file_of(take) then return false end
    local selected = read_once(watch.say)
    if not selected then return true end
    selected.items = { item }
    perform(BY_RECIPE, { values = {}, selected = selected })
    return true
  end

  --- Begin to vary the active take of an item: new takes that are like it. As `begin`; `values`: those of the action, `report`
  -- shows what hinders it.
  function M.begin_to_vary(item, values, report)
    return begin(function()
      local selected = read_once(report)
      if not selected then return end
      selected.selected_items = { item }
      perform("vary_take", { values = values, selected = selected, report = report })
    end)
  end

  --- Do the last action again with a new seed: as the selected take was repainted, else as the recipe in its file says, else
  -- the last one of this project on what is selected now.
  function M.again()
    local project = reaper.EnumProjects(-1)
    local item = reaper.GetSelectedMediaItem(project, 0)
    if M.another_take(item) or M.take_by_recipe(item) then return end
    local known, text = reaper.GetProjExtState(project, SECTION, "last")
    local last = known > 0 and json.object(text)
    if not last or not actions[last.action] then
      return watch.say("There is nothing to repeat in this project.", "Run another AceBridge action first.")
    end
    perform(last.action, { values = without_seed(last.values) })
  end

  local RELAUNCH = 3 -- set_action_options: end this copy when the action runs again, and start a new one

  --- Run the action `name`. options.silent: without its dialog.
  function M.run(name, options)
    -- Before anything else: without it REAPER asks what to do about the copy that runs, in a dialog of its own.
    if name ~= "follow" and name ~= "panel" then -- which have options of their own
      if reaper.set_action_options then reaper.set_action_options(RELAUNCH) end
    end
    reaper.defer(function() end) -- no undo point of REAPER's own
    budget.run(function()
      local ok, why, remedy = check_environment()
      if not ok then return watch.say(why, remedy) end
      if actions[name] then
        perform(name, options or {})
      else
        commands[name](M, with_guard())
      end
    end, with_guard())
  end

  return M
end
