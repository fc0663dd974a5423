-- @noindex
-- @description AceBridge: Uninstall
-- @version 0.1.0
-- @author The AceBridge authors
-- @about Removes the command that "Install now" has put into REAPER's resource folder; songs, settings and scripts stay.

local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
dofile(folder .. "lib/acebridge.lua")(folder).run("uninstall")
