-- @noindex
-- @description AceBridge: Extract stems
-- @version 0.1.0
-- @author The AceBridge authors
-- @about Takes the selection apart into stems that add up to it, in a folder below it.

local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
dofile(folder .. "lib/acebridge.lua")(folder).run("extract")
