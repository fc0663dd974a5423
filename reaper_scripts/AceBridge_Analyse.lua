-- @noindex
-- @description AceBridge: Analyse
-- @version 0.1.0
-- @author The AceBridge authors
-- @about Hears tempo, meter, key and chords; offers to set the project's tempo and to add markers.

local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
dofile(folder .. "lib/acebridge.lua")(folder).run("analyse")
