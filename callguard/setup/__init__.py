"""`callguard init`: ask a PBX what it has, propose a configuration, ask where nothing tells, write it and prove it."""
