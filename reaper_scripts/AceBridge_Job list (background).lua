-- @noindex
-- @description AceBridge: Job list (background)
-- @version 0.1.0
-- @author The AceBridge authors
-- @about Follows jobs and places their results. The actions that send jobs start it.

local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
dofile(folder .. "lib/acebridge.lua")(folder).run("watch")
