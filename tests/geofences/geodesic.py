"""The earth once more, written independently of the code under test: Vincenty's formulae on WGS84
(Survey Review 23, 1975).
"""

from __future__ import annotations

import math

A = 6_378_137.0
F = 1 / 298.257223563
B = A * (1 - F)


def inverse(lat1: float, lng1: float, lat2: float, lng2: float) -> float:
    """Metres between two points that are not nearly opposite."""
    u1, u2 = (math.atan((1 - F) * math.tan(math.radians(lat))) for lat in (lat1, lat2))
    length = lam = math.radians(lng2 - lng1)
    for _ in range(200):
        sin_sigma = math.hypot(
            math.cos(u2) * math.sin(lam),
            math.cos(u1) * math.sin(u2) - math.sin(u1) * math.cos(u2) * math.cos(lam),
        )
        if sin_sigma == 0:
            return 0.0
        cos_sigma = math.sin(u1) * math.sin(u2) + math.cos(u1) * math.cos(u2) * math.cos(lam)
        sigma = math.atan2(sin_sigma, cos_sigma)
        sin_alpha = math.cos(u1) * math.cos(u2) * math.sin(lam) / sin_sigma
        cos2_alpha = 1 - sin_alpha**2
        cos_2m = cos_sigma - 2 * math.sin(u1) * math.sin(u2) / cos2_alpha if cos2_alpha else 0.0
        c = F / 16 * cos2_alpha * (4 + F * (4 - 3 * cos2_alpha))
        before = lam
        lam = length + (1 - c) * F * sin_alpha * (
            sigma + c * sin_sigma * (cos_2m + c * cos_sigma * (-1 + 2 * cos_2m**2))
        )
        if abs(lam - before) < 1e-13:
            break
    big_a, big_b = _series(cos2_alpha)
    return B * big_a * (sigma - _delta(big_b, sin_sigma, cos_sigma, cos_2m))


def direct(lat: float, lng: float, bearing: float, metres: float) -> tuple[float, float]:
    """Where one is after going `metres` from a point at `bearing` degrees from north."""
    alpha1 = math.radians(bearing)
    u1 = math.atan((1 - F) * math.tan(math.radians(lat)))
    sigma1 = math.atan2(math.tan(u1), math.cos(alpha1))
    sin_alpha = math.cos(u1) * math.sin(alpha1)
    cos2_alpha = 1 - sin_alpha**2
    big_a, big_b = _series(cos2_alpha)
    sigma = metres / (B * big_a)
    for _ in range(200):
        cos_2m = math.cos(2 * sigma1 + sigma)
        before = sigma
        sigma = metres / (B * big_a) + _delta(big_b, math.sin(sigma), math.cos(sigma), cos_2m)
        if abs(sigma - before) < 1e-14:
            break
    cos_2m, sin_s, cos_s = math.cos(2 * sigma1 + sigma), math.sin(sigma), math.cos(sigma)
    x = math.sin(u1) * sin_s - math.cos(u1) * cos_s * math.cos(alpha1)
    lat2 = math.atan2(
        math.sin(u1) * cos_s + math.cos(u1) * sin_s * math.cos(alpha1),
        (1 - F) * math.hypot(sin_alpha, x),
    )
    lam = math.atan2(
        sin_s * math.sin(alpha1), math.cos(u1) * cos_s - math.sin(u1) * sin_s * math.cos(alpha1)
    )
    c = F / 16 * cos2_alpha * (4 + F * (4 - 3 * cos2_alpha))
    length = lam - (1 - c) * F * sin_alpha * (
        sigma + c * sin_s * (cos_2m + c * cos_s * (-1 + 2 * cos_2m**2))
    )
    return math.degrees(lat2), lng + math.degrees(length)


def _series(cos2_alpha: float) -> tuple[float, float]:
    u2 = cos2_alpha * (A**2 - B**2) / B**2
    return (
        1 + u2 / 16384 * (4096 + u2 * (-768 + u2 * (320 - 175 * u2))),
        u2 / 1024 * (256 + u2 * (-128 + u2 * (74 - 47 * u2))),
    )


def _delta(b: float, sin_s: float, cos_s: float, cos_2m: float) -> float:
    inner = cos_s * (-1 + 2 * cos_2m**2) - b / 6 * cos_2m * (-3 + 4 * sin_s**2) * (
        -3 + 4 * cos_2m**2
    )
    return b * sin_s * (cos_2m + b / 4 * inner)
