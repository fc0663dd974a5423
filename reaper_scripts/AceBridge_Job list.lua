-- @noindex
-- @description AceBridge: Job list
-- @version 0.1.0
-- @author The AceBridge authors
-- @about Shows all jobs with their progress, and places what has finished meanwhile.

local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
dofile(folder .. "lib/acebridge.lua")(folder).run("jobs")
