"""The version of Doodlewise, once."""

__version__ = "0.1.0"
