"""Rules at work: compiled expressions, states, history and evidence of all calls at once."""
