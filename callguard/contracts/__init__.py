"""The contracts between parts: events, commands, messages of workers, cards, and one vocabulary."""
