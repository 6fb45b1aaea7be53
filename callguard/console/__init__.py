"""The web console: a live board, commands for who may give them, health, metrics. Knows no audio and no models."""

from callguard.console.server import Console

__all__ = ["Console"]
