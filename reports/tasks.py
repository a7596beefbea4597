"""The Celery task of the reports: a nudge, and nothing else."""

from celery import shared_task

from reports import making


@shared_task(name="reports.look", ignore_result=True)
def look() -> None:
    """Something waits: look at once. May vanish, run twice or run late."""
    making.look_now()
