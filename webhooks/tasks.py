"""Celery tasks of the push: ids and tokens, and a call of the verb."""

from celery import shared_task

from webhooks import dispatcher


@shared_task(name="webhooks.run_lanes", ignore_result=True)
def run_lanes(handed: list[tuple[int, int]]) -> None:
    """Work lanes (id, token) off. May vanish, run twice or run late: the token decides what it may
    do.
    """
    dispatcher.current_dispatch_pool().run_handover(handed)
