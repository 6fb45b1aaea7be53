"""`make demo`: the main job, for real, on one machine: a customer starts to shout and a supervisor is at the ear."""
