"""CallGuard: hears a customer's voice rise on an Asterisk call and brings a supervisor to the agent's ear."""

__version__ = "0.1.0"
