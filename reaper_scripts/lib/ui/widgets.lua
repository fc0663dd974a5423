-- The widgets of the panel: with ReaImGui where it is installed and new enough, else in a window of REAPER's own gfx. Both have
-- the same functions; ui/gfx.lua documents them.

return function(import)
  return import(import("ui/imgui_version").is_usable() and "ui/imgui" or "ui/gfx")
end
