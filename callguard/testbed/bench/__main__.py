"""`python -m callguard.testbed.bench FD`: the load generator, at the end of an inherited socket."""

import sys

from callguard.testbed.bench.load import main

main(int(sys.argv[1]))
