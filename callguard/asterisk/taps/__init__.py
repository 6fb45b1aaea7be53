"""Taps: the audio of each leg, kept flowing to a worker."""
