"""The simulated PBX: real ARI over HTTP and WebSocket, real media on loopback, phones with recordings."""
