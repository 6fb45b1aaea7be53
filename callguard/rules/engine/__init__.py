"""The rule engine: compiled expressions, states, history and evidence of all calls at once."""
