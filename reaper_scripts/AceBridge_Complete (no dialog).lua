-- @noindex
-- @description AceBridge: Complete (no dialog)
-- @version 0.1.0
-- @author The AceBridge authors
-- @about Plays an accompaniment to the selection, each instrument on a track of its own. Asks nothing: takes what was entered last.

local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
dofile(folder .. "lib/acebridge.lua")(folder).run("complete", { silent = true })
