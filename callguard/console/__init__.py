"""The web console: a live board, commands for holders of the token, health, metrics. Knows no audio and no models."""

from callguard.console.server import Console

__all__ = ["Console"]
