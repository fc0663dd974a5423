-- @noindex
-- @description AceBridge: Score takes
-- @version 0.1.0
-- @author The AceBridge authors
-- @about Scores every take of the selected item and makes the best one active.

local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
dofile(folder .. "lib/acebridge.lua")(folder).run("score")
