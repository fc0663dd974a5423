"""DAWs that speak OSC of their own: what is selected there fills the session of the bridge.

    REAPER, Ardour ─► reaper, ardour ─► timeline ─► follow ─► /acebridge/session/… of the bridge

`reaper` and `ardour` read what one DAW sends into a `Timeline`. `timeline` turns that into fields of the session. `follow`
holds the socket; it is a program of its own, so a DAW can be followed by a bridge that has run for days.
"""
