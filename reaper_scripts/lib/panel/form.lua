-- The upper part of the panel: what is sent, the task and its values, presets and the last prompts, Go.

return function(import)
  local actions = import("actions")
  local fields = import("panel/fields")
  local lyrics = import("project/lyrics")
  local settings = import("settings")
  local store = import("panel/store")
  local summary = import("panel/summary")
  local M = {}

  local GO_REST_S = 0.5 -- so long after a Go none is taken: people click twice
  local FROM = { item = "From item notes", project = "From project notes", clipboard = "From clipboard", file = "From file…" }
  local NO_PRESET, MOST_LETTERS = "", 70
  local LAST_TASK = "task" -- the record that says which task was shown last

  --- A form. `action`: what runs tasks. Returns { draw(ui, now, sent), keep(), note_seed(seed) }.
  function M.new(action)
    local self = {}
    local tasks, titles, by_title = fields.tasks(), {}, {}
    for i, name in ipairs(tasks) do
      titles[i] = actions[name].title
      by_title[titles[i]] = name
    end
    local task = tasks[1]
    local last = store.last(LAST_TASK)
    if last and actions[last.task] then task = last.task end
    local entered, seed = {}, { text = "", locked = false } -- what was entered in the project that is shown, by task
    local entered_in, shown = {}, nil -- the same by project
    local known = {} -- what was entered → what it was when it was loaded or kept
    local message, remedy -- what hindered the last Go
    local went_at = -math.huge
    local going -- what is begun and not on its way yet: { go_on, task, values, hindered }
    local follow = summary.follow()
    local preset_name, presets, prompts, prompt_names = "", {}, {}, {}

    --- Names for a choice: short, in one line, and no two the same.
    local function name_prompts()
      local seen = {}
      prompt_names = {}
      for i, prompt in ipairs(prompts) do
        local name = prompt.words
        local stop = utf8.len(name) and utf8.len(name) > MOST_LETTERS and utf8.offset(name, MOST_LETTERS)
        if stop then name = name:sub(1, stop - 1) .. "…" end
        seen[name] = (seen[name] or 0) + 1
        prompt_names[i] = seen[name] == 1 and name or ("%s (%d)"):format(name, seen[name])
      end
    end

    local function read_lists()
      presets, prompts = store.presets(task), store.prompts(task)
      name_prompts()
    end

    local function values()
      if not entered[task] then
        local own = action.last_values(reaper.EnumProjects(-1), task)
        entered[task] = fields.load(task, next(own) and own or store.last(task))
        known[entered[task]] = (fields.values(task, entered[task], { locked = false }))
      end
      return entered[task]
    end

    local function replace_values(new)
      local given = values()
      for key in pairs(given) do given[key] = nil end
      for key, value in pairs(new) do given[key] = value end
    end

    --- Turn to the project that is shown.
    local function follow_project()
      local project = reaper.EnumProjects(-1)
      if project == shown then return end
      if shown then self.keep() end
      shown = project
      entered_in[tostring(project)] = entered_in[tostring(project)] or {}
      entered = entered_in[tostring(project)]
    end

    local function choose_task(name)
      task, message, preset_name = name, nil, NO_PRESET
      read_lists()
    end

    local function say(what, cure)
      message, remedy = what, cure
      return false
    end

    -- Widgets of fields: each a function of ui, the field, its label and the value; returns the new value.

    local function draw_seed(ui, field)
      local text = ui.line_edit("seed", fields.label(field), seed.text, "a new one for each run")
      if text ~= seed.text then seed.text, seed.locked = text, text ~= "" end
      ui.same_line()
      seed.locked = ui.checkbox("lock", "Lock", seed.locked)
    end

    local function draw_lines(ui, field, label, value)
      if field.key ~= "lyrics" then return ui.text_edit(field.key, label, value or "", field.lines, fields.hint(field)) end
      if not ui.section("lyrics of " .. task, label, value ~= nil and value ~= "") then return value end
      value = ui.text_edit(field.key, "", value or "", field.lines, fields.hint(field))
      for i, place in ipairs(lyrics.places()) do
        if i > 1 then ui.same_line() end
        if ui.button("lyrics " .. place, FROM[place]) then
          local words, fault, cure = lyrics.from(place)
          if words then value, message = words, nil else say(fault, cure) end
        end
      end
      return value
    end

    local function number_format(field)
      local pattern = field.kind == "integer" and "%d" or "%.2f"
      if field.default ~= nil then return pattern end
      return function(value) -- nil: nobody has chosen one
        if value then return pattern:format(field.kind == "integer" and math.floor(value + 0.5) or value) end
        return field.key == "takes" and ("%d"):format(settings.get("takes")) or field.unset or "auto"
      end
    end

    local formats = {}
    local function format_of(field)
      formats[field] = formats[field] or number_format(field)
      return formats[field]
    end

    local WIDGETS = {
      seed = draw_seed,
      lines = draw_lines,
      line = function(ui, field, label, value)
        local text = value == nil and "" or type(value) == "number" and ("%.14g"):format(value) or value
        return ui.line_edit(field.key, label, text, fields.hint(field))
      end,
      slider = function(ui, field, label, value)
        value = ui.slider(field.key, label, field.allowed[1], field.allowed[2], value, format_of(field))
        if value == nil then return field.default end
        return field.kind == "integer" and math.floor(value + 0.5) or value
      end,
      choice = function(ui, field, label, value) return ui.choice(field.key, label, field.allowed, value) end,
      switch = function(ui, field, label, value) return ui.checkbox(field.key, label, value == "yes") and "yes" or "no" end,
    }

    --- Draw the fields of a task that are `more`, or those that are not.
    local function draw_fields(ui, more)
      local given = values()
      for _, field in ipairs(actions[task].form) do
        if (field.more or false) == more then
          given[field.key] = WIDGETS[fields.widget(field)](ui, field, fields.label(field), given[field.key])
        end
      end
    end

    local function draw_more(ui)
      for _, field in ipairs(actions[task].form) do
        if field.more then return ui.section("more", "More", false) and draw_fields(ui, true) end
      end
    end

    local function draw_presets(ui)
      if #actions[task].form == 0 or not ui.section("presets", "Presets and last prompts", false) then return end
      local chosen = ui.choice("preset", "Preset", presets, preset_name)
      if chosen ~= preset_name then
        preset_name = chosen
        local preset = store.preset(task, chosen)
        if preset then replace_values(fields.load(task, preset)) end
      end
      preset_name = ui.line_edit("preset name", "Name", preset_name, "of a new preset")
      if ui.button("save preset", "Save", { disabled = not preset_name:match("%S") }) then
        local ok, why = store.save_preset(task, preset_name, (fields.values(task, values(), seed)))
        if not ok then say(why, "Free some disk space, then save it again.") end
        read_lists()
      end
      ui.same_line()
      if ui.button("delete preset", "Delete", { disabled = store.preset(task, preset_name) == nil }) then
        store.delete_preset(task, preset_name)
        preset_name = NO_PRESET
        read_lists()
      end
      if #prompts == 0 then return end
      local words = ui.choice("prompt", "Last prompts", prompt_names, "")
      for i, name in ipairs(prompt_names) do
        if name == words then fields.fill(task, values(), prompts[i].values) end
      end
    end

    local function go(now)
      went_at, message = now, nil
      local wanted, faults = fields.values(task, values(), seed)
      if #faults > 0 then return say(table.concat(faults, "\n")) end
      local begun = { task = task, values = wanted }
      begun.go_on = action.begin(task, {
        values = wanted, keep = true,
        report = function(what, cure)
          begun.hindered = true
          say(what, cure)
        end,
      })
      going = begun
    end

    --- Go on with what was begun; `sent` is called when it is on its way.
    local function go_on(sent)
      if not going or not going.go_on() then return end
      local was = going
      going = nil
      if was.hindered then return end
      was.values.seed = nil
      store.note_sent(was.task, was.values)
      read_lists()
      sent()
    end

    --- Always two texts, so that what is below stays where it is.
    local function draw_summary(ui, found, is_fresh)
      local fault = found and found.fault
      ui.card_begin("summary")
      ui.text(found and (fault or found.text) or "…", fault and "warning" or is_fresh and "text" or "dim")
      local notice = found and not fault and found.notice
      ui.text(fault and found.remedy or notice or actions[task].gives or " ", notice and "warning" or "dim")
      ui.card_end()
    end

    --- Draw everything. `sent()` is called when a job has been sent, or its audio is being read; `state` says in a line what the
    -- jobs do, nil: nothing.
    function self.draw(ui, now, state, sent)
      follow_project()
      local found, is_fresh = follow(task, values(), now)
      draw_summary(ui, found, is_fresh)
      local title = ui.choice("task", "Task", titles, actions[task].title)
      if by_title[title] ~= task then choose_task(by_title[title]) end
      draw_fields(ui, false)
      draw_more(ui)
      local hindered = found ~= nil and is_fresh and found.fault ~= nil
      if ui.button("go", "Go", { primary = true, disabled = hindered or going ~= nil or now - went_at < GO_REST_S }) then go(now) end
      go_on(sent)
      if state then
        ui.same_line()
        ui.text(state, "dim")
      end
      if message then
        ui.text(message, "error")
        if remedy and remedy ~= "" then ui.text(remedy, "dim") end
      end
      draw_presets(ui)
    end

    --- Show the seed that a run had.
    function self.note_seed(text)
      if not seed.locked then seed.text = text end
    end

    --- Keep what was entered, for the next time.
    function self.keep()
      store.keep_last(LAST_TASK, { task = task })
      for name, given in pairs(entered) do
        local now = fields.values(name, given, { locked = false })
        if not fields.same(now, known[given] or {}) then -- those of an old project, untouched, are not the last ones
          store.keep_last(name, now)
          known[given] = now
        end
      end
    end

    read_lists()
    return self
  end

  return M
end
