"""The control process: one service that owns calls, alerts and supervision, and starts the workers."""
