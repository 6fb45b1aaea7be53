"""Which conversations there are: events in, calls out. Pure."""
