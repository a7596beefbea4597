"""Tells the workers through the broker that a report waits, so that they look at once.

Called when a job has been committed. Only a hint: the row is the queue, and a worker finds it
within a second without any message.
"""

from __future__ import annotations

import logging
import threading

from django.conf import settings
from django.utils.module_loading import import_string

log = logging.getLogger(__name__)

_notifying = threading.Lock()


def notify_report_workers() -> None:
    """Tell the workers that something waits, where there is a broker to tell them by. Nobody waits
    for it, and it may fail.
    """
    if settings.REPORT_WORKER_NOTIFIER and _notifying.acquire(blocking=False):
        threading.Thread(target=_notify, name="muster-report-notify", daemon=True).start()


def _notify() -> None:
    try:
        import_string(settings.REPORT_WORKER_NOTIFIER)()
    except Exception as error:  # noqa: BLE001
        log.warning("The broker did not take the word that a report waits: %s", error)
    finally:
        _notifying.release()
