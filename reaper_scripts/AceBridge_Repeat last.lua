-- @noindex
-- @description AceBridge: Repeat last
-- @version 0.1.0
-- @author The AceBridge authors
-- @about Does the last action again with a new seed: as the selected take was made, else as the last one of this project.

local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
dofile(folder .. "lib/acebridge.lua")(folder).run("repeat_last")
