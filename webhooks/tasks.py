"""Celery tasks of the push: an id and a token, and a call of the verb."""

from celery import shared_task
from django.db import InterfaceError, OperationalError, close_old_connections

from webhooks import delivery


@shared_task(name="webhooks.run_lane", ignore_result=True)
def run_lane(lane_id: int, token: int) -> None:
    """Work one lane off. May vanish, run twice or run late: the token decides what it may do."""
    try:
        delivery.run_lane(lane_id, token)
    except (OperationalError, InterfaceError):
        # The database was restarted, and this thread's connection with it. Once more on a new one: the token makes it safe.
        close_old_connections()
        delivery.run_lane(lane_id, token)
    finally:
        close_old_connections()
