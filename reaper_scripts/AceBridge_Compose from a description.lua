-- @noindex
-- @description AceBridge: Compose from a description
-- @version 0.1.0
-- @author The AceBridge authors
-- @about Makes a whole song of one sentence: style, lyrics, tempo, key and the music.

local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
dofile(folder .. "lib/acebridge.lua")(folder).run("compose")
