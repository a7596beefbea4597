"""The reports, each a file with one class."""
