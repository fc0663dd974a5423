-- @noindex
-- @description AceBridge: Panel
-- @version 0.1.0
-- @author The AceBridge authors
-- @about One dockable window: what is sent, all tasks with their values, presets, and every job with its result.

local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
dofile(folder .. "lib/acebridge.lua")(folder).run("panel")
