-- Running an action: what is selected, what is wanted, a job made of it. What takes time is left to the hook (see `watch`):
-- reading the audio, sending the request, placing the result.

return function(import)
  local actions = import("actions")
  local chords = import("chords")
  local dialog = import("dialog")
  local files = import("shared/files")
  local job = import("job")
  local json = import("shared/json")
  local own = import("own_folder")
  local request_fields = import("shared/request_fields")
  local session = import("session")
  local selection = import("selection")
  local settings = import("settings")
  local tell = import("tell")
  local M = {}

  local DISK = "Free some disk space, then run the action again."
  local HOOK_ALIVE_S = 20 -- longer than Ardour is ever busy with something else

  local function hook_runs()
    local time, where = (files.read(files.join(own.path, "hook.txt")) or ""):match("^(%d+)\t([^\n]*)")
    return time ~= nil and os.time() - tonumber(time) <= HOOK_ALIVE_S and where == session.path()
  end

  --- What the names of markers and ranges in a selection are taken for, where an action may send them as chords; else nil.
  local function chords_found(action, selected)
    if not selected.from then return nil end
    for _, field in ipairs(action.form) do
      if field.key == "chords" then return chords.describe(selected.from, selected.to) end
    end
    return nil
  end

  local function values_of(name, action, options, selected)
    local known = settings.last_values(name)
    if options.values then return options.values end
    if options.silent then
      local values = dialog.last(action.form, known)
      values.seed = options.seed -- a new take, not the same again
      return values
    end
    local notice = action.notice and action.notice(selected) or chords_found(action, selected)
    return dialog.ask(notice and ("%s (%s)"):format(action.title, notice) or action.title, action.form, known)
  end

  local function request_of(name, action, plan)
    for _, part in ipairs(plan.parts or {}) do
      if part.fields.output and not part.again then part.fields.sampling = request_fields.sampling(settings.get("dcw")) end -- not what a recipe says
    end
    return {
      action = name, title = action.title, engine = settings.get("engine"),
      host = { name = "Ardour", version = own.version, scripts = own.version, project = session.path() },
      media = { folder = session.media_folder(), format = settings.get("media_format") },
      parts = plan.parts and json.array(plan.parts), song = plan.song,
    }
  end

  local function send(name, action, plan)
    local id, why = job.new()
    if not id then return tell.say(why, DISK) end
    local ok, remedy
    ok, why, remedy = job.ready(id)
    for name_of_file, text in pairs(plan.texts or {}) do
      if ok then ok, why = files.write(job.path(id, name_of_file), text) end
    end
    if ok then
      local request = request_of(name, action, plan)
      ok, why = job.keep_plan(id, { title = action.title, request = request, captures = json.array(plan.captures), place = plan.place })
      if ok then ok, why = job.list(id) end
    end
    if not ok then
      job.discard(id)
      return tell.say(why, remedy or DISK)
    end
    tell.log(("%s: sent as %s"):format(action.title, id))
    if hook_runs() then return end
    tell.say(action.title .. " waits: the hook of AceBridge, which sends audio and places results, does not run.",
      'Add "AceBridge: Jobs" in Edit > Lua Scripts > Script Manager > Action Hooks. Or run "AceBridge: Place results" now, and again when the job has ended.')
  end

  local function perform(name, options)
    local action = actions[name]
    local values = values_of(name, action, options, selection.read())
    if not values then return end
    local plan, why, remedy = action.plan(selection.read(), values)
    if not plan then return tell.say(why, remedy) end
    settings.remember(name, values)
    send(name, action, plan)
  end

  --- Do the last action again on what is selected now, with a new seed.
  function M.again()
    local name, values = settings.last_action()
    if not name or not actions[name] then
      return tell.say("There is nothing to repeat.", "Run another AceBridge action first.")
    end
    values.seed = nil
    perform(name, { values = values })
  end

  --- Run the action `name`. options.silent: without its dialog.
  function M.run(name, options) perform(name, options) end

  return M
end
