"""No log line holds a credential: a record is cleaned when it is made, whichever logger writes it,
and where to.

The biometric channel takes its key in the address too (`?api_key=`), and a browser brings a
sign-on's code and state in it. Addresses are logged by whoever logs requests: Django, gunicorn's
access log when an operator turns it on, gunicorn when a request breaks it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any, Final

REDACTED: Final = "[redacted]"
# Django's exceptions that are the caller's doing, by name; each has a logger of its own.
UNLOGGED_BAD_REQUESTS: Final = (
    "DisallowedHost",
    "DisallowedModelAdminLookup",
    "DisallowedModelAdminToField",
    "RequestDataTooBig",
    "TooManyFieldsSent",
    "TooManyFilesSent",
)
# The parameter, with its name spelled as addresses may spell it, and keys by their form, wherever
# they turn up.
_PARAMETER = re.compile(
    r"((?:a|%61)(?:p|%70)(?:i|%69)(?:_|%5f)(?:k|%6b)(?:e|%65)(?:y|%79)=|[?&](?:code|state)=)[^&\s\"'<>#]+",
    re.IGNORECASE,
)
_KEY = re.compile(r"\b(fl_dev_|fl_sec_|msr_|mst_(?:dev_|evt_|cams_)?|whsec_)[0-9A-Za-z_+/=-]{8,}")

_default_record_factory: Callable[..., logging.LogRecord] = logging.getLogRecordFactory()


def redact_credentials(text: str) -> str:
    """`text` without credentials."""
    return _KEY.sub(rf"\1{REDACTED}", _PARAMETER.sub(rf"\1{REDACTED}", text))


def make_redacted_record(*args: Any, **kwargs: Any) -> logging.LogRecord:
    """A record whose message, put together at once, holds no credential."""
    record = _default_record_factory(*args, **kwargs)
    try:
        message = record.getMessage()
    except (
        TypeError,
        ValueError,
        KeyError,
    ):  # It does not fit its arguments; the handler says so in its own way.
        return record
    cleaned = redact_credentials(message)
    if cleaned != message:
        record.msg, record.args = cleaned, None
    return record


class RedactingFormatter(logging.Formatter):
    """A line as it is written, traceback included."""

    def format(self, record: logging.LogRecord) -> str:
        return redact_credentials(super().format(record))


def install_redaction() -> None:
    """From now on every record of this process is made by us. Idempotent."""
    logging.setLogRecordFactory(make_redacted_record)


def logging_config(level: str) -> dict[str, Any]:
    """What Django's LOGGING asks for: one line each on standard error, without secrets."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": "config.logs.RedactingFormatter",
                "format": "{asctime} {levelname} {name}: {message}",
                "style": "{",
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Expected refusals are answered and counted; they are not news for the log.
            "django.request": {"level": "ERROR"},
            # Nor is a request that Django answers 400, such as one with a foreign Host header or
            # with an admin filter that does not exist, worth a traceback each time.
            **{f"django.security.{name}": {"level": "CRITICAL"} for name in UNLOGGED_BAD_REQUESTS},
            # At DEBUG it writes down the variables of a page, those of one-time pages too.
            "django.template": {"level": "INFO"},
            # The library that writes PDFs logs every step of cutting its font to size.
            "fontTools": {"level": "WARNING"},
            "fpdf": {"level": "WARNING"},
        },
    }
