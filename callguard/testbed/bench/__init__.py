"""Measure this machine by a real worker that a load generator feeds over real sockets.

`speech` makes the audio, `load` sends it, `expected` computes when its alerts are due, `measure` runs the parts.
"""
