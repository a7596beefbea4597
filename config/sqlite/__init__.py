"""SQLite for one small office, with writers of a process waiting for each other in a queue instead
of in SQLite's sleep.
"""
