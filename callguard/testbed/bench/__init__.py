"""Measures this machine: a real worker, fed by a load generator over real sockets.

`speech` makes the audio, `load` sends it, `expected` says when its alerts are due, `measure` runs it all.
"""
