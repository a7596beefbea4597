"""The environment the suite runs in; loaded by pytest before Django reads its settings."""

import os
import tempfile
from pathlib import Path

os.environ.setdefault("MUSTER_DATA", tempfile.mkdtemp(prefix="muster-tests-"))
os.environ.setdefault("SECRET_KEY", "tests-only-" + "k" * 50)
os.environ.setdefault("MUSTER_PEPPER", "tests-only-" + "p" * 50)
os.environ.setdefault("MUSTER_ENCRYPTION_KEYS", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
os.environ.setdefault("ALLOWED_HOSTS", "testserver,127.0.0.1,localhost")
# The suite counts rate limits in its own memory, as one web process does.
os.environ.setdefault("MUSTER_WEB_WORKERS", "1")
Path(os.environ["MUSTER_DATA"], "static").mkdir(parents=True, exist_ok=True)
