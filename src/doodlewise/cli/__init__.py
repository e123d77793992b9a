"""The command line, a thin file for each command; Python callers need nothing of it."""
