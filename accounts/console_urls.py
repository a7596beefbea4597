"""Pages of the console about signing in: they stand before Django's own, which they replace or
precede.
"""

from django.urls import path

from accounts.views import reauthentication, second_factor, sign_in

urlpatterns = [
    path("login/", sign_in.sign_in_view, name="console-sign-in"),
    path("reauthenticate/", reauthentication.reauthenticate_view, name="reauthenticate"),
    path("second-factor/", reauthentication.second_factor_view, name="second-factor"),
    path(
        "second-factor/set-up/", second_factor.second_factor_setup_view, name="second-factor-set-up"
    ),
    path("second-factor/codes/", second_factor.new_recovery_codes_view, name="second-factor-codes"),
    path(
        "second-factor/remove/",
        second_factor.remove_second_factor_view,
        name="second-factor-remove",
    ),
]
