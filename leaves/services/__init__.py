"""The verbs of leave, one file a noun: each writes across rows in one transaction."""
