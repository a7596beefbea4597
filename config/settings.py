"""Muster's settings. Every value that differs between installations comes from the environment.

The variables are listed in docs/settings.md. In the demo (`make run`, MUSTER_DEMO=1) the secrets
are generated once into the data folder; everywhere else they must be given, and `config/checks.py`
refuses to start without them.
"""

from __future__ import annotations

import base64
import secrets
from pathlib import Path
from typing import Any

import django_stubs_ext
import environ
from django.utils.translation import gettext_lazy as _

from config import logs
from config.console_settings import STEP_UP_VIEWS, UNFOLD  # noqa: F401
from config.security_headers import CONTENT_SECURITY_POLICY  # noqa: F401

# Lets Django's classes be written as generic types, as in ModelForm[Employee], at run time too.
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

DATA_DIR = Path(env.str("MUSTER_DATA", default=str(BASE_DIR / ".data"))).resolve()
DEMO = env.bool("MUSTER_DEMO", default=False)


def _demo_secrets() -> None:
    """Make the demo's secrets once and keep them, so that a second start can still read what the
    first one wrote.
    """
    DATA_DIR.mkdir(parents=True, exist_ok=True)
    file = DATA_DIR / "secrets.env"
    if not file.exists():
        fernet_key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
        lines = (
            f"SECRET_KEY={secrets.token_urlsafe(48)}",
            f"MUSTER_PEPPER={secrets.token_urlsafe(48)}",
            f"MUSTER_ENCRYPTION_KEYS={fernet_key}",
        )
        scratch = file.with_suffix(f".{secrets.token_hex(4)}")
        scratch.touch(mode=0o600)
        scratch.write_text("\n".join(lines) + "\n")
        # link() fails when another process was first: whoever comes first decides, and everybody
        # reads that file.
        try:
            file.hardlink_to(scratch)
        except FileExistsError:
            pass
        finally:
            scratch.unlink()
    environ.Env.read_env(str(file))


if DEMO:
    _demo_secrets()

# --- Secrets and hosts ----------------------------------------------------------------------------
SECRET_KEY = env.str("SECRET_KEY", default="")
# Keys the HMAC under which tokens are stored: without it a stolen database holds no usable
# credential.
PEPPER = env.str("MUSTER_PEPPER", default="")
# Fernet keys, newest first: they encrypt the secrets that must be readable to sign with.
ENCRYPTION_KEYS: list[str] = env.list("MUSTER_ENCRYPTION_KEYS", default=[])
DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS: list[str] = env.list(
    "ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"] if DEMO else []
)
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])
BASE_URL = env.str("MUSTER_BASE_URL", default="http://127.0.0.1:8000")

# --- Applications, bottom of the house last -------------------------------------------------------
INSTALLED_APPS = [
    "config",
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
    "django_filters",
    "reports",
    "attendance",
    "leaves",
    "tours",
    "geofences",
    "devices",
    "shifts",
    "webhooks",
    "accounts",
    "employees",
    "core",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "config.security_headers.SecurityHeadersMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.middleware.ConsoleSessionMiddleware",
    "config.console.LocalTimeMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# --- Database -------------------------------------------------------------------------------------
DATABASES: dict[str, dict[str, Any]] = {
    "default": env.db_url("DATABASE_URL", default=f"sqlite:///{DATA_DIR}/muster.sqlite3")
}
_database = DATABASES["default"]
_database["ATOMIC_REQUESTS"] = False
if _database["ENGINE"].endswith("sqlite3"):
    DATA_DIR.mkdir(parents=True, exist_ok=True)
    _database["ENGINE"] = "config.sqlite"
    # IMMEDIATE takes the write lock at BEGIN: a transaction waits its turn instead of failing half
    # way. FULL: an answer of 2xx is money, so it survives a power cut. A repeat waits 5 s at most
    # for the first one. Opening a connection costs as much as a punch: threads keep theirs.
    _database["CONN_MAX_AGE"] = None
    _database["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 5,
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-16000;"
        ),
    }
    # Tests with several processes need a file, as an in-memory database belongs to one process.
    _database["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}
else:
    _database.setdefault("OPTIONS", {})
    _database["OPTIONS"] |= {
        "pool": {
            "min_size": env.int("MUSTER_DB_POOL_MIN", default=2),
            "max_size": env.int("MUSTER_DB_POOL_MAX", default=20),
            "timeout": 5,
        },
        "connect_timeout": 5,
        # Statements are planned once for each connection: the few that run for every punch cost
        # less to run than to plan.
        "server_side_binding": True,
        "prepare_threshold": 2,
        "options": (
            "-c lock_timeout=5s -c statement_timeout=30s -c idle_in_transaction_session_timeout=60s"
        ),
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Celery: the hands that push; the database rows are the queue ---------------------------------
PUSH_QUEUE = env.str("MUSTER_PUSH_QUEUE", default="muster")
BROKER_URL = env.str("BROKER_URL", default="memory://localhost//")
# Whether each worker starts a scheduler (config/scheduler.py), or `manage.py scheduler` is run by
# somebody else.
SCHEDULER_IN_WORKER = env.bool("MUSTER_SCHEDULER_IN_WORKER", default=True)

# --- Push -----------------------------------------------------------------------------------------
# Private or loopback networks that pushes may reach all the same, as CIDRs. The demo's receiver
# lives on 127.0.0.1.
PUSH_ALLOWED_NETWORKS: list[str] = env.list(
    "MUSTER_PUSH_ALLOWED_NETWORKS", default=["127.0.0.0/8"] if DEMO else []
)
PUSH_ALLOW_HTTP = env.bool("MUSTER_PUSH_ALLOW_HTTP", default=DEMO)

# --- Punches --------------------------------------------------------------------------------------
MAX_BODY_BYTES = 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES
PUNCH_MAX_CLOCK_SKEW_S = env.int("MUSTER_PUNCH_MAX_CLOCK_SKEW_S", default=300)
# How long a clock-in waits for its clock-out at the HR channel: a forgotten one does not block the
# next day.
HR_PAIRING_HOURS = env.int("MUSTER_HR_PAIRING_HOURS", default=16)

# --- Impact: what a change would do, as the apps above answer it (core/impact.py) -----------------
IMPACT_PROVIDERS = ["attendance.days.impact.day_impact"]

# --- Leave and tours ------------------------------------------------------------------------------
# Where the morning ends and the afternoon begins, on the clock of the employee's site.
HALF_DAY_BOUNDARY = env.str("MUSTER_HALF_DAY_BOUNDARY", default="13:00-13:30")
# So many days after it began an employee may still enter a tour.
TOUR_BACKDATE_DAYS = env.int("MUSTER_TOUR_BACKDATE_DAYS", default=7)

# --- Reports that are made in the background ------------------------------------------------------
# Where their files lie: private, and the same folder for the web and all workers.
REPORT_DIR = Path(env.str("MUSTER_REPORT_DIR", default=str(DATA_DIR / "reports"))).resolve()
REPORT_RETENTION_HOURS = env.int("MUSTER_REPORT_RETENTION_HOURS", default=48)
# At a time: in a worker process, of an organization, and (waiting ones too) of one person.
REPORT_THREADS = env.int("MUSTER_REPORT_THREADS", default=2)
REPORTS_PER_ORGANIZATION = env.int("MUSTER_REPORTS_PER_ORGANIZATION", default=1)
REPORTS_PER_PERSON = env.int("MUSTER_REPORTS_PER_PERSON", default=5)
# How the workers are told that something waits; they look by themselves too. Nothing without a
# broker.
REPORT_WORKER_NOTIFIER = (
    "" if BROKER_URL.startswith("memory:") else "config.celery.send_report_notification"
)

# --- Maps: on a plain grid, so that no browser asks anybody else, or on a chosen server's tiles ---
MAP_TILES = env.str("MUSTER_MAP_TILES", default="")
MAP_ATTRIBUTION = env.str("MUSTER_MAP_ATTRIBUTION", default="")

# --- Rate limits: counted in a cache of their own (accounts/rate_limits.py) -----------------------
LIMITS_CACHE_URL = env.str("MUSTER_LIMITS_CACHE_URL", default="")
# The number of proxies of ours that every request passes and that appended to X-Forwarded-For.
TRUSTED_PROXIES = env.int("MUSTER_TRUSTED_PROXIES", default=0)
WEB_WORKERS = int(
    env.str("MUSTER_WEB_WORKERS", default="")
    or (1 if _database["ENGINE"] == "config.sqlite" else 2)
)
HR_LIMIT_PER_MINUTE = env.int("MUSTER_HR_LIMIT_PER_MINUTE", default=600)
DEVICE_LIMIT_PER_MINUTE = env.int("MUSTER_DEVICE_LIMIT_PER_MINUTE", default=0)
_MEMORY = "django.core.cache.backends.locmem.LocMemCache"
CACHES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": _MEMORY},
    # Room for every caller of the longest window: Django's usual 300 keys would forget limits that
    # are still running.
    "limits": {"BACKEND": _MEMORY, "LOCATION": "limits", "OPTIONS": {"MAX_ENTRIES": 100_000}},
    "limits-local": {
        "BACKEND": _MEMORY,
        "LOCATION": "limits-local",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    },
}
if LIMITS_CACHE_URL:
    CACHES["limits"] = {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": LIMITS_CACHE_URL,
        "KEY_PREFIX": "muster",
        # A limit is not worth waiting for: who cannot count decides without
        # (accounts.circuit_breaker).
        "OPTIONS": {"socket_timeout": 0.1, "socket_connect_timeout": 0.1},
    }
RATELIMIT_USE_CACHE = "limits"

# --- People ---------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.TenantBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "/admin/"

# --- REST -----------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    # A view without `limits` is not limited.
    "DEFAULT_THROTTLE_CLASSES": ["accounts.throttling.RateLimitThrottle"],
    "DEFAULT_PARSER_CLASSES": ["config.rest.BoundedJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "config.rest.FirstRendererNegotiation",
    "DEFAULT_SCHEMA_CLASS": "config.openapi.ChannelAutoSchema",
    # OPTIONS is a method like others; the OpenAPI file says what it would say.
    "DEFAULT_METADATA_CLASS": None,
    "URL_FORMAT_OVERRIDE": None,
    "EXCEPTION_HANDLER": "config.rest.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "UNAUTHENTICATED_TOKEN": None,
}

# The OpenAPI file (config/openapi.py): served at /docs, kept as docs/openapi.json.
SPECTACULAR_SETTINGS = {
    "TITLE": "Muster",
    "VERSION": "1",
    "DESCRIPTION": (
        "Attendance: punches in by four channels, days out, pushed on. docs/api.md tells how to get"
        " a token for each."
    ),
    "OAS_VERSION": "3.0.3",
    "SCHEMA_PATH_PREFIX": "/api(?:/v1)?",
    "COMPONENT_SPLIT_REQUEST": True,
    "SERVE_INCLUDE_SCHEMA": False,
    # Choices stand where they are used; a name for each set of them would be a name nobody uses.
    "POSTPROCESSING_HOOKS": [
        "config.openapi.remove_enum_ids",
        "config.openapi.join_description_lines",
    ],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
}

# --- Languages, time, static files ----------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("hi", _("Hindi"))]
LOCALE_PATHS = [
    BASE_DIR / "locale",
    BASE_DIR / "config/locale",
]  # The second: what the libraries lack.
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": DATA_DIR / "files"},
    },
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}

# --- Transport security: on unless this is the demo, which is plain HTTP on one machine -----------
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https")
    if env.bool("MUSTER_BEHIND_TLS_PROXY", default=False)
    else None
)
# Channels never redirect: a terminal that follows would send its token twice, one time in clear.
SECURE_SSL_REDIRECT = False
SECURE_HSTS_SECONDS = 0 if DEMO else 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = not DEMO
SECURE_HSTS_PRELOAD = not DEMO
SESSION_COOKIE_SECURE = not DEMO
CSRF_COOKIE_SECURE = not DEMO
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_NAME = "sessionid" if DEMO else "__Host-sessionid"
SESSION_ENGINE = "accounts.sessions"
# A session ends after so many hours, and after so many minutes in which nobody touched the console.
SESSION_COOKIE_AGE = 3600 * env.int("MUSTER_SESSION_HOURS", default=12)
SESSION_IDLE_S = 60 * env.int("MUSTER_SESSION_IDLE_MINUTES", default=30)
OPERATORS_NEED_SECOND_FACTOR = env.bool("MUSTER_OPERATORS_NEED_SECOND_FACTOR", default=False)
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SILENCED_SYSTEM_CHECKS = [
    # Usernames are unique within an organization; our backend knows what to do with namesakes.
    "auth.W004",
    "security.W008",  # No SSL redirect, for the reason above; the edge refuses plain HTTP.
]

# --- Logs: one line each, no secrets --------------------------------------------------------------
logs.install_redaction()
LOGGING = {
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
    "root": {"handlers": ["stderr"], "level": env.str("MUSTER_LOG_LEVEL", default="INFO")},
    "loggers": {
        # Expected refusals are answered and counted; they are not news for the log.
        "django.request": {"level": "ERROR"},
        # Nor is somebody else's Host header, answered 400, worth a traceback each time.
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        # At DEBUG it writes down the variables of a page, those of one-time pages too.
        "django.template": {"level": "INFO"},
        # Whoever writes a PDF has every step of cutting its font to size written down.
        "fontTools": {"level": "WARNING"},
        "fpdf": {"level": "WARNING"},
    },
}
