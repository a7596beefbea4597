"""Pages of the console about signing in: they stand before Django's own, which they replace or
precede.
"""

from django.urls import path

from accounts import views

urlpatterns = [
    path("login/", views.sign_in_view, name="console-sign-in"),
    path("reauthenticate/", views.reauthenticate_view, name="reauthenticate"),
    path("second-factor/", views.second_factor_view, name="second-factor"),
    path("second-factor/set-up/", views.second_factor_setup_view, name="second-factor-set-up"),
    path("second-factor/codes/", views.new_recovery_codes_view, name="second-factor-codes"),
    path("second-factor/remove/", views.remove_second_factor_view, name="second-factor-remove"),
]
