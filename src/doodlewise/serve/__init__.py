"""The web API, and the page that guesses while you draw."""
