"""A permission of the command line, for tests of what follows a command."""

from callguard.authority import Grant

COMMAND = Grant("cli", "cli", "listen")
