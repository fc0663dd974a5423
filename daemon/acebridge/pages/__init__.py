"""Pages to listen to: one HTML file with its style, its script, its pictures and, up to a limit, its audio.

A page asks for nothing from elsewhere, and a policy in it (CSP) sees to that: only its own script runs. The parts that pages
share are here: style, player, waveforms, audio. What a page says is the business of the command that writes it.
"""
