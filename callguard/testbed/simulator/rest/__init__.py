"""ARI over HTTP and WebSocket as Asterisk answers it: what all requests share, and one module a kind of object."""
