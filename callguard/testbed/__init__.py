"""Code that a running service never imports: simulated PBX, lab, demo, load generator, parties of the self-test."""
