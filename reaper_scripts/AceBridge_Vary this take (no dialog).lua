-- @noindex
-- @description AceBridge: Vary this take (no dialog)
-- @version 0.1.0
-- @author The AceBridge authors
-- @about Makes new takes that are like the active take of the selected item. Asks nothing: takes what was entered last.

local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
dofile(folder .. "lib/acebridge.lua")(folder).run("vary_take", { silent = true })
