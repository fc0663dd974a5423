-- @noindex
-- @description AceBridge: Cover (no dialog)
-- @version 0.1.0
-- @author The AceBridge authors
-- @about Plays the selection in another style, on a new track below it. Asks nothing: takes what was entered last.

local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
dofile(folder .. "lib/acebridge.lua")(folder).run("cover", { silent = true })
