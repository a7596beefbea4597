"""The console's pages of webhooks, registered by one explicit list."""

from __future__ import annotations

from django.contrib import admin

from webhooks.admin.attempts import AttemptAdmin
from webhooks.admin.deliveries import DeliveryAdmin
from webhooks.admin.endpoints import EndpointAdmin
from webhooks.models import Attempt, Delivery, Endpoint

PAGES = (
    (Endpoint, EndpointAdmin),
    (Delivery, DeliveryAdmin),
    (Attempt, AttemptAdmin),
)
for model, page in PAGES:
    admin.site.register(model, page)
