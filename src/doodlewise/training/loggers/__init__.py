"""Where the course of a run is written: a file for each kind of record."""
