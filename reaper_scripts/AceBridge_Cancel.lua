-- @noindex
-- @description AceBridge: Cancel
-- @version 0.1.0
-- @author The AceBridge authors
-- @about Cancels the AceBridge jobs of this project; asks before it cancels those of others.

local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
dofile(folder .. "lib/acebridge.lua")(folder).run("cancel")
