"""When an object counts as ready, per kind, as the official provider waits for it."""
