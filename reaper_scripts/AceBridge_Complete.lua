-- @noindex
-- @description AceBridge: Complete
-- @version 0.1.0
-- @author The AceBridge authors
-- @about Plays an accompaniment to the selection, each instrument on a track of its own.

local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
dofile(folder .. "lib/acebridge.lua")(folder).run("complete")
