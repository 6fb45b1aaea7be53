"""FastAGI: the dialplan asks about a caller or a call, and acts on the call of a channel."""
