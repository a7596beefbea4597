"""Pages of the console about signing in: they stand before Django's own, which they replace or
precede.
"""

from django.urls import path

from accounts import pages

urlpatterns = [
    path("login/", pages.sign_in, name="console-sign-in"),
    path("prove/", pages.prove, name="prove"),
    path("second-factor/", pages.second_factor, name="second-factor"),
    path("second-factor/set-up/", pages.set_up, name="second-factor-set-up"),
    path("second-factor/codes/", pages.new_codes, name="second-factor-codes"),
    path("second-factor/remove/", pages.remove, name="second-factor-remove"),
]
