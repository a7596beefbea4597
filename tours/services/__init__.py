"""Verbs on tours, one module a subject: apply, decide, change, and what tours cover.

Each verb is one transaction that holds the tour's row and records the change for the apps above.
Which half-days a tour takes is reserved in `employees.half_day_reservations`, where leave reserves
too: the database lets only one of them have a half-day.
"""
