"""A program that behaves as Asterisk does at its start and end, within a second."""

import sys
from pathlib import Path

from callguard.testbed.lab.root import Installation

PROGRAM = """
import re, signal, sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

etc = Path(sys.argv[sys.argv.index("-C") + 1]).parent
how = sys.argv[1]
print("console says hello", flush=True)
if how == "fails":
    (etc.parent / "log" / "full").write_text("NOTICE: a\\nERROR: no module\\nNOTICE: b\\n")
    sys.exit(1)
if how == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)

class Answers(BaseHTTPRequestHandler):
    def do_GET(self):
        ok = self.headers.get("Authorization", "").startswith("Basic ") and self.path == "/ari/asterisk/info"
        self.send_response(200 if ok else 401)
        self.end_headers()
    def log_message(self, *_):
        pass

port = int(re.search(r"bindport = (\\d+)", (etc / "http.conf").read_text()).group(1))
HTTPServer(("127.0.0.1", port), Answers).serve_forever()
"""


def installation(folder: Path, how: str = "works") -> Installation:
    """Return an installation whose Asterisk works, fails at its start, or is stubborn (takes no SIGTERM)."""
    program = folder / "asterisk.py"
    program.write_text(PROGRAM)
    modules = folder / "modules"
    modules.mkdir(exist_ok=True)
    return Installation((sys.executable, str(program), how), modules, folder)
