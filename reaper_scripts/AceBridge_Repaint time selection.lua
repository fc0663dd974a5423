-- @noindex
-- @description AceBridge: Repaint time selection
-- @version 0.1.0
-- @author The AceBridge authors
-- @about Repaints the selected part of the selected item; the result is a new take, equal to the old one outside.

local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
dofile(folder .. "lib/acebridge.lua")(folder).run("repaint")
