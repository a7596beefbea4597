"""Celery for Muster: the hands that push. The rows in the database are the queue; a broker only
spreads the work.

The worker also carries the watcher of due pushes, which needs nothing but the database, and starts
the scheduler (`config.scheduler`), the process that does everything else in the background. `celery
-A config worker -P threads` is the whole background of a small office, with BROKER_URL=memory://.
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

from config.scheduler import SchedulerProcess, use_asynchronous_commit

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

log = logging.getLogger(__name__)

app = Celery("muster")
app.conf.update(
    broker_url=settings.BROKER_URL,
    task_ignore_result=True,
    task_default_queue=settings.PUSH_QUEUE,
    # A task that comes late is refused by its token anyway; expiring it keeps a broker that was
    # away from drowning us.
    task_publish_retry=False,
    task_acks_late=False,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    worker_consumer="config.celery:ReconnectingConsumer",
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
# Celery's Django fixup closes the database connection after every task unless told otherwise; ours
# live with their thread.
app.conf["CELERY_DB_REUSE_MAX"] = 10**9
app.autodiscover_tasks()

TASK_EXPIRES_S = 5


def publish_lanes(lanes: list[tuple[int, int]]) -> None:
    """Hand lanes (id, token) over to whoever listens at the broker."""
    app.send_task("webhooks.run_lanes", (lanes,), expires=TASK_EXPIRES_S, ignore_result=True)


def send_report_notification() -> None:
    """Tell one worker that a report waits (settings.REPORT_WORKER_NOTIFIER). Its scheduler looks by
    itself every second, too.
    """
    app.send_task("reports.wake_scheduler", expires=TASK_EXPIRES_S, ignore_result=True)


@app.task(name="reports.wake_scheduler", ignore_result=True)
def wake_report_scheduler() -> None:
    """Pass the word on to this worker's scheduler. May vanish, run twice or run late."""
    for one in _schedulers:
        one.notify_report_waiting()


class ReconnectingConsumer(Consumer):
    """Celery's consumer ends the whole worker when the broker does what Celery did not foresee:
    this one connects again.

    A Redis that fails over, is full or holds something strange answers with errors. The watcher
    needs no broker, and must not end with it.
    """

    def start(self) -> None:
        """Consume until the worker is asked to stop."""
        while True:
            try:
                super().start()
            except Exception:
                log.exception(
                    "The broker's connection ended in an unforeseen way; connecting again"
                )
                time.sleep(1)
                self.on_close()
                self.blueprint.restart(self)
            else:
                return


_schedulers: list[SchedulerProcess] = []


class BackgroundStep(bootsteps.StartStopStep):
    """The watcher of due pushes, and the scheduler; they start before the broker is connected and
    go on when it is away.
    """

    requires = {"celery.worker.components:Pool"}

    def __init__(self, worker: Any, **kwargs: Any) -> None:
        super().__init__(worker, **kwargs)
        use_asynchronous_commit(settings.DATABASES["default"])
        self.stopping = threading.Event()

    def start(self, worker: Any) -> None:
        """Start the watcher and, unless settings say that it runs elsewhere, the scheduler."""
        # Imported here: Django's apps are ready only once the worker boots.
        from webhooks import dispatcher  # noqa: PLC0415

        broker = not settings.BROKER_URL.startswith("memory:")
        self.dispatch_pool = dispatcher.create_dispatch_pool(
            publish_lanes if broker else None, size=worker.concurrency or 8
        )
        self.dispatcher_thread = threading.Thread(
            target=dispatcher.run_dispatch_loop,
            args=(self.dispatch_pool, self.stopping),
            name="muster-dispatcher",
            daemon=True,
        )
        self.dispatcher_thread.start()
        if settings.SCHEDULER_IN_WORKER:
            _schedulers[:] = [SchedulerProcess()]
            _schedulers[0].start()

    def stop(self, worker: Any) -> None:
        """Take on nothing more, finish what is under way."""
        self.stopping.set()
        for one in _schedulers:
            one.request_stop()
        self.dispatcher_thread.join(timeout=5)
        self.dispatch_pool.close()
        for one in _schedulers:
            one.stop()

    terminate = stop


app.steps["worker"].add(BackgroundStep)
