-- Widgets with ReaImGui, for who has it: the same functions as ui/gfx.lua. ReaImGui draws every frame; it docks, scrolls and
-- edits text. Keyboard navigation is off, and the keyboard goes back to the arrange view unless a text is edited.

return function(import)
  local colours = import("ui/colours")
  local keyboard = import("ui/keyboard")
  local numbers = import("ui/numbers")
  local rows = import("ui/rows")
  local sizes = import("ui/sizes")
  local style = import("ui/imgui_style")
  local M = {}

  local GAP, BAR = 8, 6
  local LEFT, RIGHT = 0, 1 -- mouse buttons
  local TONES = { dim = colours.dim, warning = colours.warning, error = colours.error, good = colours.good }
  local ENDED = { done = true, failed = true, cancelled = true, kept = true }

  local ctx, title, shown, same_line, editing, was_editing, has_popup
  local hidden_card, open_sections, reset, row_x, row_room = false, {}, nil, 0, 0

  --- Open the window where ReaImGui had it last; docked, if it was.
  function M.open(name)
    title = name
    if ctx then return end
    ctx = reaper.ImGui_CreateContext("AceBridge", reaper.ImGui_ConfigFlags_DockingEnable())
    -- Not what people chose for all scripts: arrows, Tab and Space are REAPER's.
    reaper.ImGui_SetConfigVar(ctx, reaper.ImGui_ConfigVar_Flags(), reaper.ImGui_ConfigFlags_DockingEnable())
    style.make(ctx)
    rows.reset()
    editing, was_editing, open_sections, reset = false, false, {}, nil
    keyboard.give_back()
  end

  --- Close the window: a context that is not used ends.
  function M.close() ctx = nil end

  local function has_focus() return reaper.ImGui_IsWindowFocused(ctx, reaper.ImGui_FocusedFlags_AnyWindow()) end

  local function end_window()
    if shown then reaper.ImGui_End(ctx) end
    style.pop(ctx)
  end

  --- Begin a frame: false when the window was closed.
  function M.begin()
    if not ctx then return false end
    rows.begin()
    same_line, editing, has_popup, hidden_card = false, false, false, false
    style.push(ctx)
    reaper.ImGui_SetNextWindowSize(ctx, sizes.window_w, sizes.window_h, reaper.ImGui_Cond_FirstUseEver())
    local flags = reaper.ImGui_WindowFlags_NoFocusOnAppearing() | reaper.ImGui_WindowFlags_NoCollapse()
    local is_open
    shown, is_open = reaper.ImGui_Begin(ctx, title .. "###AceBridge", true, flags)
    local escapes = not was_editing and has_focus() and reaper.ImGui_IsKeyPressed(ctx, reaper.ImGui_Key_Escape(), false)
    if is_open and not escapes then return true end
    end_window()
    M.close()
    return false
  end

  --- Keys that were meant for REAPER, while the window has the keyboard.
  local function pass_keys_on()
    local function is_pressed(key) return reaper.ImGui_IsKeyPressed(ctx, key, false) end
    local mods = reaper.ImGui_GetKeyMods(ctx)
    if is_pressed(reaper.ImGui_Key_Space()) then keyboard.play() end
    if mods & reaper.ImGui_Mod_Ctrl() ~= 0 and is_pressed(reaper.ImGui_Key_Z()) then
      keyboard.undo(mods & reaper.ImGui_Mod_Shift() ~= 0)
    end
  end

  --- End a frame.
  function M.finish()
    if not ctx then return end
    if not editing and has_focus() then
      if not was_editing then pass_keys_on() end
      -- A menu closes, and what is clicked is forgotten, when the window loses the keyboard.
      if not has_popup and not reaper.ImGui_IsAnyMouseDown(ctx) then keyboard.give_back() end
    end
    was_editing = editing
    rows.finish(GAP)
    end_window()
  end

  local function is_shown() return shown and not hidden_card end

  --- Take the next place; returns the width for the widget.
  local function place(natural)
    local beside = same_line
    same_line = false
    if beside then reaper.ImGui_SameLine(ctx, 0, GAP) end
    local room = reaper.ImGui_GetContentRegionAvail(ctx)
    local width, stays = rows.place(natural, beside, room)
    if beside and not stays then
      reaper.ImGui_NewLine(ctx)
      width = math.min(width, (reaper.ImGui_GetContentRegionAvail(ctx)))
    end
    row_x = reaper.ImGui_GetCursorPosX(ctx)
    if not stays then row_room = room end
    return width, stays
  end

  --- After what takes less than its width: the next widget of the row begins behind the width.
  local function fill_up(width) reaper.ImGui_SameLine(ctx, row_x + width, 0) reaper.ImGui_Dummy(ctx, 0, 0) end

  local function write(text, width, colour)
    local x = reaper.ImGui_GetCursorPosX(ctx)
    reaper.ImGui_PushStyleColor(ctx, reaper.ImGui_Col_Text(), style.rgba(colour))
    reaper.ImGui_PushTextWrapPos(ctx, x + width)
    reaper.ImGui_Text(ctx, text)
    reaper.ImGui_PopTextWrapPos(ctx)
    reaper.ImGui_PopStyleColor(ctx)
  end

  --- A heading.
  function M.title(text)
    if not is_shown() then return end
    local width = place()
    style.push_title(ctx)
    write(text, width, colours.title)
    reaper.ImGui_PopFont(ctx)
    fill_up(width)
  end

  --- A text that wraps.
  function M.text(text, tone)
    if not is_shown() then return end
    local width = place()
    reaper.ImGui_AlignTextToFramePadding(ctx)
    write(text, width, TONES[tone] or colours.text)
    fill_up(width)
  end

  --- Some room.
  function M.gap()
    if is_shown() then reaper.ImGui_Dummy(ctx, 0, 2) end
  end

  --- The next widget goes into the same row as the last.
  function M.same_line() same_line = true end

  --- What follows, up to `card_end`, has a background of its own.
  function M.card_begin(id)
    same_line = false
    if not shown then return end
    local flags = reaper.ImGui_ChildFlags_AutoResizeY() | reaper.ImGui_ChildFlags_AlwaysUseWindowPadding()
    hidden_card = not reaper.ImGui_BeginChild(ctx, id, 0, 0, flags)
  end

  function M.card_end()
    same_line = false
    if shown and not hidden_card then reaper.ImGui_EndChild(ctx) end
    hidden_card = false
  end

  --- A label as ReaImGui takes it: what follows ## is an id.
  local function label_with_id(label, id) return label:gsub("##", "# #") .. "##" .. id end

  local PRIMARY = { { "Col_Button", "primary" }, { "Col_ButtonHovered", "primary_lit" }, { "Col_ButtonActive", "primary_lit" },
    { "Col_Text", "on_primary" } }

  --- A button; whether it was clicked.
  function M.button(id, label, options)
    if not is_shown() then return false end
    local width = place(reaper.ImGui_CalcTextSize(ctx, label) + 24)
    local is_primary, is_disabled = options and options.primary, options and options.disabled or false
    if is_primary then
      for _, entry in ipairs(PRIMARY) do
        reaper.ImGui_PushStyleColor(ctx, reaper["ImGui_" .. entry[1]](), style.rgba(colours[entry[2]]))
      end
    end
    reaper.ImGui_BeginDisabled(ctx, is_disabled)
    local is_clicked = reaper.ImGui_Button(ctx, label_with_id(label, id), width)
    reaper.ImGui_EndDisabled(ctx)
    if is_primary then reaper.ImGui_PopStyleColor(ctx, #PRIMARY) end
    return is_clicked and not is_disabled
  end

  --- Write the label, and give the next item the rest of the width.
  local function begin_labelled(label)
    local width = place()
    if label ~= "" then
      reaper.ImGui_AlignTextToFramePadding(ctx)
      write(label, width, colours.dim)
      local left = math.min(sizes.label_most, math.floor(row_room * sizes.label_share))
      local is_alone = width > row_room / 2 -- but for buttons and boxes to tick
      if row_room >= sizes.beside_from and width - left >= sizes.least and is_alone then
        reaper.ImGui_SameLine(ctx, row_x + left, 0)
        width = width - left
      elseif row_x > 0 then
        reaper.ImGui_SetCursorPosX(ctx, row_x)
      end
    end
    reaper.ImGui_SetNextItemWidth(ctx, width)
    return width
  end

  --- One of several names.
  function M.choice(id, label, names, value)
    if not is_shown() then return value end
    begin_labelled(label)
    if not reaper.ImGui_BeginCombo(ctx, "##" .. id, value or "") then return value end
    has_popup = true
    for i, name in ipairs(names) do
      if reaper.ImGui_Selectable(ctx, label_with_id(name, i), name == value) then value = name end
    end
    reaper.ImGui_EndCombo(ctx)
    return value
  end

  --- A box to tick.
  function M.checkbox(id, label, value)
    if not is_shown() then return value end
    place()
    local is_changed, ticked = reaper.ImGui_Checkbox(ctx, label_with_id(label, id), value and true or false)
    if is_changed then return ticked end
    return value
  end

  local function wheel_over_item()
    if not reaper.ImGui_IsItemHovered(ctx) or reaper.ImGui_GetScrollMaxY(ctx) > 0 then return 0 end -- else the page scrolls
    return (reaper.ImGui_GetMouseWheel(ctx))
  end

  --- A number between `low` and `high`; nil: its default.
  function M.slider(id, label, low, high, value, format)
    if not is_shown() then return value end
    begin_labelled(label)
    local text = numbers.text(value, format):gsub("%%", "%%%%")
    local is_changed, number =
      reaper.ImGui_SliderDouble(ctx, "##" .. id, value or low, low, high, text, reaper.ImGui_SliderFlags_NoInput())
    local is_held = reaper.ImGui_IsItemActive(ctx)
    if reset == id and not is_held then reset = nil end
    local is_double = reaper.ImGui_IsItemHovered(ctx) and reaper.ImGui_IsMouseDoubleClicked(ctx, LEFT)
    if is_double or reaper.ImGui_IsItemClicked(ctx, RIGHT) then
      reset = is_held and id or nil -- until the button is up, the mouse sets no number
      return nil
    end
    if is_changed and reset ~= id then return numbers.round(number, low, high, format) end
    local wheel = wheel_over_item()
    if wheel ~= 0 then return numbers.turn(value, wheel, low, high, format) end
    return value
  end

  --- After a text field: ReaImGui takes back what was typed when Escape ends the editing; here it stays.
  local function finish_text(old, is_changed, new)
    if reaper.ImGui_IsItemActive(ctx) then editing = true end
    local escapes = reaper.ImGui_IsItemDeactivated(ctx) and reaper.ImGui_IsKeyPressed(ctx, reaper.ImGui_Key_Escape(), false)
    if is_changed and not escapes then return new end
    return old
  end

  --- A text of one line.
  function M.line_edit(id, label, text, hint)
    if not is_shown() then return text end
    begin_labelled(label)
    return finish_text(text, reaper.ImGui_InputTextWithHint(ctx, "##" .. id, hint or "", text))
  end

  local function write_hint(hint)
    local x, y = reaper.ImGui_GetItemRectMin(ctx)
    local list = reaper.ImGui_GetWindowDrawList(ctx)
    reaper.ImGui_DrawList_AddText(list, x + 8, y + 5, style.rgba(colours.dim), hint)
  end

  --- A text of several lines.
  function M.text_edit(id, label, text, lines, hint)
    if not is_shown() then return text end
    local width = place()
    if label ~= "" then write(label, width, colours.dim) end
    local height = lines * reaper.ImGui_GetTextLineHeight(ctx) + 12
    local result = finish_text(text, reaper.ImGui_InputTextMultiline(ctx, "##" .. id, text, width, height))
    if hint and hint ~= "" and result == "" and not reaper.ImGui_IsItemActive(ctx) then write_hint(hint) end
    return result
  end

  --- A bar; a fraction of nil: nobody knows.
  function M.progress(fraction, state)
    if not is_shown() then return end
    local width = place()
    local value = ENDED[state] and 1 or fraction or -reaper.ImGui_GetTime(ctx)
    reaper.ImGui_PushStyleColor(ctx, reaper.ImGui_Col_PlotHistogram(), style.rgba(colours[state] or colours.running))
    reaper.ImGui_PushStyleColor(ctx, reaper.ImGui_Col_FrameBg(), style.rgba(colours.track))
    reaper.ImGui_ProgressBar(ctx, value, width, BAR, " ") -- without a text it would show a number
    reaper.ImGui_PopStyleColor(ctx, 2)
  end

  --- A heading that opens and closes what follows; whether it is open.
  function M.section(id, label, open_by_default)
    if open_sections[id] == nil then open_sections[id] = open_by_default and true or false end
    if not is_shown() then return open_sections[id] end
    place()
    local flags = open_by_default and reaper.ImGui_TreeNodeFlags_DefaultOpen() or 0
    open_sections[id] = reaper.ImGui_CollapsingHeader(ctx, label_with_id(label, id), nil, flags)
    return open_sections[id]
  end

  --- Whether a text field has the keyboard.
  function M.is_editing() return ctx ~= nil and (editing or was_editing) end

  return M
end
