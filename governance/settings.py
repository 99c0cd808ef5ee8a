"""Every setting of the platform, read from the environment.

Two modes. With DATABASE_URL set, the platform runs against those servers in production form and
each secret must be given. Without it, it runs on the embedded PostgreSQL and Redis, with secrets
made on the first start and kept beside their data.
"""

from datetime import timedelta
from pathlib import Path

import environ
from celery.schedules import crontab

from governance import embedded

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

EMBEDDED = not env.str("DATABASE_URL", "")

if EMBEDDED:
    servers = embedded.locate(BASE_DIR)
    VAR_DIR = servers.var
    DATABASE_URL = servers.database_url
    REDIS_URL = servers.redis_url
    CELERY_BROKER_URL = servers.broker_url
    SECRET_KEY = servers.secret("secret_key")
    PERSONAL_DATA_KEY = servers.secret("personal_data_key")
    ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
else:
    VAR_DIR = Path(env.str("VAR_DIR", str(BASE_DIR / "var")))
    DATABASE_URL = env.str("DATABASE_URL")
    REDIS_URL = env.str("REDIS_URL")
    CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", REDIS_URL)
    SECRET_KEY = env.str("SECRET_KEY")
    PERSONAL_DATA_KEY = env.str("PERSONAL_DATA_KEY")
    ALLOWED_HOSTS = env.list("ALLOWED_HOSTS")

DEBUG = env.bool("DEBUG", False)

# --- what is installed ---

INSTALLED_APPS = [
    "governance.apps.GovernanceConfig",
    "meetings",
    "projects",
    "issues",
    "people",
    "areas",
    "core",
    "governance.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "axes",
    "django_filters",
    "django_htmx",
    "django_password_validators",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "knox",
    "pgtrigger",
    "rest_framework",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "core.transfer.CompressTextMiddleware",
    "core.transfer.UnchangedJsonMiddleware",
    "core.transfer.PrivateAnswersMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "csp.middleware.CSPMiddleware",
    "axes.middleware.AxesMiddleware",
    "core.sessions.IdleSignOutMiddleware",
    "core.pages.RefusalMiddleware",
    "people.middleware.TemporaryPasswordMiddleware",
]

ROOT_URLCONF = "governance.urls"
WSGI_APPLICATION = "governance.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "governance.context.frame",
            ],
        },
    },
]

# --- data ---

DATABASES = {"default": env.db_url_config(DATABASE_URL)}
DATABASES["default"].update(
    CONN_MAX_AGE=env.int("CONN_MAX_AGE", 60),
    CONN_HEALTH_CHECKS=True,
    OPTIONS={
        "application_name": "governance",
        # Every trigger asks for this setting (django-pgtrigger). Where it is missing, each asks in
        # vain, in a subtransaction that fails: a thousand rows in one transaction take five times
        # as long.
        # No parallel workers: a page is made of small queries, whose cost the planner takes for
        # more than it is; to start workers takes 10 ms, and the cores are wanted by others.
        "options": "-c pgtrigger.ignore={} -c max_parallel_workers_per_gather=0",
    },
)
APPLICATION_ROLE = env.str("APPLICATION_ROLE", "")  # gets its rights from manage.py prepare
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        # Seconds: a Redis that is out of reach must not hold up a page.
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 5},
    },
    # What a process finds out for itself and may forget (core.search).
    "process": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
}
SESSION_ENGINE = "core.sessions"
SESSION_COOKIE_AGE = 30 * 60  # idle sign-out, in seconds; core.sessions prolongs it

MEDIA_ROOT = Path(env.str("MEDIA_ROOT", str(VAR_DIR / "media")))
# With a prefix set, uploads leave through the reverse proxy after Django has checked the caller.
ACCEL_REDIRECT_PREFIX = env.str("ACCEL_REDIRECT_PREFIX", "")
UPLOAD_LIMIT = 10 * 1024 * 1024  # bytes of one uploaded file
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024  # bytes of a request body without files

# --- who is it ---

AUTH_USER_MODEL = "people.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "people.backends.AccountBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "people.passwords.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {
        "NAME": (
            "django_password_validators.password_character_requirements"
            ".password_validation.PasswordCharacterValidator"
        ),
        "OPTIONS": {
            "min_length_digit": 1,
            "min_length_alpha": 1,
            "min_length_special": 1,
            "min_length_lower": 1,
            "min_length_upper": 0,
        },
    },
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"

AXES_FAILURE_LIMIT = 5
AXES_VERBOSE = False
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_TEMPLATE = "people/locked_out.html"
AXES_HTTP_RESPONSE_CODE = 429
AXES_CLIENT_IP_CALLABLE = "people.requests.client_address"
BEHIND_PROXY = not EMBEDDED  # which writes X-Forwarded-For itself (deploy/nginx.conf)

# --- language and time ---

LANGUAGE_CODE = "zh-hans"
TIME_ZONE = "Asia/Shanghai"
USE_I18N = True
USE_TZ = True

# --- pages ---

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "core.assets.PackageFinder",
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "core.assets.ManifestStorage"},
}

# --- API ---

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "people.api.authentication.DeviceTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["core.parsers.SafeJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_CLASSES": [
        "rest_framework.throttling.AnonRateThrottle",
        "rest_framework.throttling.UserRateThrottle",
        "rest_framework.throttling.ScopedRateThrottle",
    ],
    "DEFAULT_THROTTLE_RATES": {
        "anon": env.str("THROTTLE_ANON", "60/min"),
        "user": env.str("THROTTLE_USER", "600/min"),
        "sign_in": env.str("THROTTLE_SIGN_IN", "20/min"),
        "upload": env.str("THROTTLE_UPLOAD", "120/min"),
    },
    "EXCEPTION_HANDLER": "core.api.exception_handler",
    "LIST_SERIALIZER_ERRORS_AS_DICT": True,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
KNOX_TOKEN_MODEL = "people.DeviceToken"  # noqa: S105 (a model, not a secret)
REST_KNOX = {
    "TOKEN_TTL": timedelta(days=90),
    "AUTH_HEADER_PREFIX": "Token",
    "TOKEN_LIMIT_PER_USER": 5,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "复杂区域治理平台 API",
    "DESCRIPTION": (
        "网格员移动端接口。时间一律为带时区的 ISO 8601，文字一律为 UTF-8。\n\n"
        "出错时一律答复 `{code, message, fields}`：code 固定，供程序判断；message 为中文，"
        "可直接显示；fields 指出有误的字段。无权查看的与不存在的不作区分，都是 404。\n\n"
        "写入请求带 `Idempotency-Key`（上报以 client_id 代替）：未收到答复时原样重发，"
        "不会重复写入。"
    ),
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "docExpansion": "list"},
    "TAGS": [{"name": name} for name in ("登录", "问题", "办理动作", "同步", "消息", "填表")],
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    # Names for choices that several fields of different meaning share.
    "ENUM_NAME_OVERRIDES": {
        "Level": "issues.choices.Level",
        "PlaceLevel": "areas.choices.PlaceLevel",
        "EscalationReason": "issues.choices.EscalationReason",
        "SendDownReason": "issues.choices.SendDownReason",
        "FailReason": "issues.choices.FailReason",
        "RevealReason": "issues.choices.RevealReason",
        "ReturnReason": "issues.choices.ReturnReason",
        "ReopenReason": "issues.choices.ReopenReason",
        "VoidReason": "issues.choices.VoidReason",
        "Outcome": "issues.choices.Outcome",
        "HandledOutcome": "issues.inputs.OUTCOMES",
        "Role": "people.choices.Role",
    },
}

# --- worker ---

CELERY_TIMEZONE = TIME_ZONE
CELERY_TASK_ACKS_LATE = True  # a killed worker's task runs again; every task may run twice
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_ROUTES = {"core.tasks.make_export": {"queue": "exports"}}  # deploy/exporter
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 900}
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "celerybeat-schedule")
CELERY_BEAT_SCHEDULE = {
    "deliver-messages": {"task": "core.tasks.deliver_messages", "schedule": 60},
    "remind-of-deadlines": {"task": "issues.tasks.remind_of_deadlines", "schedule": 300},
    "acknowledge-overdue-assignments": {
        "task": "issues.tasks.acknowledge_overdue_assignments",
        "schedule": 300,
    },
    "recalculate-provisional": {
        "task": "issues.tasks.recalculate_provisional",
        "schedule": 300,
    },
    "resume-suspended": {"task": "issues.tasks.resume_suspended", "schedule": 300},
    "supervise-neglected": {
        "task": "issues.tasks.supervise_neglected",
        "schedule": crontab(hour=8, minute=50),
    },
    "settle-ended-postings": {
        "task": "people.tasks.settle_ended_postings",
        "schedule": crontab(hour=0, minute=10),
    },
    "anchor-chains": {
        "task": "issues.tasks.anchor_chains",
        "schedule": crontab(hour=2, minute=30),
    },
    "draft-quarterly-report": {
        "task": "meetings.tasks.draft_quarterly_report",
        "schedule": crontab(hour=8, minute=35, day_of_month="1-10"),
    },
    "warn-of-missing-district-meeting": {
        "task": "meetings.tasks.warn_of_missing_district_meeting",
        "schedule": crontab(hour=8, minute=40),
    },
    "supervise-overdue-resolutions": {
        "task": "meetings.tasks.supervise_overdue_resolutions",
        "schedule": crontab(hour=8, minute=45),
    },
    "sweep-exports": {"task": "core.tasks.sweep_exports", "schedule": 300},
    "forget-old-idempotency-keys": {
        "task": "core.tasks.forget_old_idempotency_keys",
        "schedule": crontab(hour=3, minute=20),
    },
}

# --- safety ---

CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}
if not EMBEDDED:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", True)
    SECURE_REDIRECT_EXEMPT = [r"^health/"]
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env.bool("SECURE_COOKIES", True)
    SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", 0)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", "INFO")},
}
