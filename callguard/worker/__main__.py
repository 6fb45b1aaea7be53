"""`python -m callguard.worker FD`: a media worker at the end of an inherited socket."""

import sys

from callguard.worker.process import main

main(int(sys.argv[1]))
