"""Say how far a rate per hour can be trusted. Pure."""

from typing import Final

LEAST_H: Final = 1.0
"""Hours of calls below which a rate per hour is an extrapolation."""


def extrapolated(hours: float) -> bool:
    """Return whether a rate per hour rests on less than an hour of calls."""
    return 0 < hours < LEAST_H


def length(hours: float) -> str:
    """Return a length of audio in words."""
    return f"{hours:.2f} h" if hours >= LEAST_H else f"{hours * 60:.1f} min"


def caution(hours: float) -> str:
    """Return the sentence that goes with a rate from less than an hour of calls; else an empty text."""
    if not extrapolated(hours):
        return ""
    return (
        f"Rates per hour are extrapolated from {length(hours)} of calls: "
        f"one alert more or less changes them by {1 / hours:.0f} per hour."
    )
