"""The console's pages of devices and phones, registered by one explicit list."""

from __future__ import annotations

from django.contrib import admin

from devices.admin.devices import DeviceAdmin
from devices.admin.phone_policy import PhonePolicyAdmin
from devices.admin.phones import PhoneAdmin
from devices.models import Device, Phone, PhonePolicy

PAGES = (
    (Device, DeviceAdmin),
    (Phone, PhoneAdmin),
    (PhonePolicy, PhonePolicyAdmin),
)
for model, page in PAGES:
    admin.site.register(model, page)
