"""ARI over HTTP and WebSocket with Asterisk's answers: a shared part, and one module for each kind of object."""
