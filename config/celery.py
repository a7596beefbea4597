"""Celery for Muster: the hands that push. The rows in the database are the queue; a broker only spreads the work.

The worker also carries the loops that need nothing but the database: the watcher of due pushes, the drain of changes, the
rebuilding of days, the leave job, the making of reports.
`celery -A config worker -P threads` is the whole background of a small office, with BROKER_URL=memory://.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import Any

from celery import Celery, bootsteps
from celery.worker.consumer import Consumer
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

log = logging.getLogger(__name__)

app = Celery("muster")
app.conf.update(
    broker_url=settings.BROKER_URL,
    task_ignore_result=True,
    task_default_queue=settings.PUSH_QUEUE,
    # A task that comes late is refused by its token anyway; expiring it keeps a broker that was away from drowning us.
    task_publish_retry=False,
    task_acks_late=False,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    worker_consumer="config.celery:PatientConsumer",
    broker_connection_timeout=2,
    broker_transport_options={"polling_interval": 0.01}
    if settings.BROKER_URL.startswith("memory:")
    else {"socket_timeout": 5, "socket_connect_timeout": 2}
    if settings.BROKER_URL.startswith(("redis", "rediss"))
    else {},
    worker_hijack_root_logger=False,
    worker_enable_remote_control=False,
    worker_send_task_events=False,
)
# Celery's Django fixup closes the database connection after every task unless told otherwise; ours live with their thread.
app.conf["CELERY_DB_REUSE_MAX"] = 10**9
app.autodiscover_tasks()

TASK_EXPIRES_S = 5


def publish(handed: list[tuple[int, int]]) -> None:
    """Hand lanes (id, token) over to whoever listens at the broker."""
    app.send_task("webhooks.run_lanes", (handed,), expires=TASK_EXPIRES_S, ignore_result=True)


def nudge_reports() -> None:
    """Tell one worker that a report waits (settings.REPORT_NUDGE). They look by themselves every second, too."""
    app.send_task("reports.look", expires=TASK_EXPIRES_S, ignore_result=True)


def commit_without_waiting(database: dict[str, Any]) -> None:
    """Let this process commit without waiting for the disk. Only for the worker: all it writes can be done again.

    A result that a power cut takes back is a delivery made once more, with the same id; a match taken back leaves its change
    waiting. Punches are committed by the web process, which waits.
    """
    options = database["OPTIONS"]
    if "init_command" in options:
        options["init_command"] = options["init_command"].replace("synchronous=FULL", "synchronous=NORMAL")
    else:
        options["options"] += " -c synchronous_commit=off"


class PatientConsumer(Consumer):
    """Celery's consumer ends the whole worker when the broker does what Celery did not foresee: this one connects again.

    A Redis that fails over, is full or holds something strange answers with errors. The watcher needs no broker, and must
    not end with it.
    """

    def start(self) -> None:
        """Consume until the worker is asked to stop."""
        while True:
            try:
                super().start()
            except Exception:
                log.exception("The broker's connection ended in an unforeseen way; connecting again")
                time.sleep(1)
                self.on_close()
                self.blueprint.restart(self)
            else:
                return


class Loops(bootsteps.StartStopStep):
    """The worker's own threads; they start before the broker is connected and go on when it is away."""

    requires = {"celery.worker.components:Pool"}

    def __init__(self, worker: Any, **kwargs: Any) -> None:
        super().__init__(worker, **kwargs)
        commit_without_waiting(settings.DATABASES["default"])
        self.stopping = threading.Event()
        self.threads: list[threading.Thread] = []

    def start(self, worker: Any) -> None:
        """Start the watcher, the drain, the rebuilding of days, the inbox, the leave job and the making of reports."""
        # Imported here: Django's apps are ready only once the worker boots.
        from attendance.drain import drain_for_ever  # noqa: PLC0415
        from attendance.rebuilding import follow_for_ever  # noqa: PLC0415
        from attendance.watching import watch_for_ever  # noqa: PLC0415
        from leaves.jobs import settle_for_ever  # noqa: PLC0415
        from reports.making import make_for_ever  # noqa: PLC0415
        from webhooks import watcher  # noqa: PLC0415

        broker = not settings.BROKER_URL.startswith("memory:")
        self.hands = watcher.employ(publish if broker else None, number=worker.concurrency or 8)
        self.threads = [
            threading.Thread(target=watcher.watch, args=(self.hands, self.stopping), name="muster-watcher", daemon=True),
            threading.Thread(target=drain_for_ever, args=(self.stopping,), name="muster-drain", daemon=True),
            threading.Thread(target=follow_for_ever, args=(self.stopping,), name="muster-days", daemon=True),
            threading.Thread(target=watch_for_ever, args=(self.stopping,), name="muster-inbox", daemon=True),
            threading.Thread(target=settle_for_ever, args=(self.stopping,), name="muster-leave", daemon=True),
            threading.Thread(target=make_for_ever, args=(self.stopping,), name="muster-reports", daemon=True),
        ]
        for thread in self.threads:
            thread.start()

    def stop(self, worker: Any) -> None:
        """Take on nothing more, finish what is under way."""
        self.stopping.set()
        for thread in self.threads:
            thread.join(timeout=5)
        self.hands.close()

    terminate = stop


app.steps["worker"].add(Loops)
