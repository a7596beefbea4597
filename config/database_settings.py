"""How connections to each engine behave: locks, timeouts, durability. Called by the settings."""

from __future__ import annotations

from typing import Any


def sqlite_options() -> dict[str, Any]:
    """Every transaction may write, waits its turn, and survives a power cut."""
    return {
        # IMMEDIATE takes the write lock at BEGIN: a transaction waits its turn instead of failing
        # half way. A repeat waits 5 s at most for the first one.
        "transaction_mode": "IMMEDIATE",
        "timeout": 5,
        # FULL: an answer of 2xx is money, so it survives a power cut.
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-16000;"
        ),
    }


def postgresql_options(pool_min: int, pool_max: int) -> dict[str, Any]:
    """A pool of `pool_min` to `pool_max` connections for each process."""
    return {
        "pool": {"min_size": pool_min, "max_size": pool_max, "timeout": 5},
        "connect_timeout": 5,
        # Statements are planned once for each connection: the few that run for every punch cost
        # less to run than to plan.
        "server_side_binding": True,
        "prepare_threshold": 2,
        "options": (
            "-c lock_timeout=5s -c statement_timeout=30s -c idle_in_transaction_session_timeout=60s"
        ),
    }
