"""Fits the speed model to measured rows, and says how far off it is."""
