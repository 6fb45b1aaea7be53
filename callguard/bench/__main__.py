"""`python -m callguard.bench FD`: the load generator, at the end of an inherited socket."""

import sys

from callguard.bench.load import main

main(int(sys.argv[1]))
