"""The console's pages of tours, in one list: Django looks for them in this module."""

from __future__ import annotations

from django.contrib import admin

from tours.admin.documents import TourDocumentAdmin
from tours.admin.tours import TourAdmin
from tours.models import Tour, TourDocument

PAGES = (
    (Tour, TourAdmin),
    (TourDocument, TourDocumentAdmin),
)
for model, page in PAGES:
    admin.site.register(model, page)
