"""CallGuard: hears a customer's voice rise on an Asterisk call and brings a supervisor to the agent's ear."""

import os

__version__ = "0.1.0"

# onnxruntime from 1.29 on reports to its maker and keeps a device id below ~/.cache, unless this is set before it is
# imported. Every process of ours imports this package first; those that we start inherit it.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
