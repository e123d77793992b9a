"""Networks by name, and the folder in which one travels."""
