"""Doodlewise."""
