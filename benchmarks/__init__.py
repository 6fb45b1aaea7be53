"""Programs that measure cost and endurance; they print the figures of docs/performance.md."""
