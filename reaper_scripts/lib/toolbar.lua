-- A toolbar and a menu of the actions, as files to import: REAPER derives the id of a script's action from its path, so that
-- only the REAPER that has it can say it. What the musician has in toolbars and menus is read, and never changed.

return function(import)
  local files = import("shared/files")
  local M = {}

  --- Every button, in order: { file of the icon, name of the action, label }; an empty one parts groups.
  M.BUTTONS = {
    { "repaint", "Repaint time selection", "Repaint" },
    { "another_take", "Another take", "Another take" },
    { "repeat", "Repeat last", "Repeat last" },
    { "score", "Score takes", "Score takes" },
    {},
    { "cover", "Cover", "Cover" },
    { "add_layer", "Add layer", "Add layer" },
    { "complete", "Complete", "Complete" },
    { "extract", "Extract stems", "Extract stems" },
    {},
    { "generate", "Generate here", "Generate here" },
    { "compose", "Compose from a description", "Compose" },
    { "extend", "Extend", "Extend" },
    { "prepend", "Prepend", "Prepend" },
    { "join", "Smooth the join of two items", "Smooth the join" },
    {},
    { "analyse", "Analyse", "Analyse" },
    { "lyrics", "Lyrics to regions", "Lyrics to regions" },
    { "midi", "To MIDI", "To MIDI" },
    {},
    { "jobs", "Job list", "Job list" },
    { "cancel", "Cancel", "Cancel" },
    { "settings", "Settings", "Settings" },
  }

  local SIZES = { "", "150", "200" } -- folders of toolbar_icons: 100, 150 and 200 %
  local MENU, TOOLBAR = "Main extensions", "Floating toolbar %d"
  local SEPARATOR = "-1"
  local LAST_TOOLBAR = 16 -- the number that every REAPER has

  local function icon_name(icon) return ("acebridge_%s.png"):format(icon) end

  --- The id of an action of ours, such as _RS0123…; nil when REAPER does not take the script.
  local function command_of(folder, action)
    local number = reaper.AddRemoveReaScript(true, 0, files.join(folder, ("AceBridge_%s.lua"):format(action)), true)
    local name = number ~= 0 and reaper.ReverseNamedCommandLookup(number)
    return name and name ~= "" and "_" .. name:gsub("^_", "") or nil
  end

  --- Put the icons where REAPER looks for them, from beside the scripts; ReaPack has done that. Returns true, or nil and why.
  local function install_icons(folder)
    for _, size in ipairs(SIZES) do
      local from = files.join(folder, "toolbar_icons", table.unpack(size ~= "" and { size } or {}))
      local into = files.join(reaper.GetResourcePath(), "Data", "toolbar_icons", table.unpack(size ~= "" and { size } or {}))
      for _, name in ipairs(files.names(from)) do
        local picture, why = files.read(files.join(from, name))
        local ok = picture
        if ok then ok, why = files.make_folder(into) end
        if ok then ok, why = files.write(files.join(into, name), picture) end
        if not ok then return nil, why end
      end
    end
    return true
  end

  --- The lines of a menu or a toolbar; an action that REAPER does not take is left out.
  local function lines_of(section, title, folder, with_icons)
    local lines, number = { ("[%s]"):format(section), title and "title=" .. title or nil }, 0
    for _, button in ipairs(M.BUTTONS) do
      local icon, action, label = table.unpack(button)
      local command = icon and command_of(folder, action)
      if command or not icon then
        lines[#lines + 1] = ("item_%d=%s"):format(number, icon and command .. " AceBridge: " .. label or SEPARATOR)
        local file = icon and files.join(reaper.GetResourcePath(), "Data", "toolbar_icons", icon_name(icon))
        if file and with_icons and files.exists(file) then lines[#lines + 1] = ("icon_%d=%s"):format(number, icon_name(icon)) end
        number = number + 1
      end
    end
    return table.concat(lines, "\n") .. "\n"
  end

  --- The last floating toolbar that the musician has put nothing on, or nil.
  local function free_toolbar(known)
    for number = LAST_TOOLBAR, 1, -1 do
      if not known:find("%[" .. TOOLBAR:format(number) .. "[%] ]") then return number end
    end
  end

  local HOW = "In Options > Customize menus/toolbars, choose \"%s\", then Import, then the file\n%s"

  --- Write the files to import. `folder`: of the scripts. Returns what to do with them, or nil, a message and a remedy.
  function M.install(folder)
    local resources = reaper.GetResourcePath()
    local known = files.read(files.join(resources, "reaper-menu.ini")) or ""
    local ok, why = install_icons(folder)
    if not ok then return nil, "The icons cannot be copied: " .. why, "Free some disk space, then run the action again." end
    local sets = files.join(resources, "MenuSets")
    local wanted, number = {}, free_toolbar(known)
    if number then wanted[1] = { TOOLBAR:format(number), "AceBridge", "AceBridge toolbar.ReaperMenu", true } end
    if not known:find(("[%s]"):format(MENU), 1, true) then wanted[#wanted + 1] = { MENU, nil, "AceBridge menu.ReaperMenu", false } end
    if #wanted == 0 then
      return nil, "All 16 floating toolbars and the Extensions menu are in use.", "Reset one in Options > Customize menus/toolbars, then run the action again."
    end
    local said = {}
    ok, why = files.make_folder(sets)
    for i, set in ipairs(wanted) do
      local section, title, name, with_icons = table.unpack(set, 1, 4)
      local path = files.join(sets, name)
      if ok then ok, why = files.write(path, lines_of(section, title, folder, with_icons)) end
      said[i] = HOW:format(section, path)
    end
    if not ok then return nil, "The toolbar cannot be written: " .. why, "Free some disk space, then run the action again." end
    return table.concat(said, "\n\n")
  end

  return M
end
