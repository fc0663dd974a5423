-- @noindex
-- @description AceBridge: Install toolbar
-- @version 0.1.0
-- @author The AceBridge authors
-- @about Writes a toolbar and a menu of the AceBridge actions to import, with icons.

local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
dofile(folder .. "lib/acebridge.lua")(folder).run("toolbar")
