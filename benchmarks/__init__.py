"""What things cost, and whether they last: programs that print the figures of docs/performance.md."""
