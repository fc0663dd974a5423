"""Listening: plays files, stored audio, and jobs while they are generated, through PortAudio (the package sounddevice).

    job or file → Recording (choices 0 to 9) → feeder thread → Ring → Renderer, PortAudio's callback → device
                                                  ↑ Player: play, seek, loop, select, level

`Player` is the interface. sounddevice is imported by `device` alone, when something is played: without PortAudio or an output
device everything else works. Nothing here knows OSC or the command line.
"""
