-- Whether ReaImGui is there, and which version.

return function()
  local M = {}

  local OLDEST = { 0, 9, 2 } -- Mod_Ctrl, child windows that grow with what is in them
  local FONTS_HAVE_NO_SIZE = { 0, 10, 0 } -- from then on a font gets its size where it is used

  local function version()
    if not reaper.APIExists("ImGui_GetVersion") then return nil end
    local _, _, text = reaper.ImGui_GetVersion()
    local parts = {}
    for number in tostring(text):gmatch("%d+") do parts[#parts + 1] = math.tointeger(tonumber(number)) end
    return parts
  end

  local function is_from(wanted)
    local parts = version()
    if not parts then return false end
    for i, number in ipairs(wanted) do
      local part = parts[i] or 0
      if part ~= number then return part > number end
    end
    return true
  end

  --- Whether the panel can use it.
  function M.is_usable() return is_from(OLDEST) end

  --- Whether CreateFont takes no size and PushFont does.
  function M.pushes_font_sizes() return is_from(FONTS_HAVE_NO_SIZE) end

  return M
end
