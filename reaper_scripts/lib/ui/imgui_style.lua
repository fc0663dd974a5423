-- The look of the panel in ReaImGui: its colours, paddings and fonts, put on for a frame and taken off after it.

return function(import)
  local colours = import("ui/colours")
  local versions = import("ui/imgui_version")
  local M = {}

  local TEXT_SIZE, TITLE_SIZE = 13, 15
  local text_font, title_font, has_sizes

  --- A colour as ReaImGui takes it, 0xRRGGBBAA.
  function M.rgba(colour) return colour << 8 | 0xFF end

  local COLOURS = {
    { "Col_WindowBg", "background" }, { "Col_ChildBg", "card" }, { "Col_PopupBg", "card" }, { "Col_Text", "text" },
    { "Col_TextDisabled", "dim" }, { "Col_Border", "border" }, { "Col_FrameBg", "field" }, { "Col_FrameBgHovered", "field" },
    { "Col_FrameBgActive", "field" }, { "Col_Button", "button" }, { "Col_ButtonHovered", "button_lit" },
    { "Col_ButtonActive", "button_lit" }, { "Col_Header", "button" }, { "Col_HeaderHovered", "button_lit" },
    { "Col_HeaderActive", "button_lit" }, { "Col_CheckMark", "fill" }, { "Col_SliderGrab", "fill" },
    { "Col_SliderGrabActive", "focus" }, { "Col_TextSelectedBg", "selection" }, { "Col_ScrollbarBg", "background" },
    { "Col_ScrollbarGrab", "scroll" }, { "Col_ScrollbarGrabHovered", "scroll_lit" }, { "Col_TitleBg", "card" },
    { "Col_TitleBgActive", "card" },
  }
  local SIZES = {
    { "StyleVar_WindowPadding", 12, 12 }, { "StyleVar_FramePadding", 8, 5 }, { "StyleVar_ItemSpacing", 8, 7 },
    { "StyleVar_FrameRounding", 4 }, { "StyleVar_ChildRounding", 6 }, { "StyleVar_FrameBorderSize", 1 },
    { "StyleVar_GrabRounding", 4 },
  }

  local function constant(name) return reaper["ImGui_" .. name]() end

  --- Make the fonts of a context.
  function M.make(ctx)
    has_sizes = versions.pushes_font_sizes()
    local bold = reaper.ImGui_FontFlags_Bold()
    if has_sizes then
      text_font, title_font = reaper.ImGui_CreateFont("sans-serif"), reaper.ImGui_CreateFont("sans-serif", bold)
    else
      text_font = reaper.ImGui_CreateFont("sans-serif", TEXT_SIZE)
      title_font = reaper.ImGui_CreateFont("sans-serif", TITLE_SIZE, bold)
    end
    reaper.ImGui_Attach(ctx, text_font)
    reaper.ImGui_Attach(ctx, title_font)
  end

  local function push_font(ctx, font, size)
    if has_sizes then reaper.ImGui_PushFont(ctx, font, size) else reaper.ImGui_PushFont(ctx, font) end
  end

  --- Write titles until PopFont.
  function M.push_title(ctx) push_font(ctx, title_font, TITLE_SIZE) end

  --- Put everything on.
  function M.push(ctx)
    push_font(ctx, text_font, TEXT_SIZE)
    for _, entry in ipairs(COLOURS) do reaper.ImGui_PushStyleColor(ctx, constant(entry[1]), M.rgba(colours[entry[2]])) end
    for _, entry in ipairs(SIZES) do reaper.ImGui_PushStyleVar(ctx, constant(entry[1]), entry[2], entry[3]) end
  end

  --- Take everything off.
  function M.pop(ctx)
    reaper.ImGui_PopStyleVar(ctx, #SIZES)
    reaper.ImGui_PopStyleColor(ctx, #COLOURS)
    reaper.ImGui_PopFont(ctx)
  end

  return M
end
