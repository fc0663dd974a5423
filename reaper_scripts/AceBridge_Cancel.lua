-- @noindex
-- @description AceBridge: Cancel
-- @version 0.1.0
-- @author The AceBridge authors
-- @about Cancels all AceBridge jobs that run or wait.

local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
dofile(folder .. "lib/acebridge.lua")(folder).run("cancel")
