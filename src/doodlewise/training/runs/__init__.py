"""Run folders, read: no torch, and nothing in a folder may be in the way of reading the rest."""
