"""`make demo`: the main job on one machine, for real: a customer starts to shout, and a supervisor joins the agent."""
