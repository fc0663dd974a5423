-- @noindex
-- @description AceBridge: To MIDI
-- @version 0.1.0
-- @author The AceBridge authors
-- @about Writes the notes of the selection down, as MIDI items on new tracks below it.

local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
dofile(folder .. "lib/acebridge.lua")(folder).run("to_midi")
