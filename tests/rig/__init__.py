"""Muster as it runs in production, on one machine and for one test: real processes, real sockets,
and things that break.
"""
