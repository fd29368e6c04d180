"""The rows, one module per family of resource types."""
