"""The rows of devices: terminals with their tokens and own numbers for people; and people's phones
with their keys.
"""

from devices.models.device_tokens import DeviceToken, DeviceTokenQuerySet
from devices.models.devices import Device, DeviceUser
from devices.models.phone_keys import DeviceKey, DeviceKeyQuerySet, KeyOwner
from devices.models.phone_policy import PhonePolicy
from devices.models.phones import Phone, PhoneQuerySet

__all__ = [
    "Device",
    "DeviceKey",
    "DeviceKeyQuerySet",
    "DeviceToken",
    "DeviceTokenQuerySet",
    "DeviceUser",
    "KeyOwner",
    "Phone",
    "PhonePolicy",
    "PhoneQuerySet",
]
