"""Facts as rows, each with its source and date. Imports nothing of this package."""
