-- @noindex
-- @description AceBridge: Doctor
-- @version 0.1.0
-- @author The AceBridge authors
-- @about Finds the acebridge command, checks version, daemon, engine and disk, and says what to do.

local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
dofile(folder .. "lib/acebridge.lua")(folder).run("doctor")
