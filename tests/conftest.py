"""Settings that every test shares."""

import os

from hypothesis import HealthCheck, settings

# Shuffling whole documents is slow to draw from, and that is no fault of the code under test.
_PATIENT = [HealthCheck.too_slow, HealthCheck.data_too_large]

settings.register_profile("dev", max_examples=60, deadline=None, suppress_health_check=_PATIENT)
settings.register_profile(
    "ci",
    max_examples=300,
    deadline=None,
    derandomize=True,
    database=None,
    print_blob=True,
    suppress_health_check=_PATIENT,
)
# For a long run by night, each time on other examples; what it finds stays in the database.
settings.register_profile("nightly", max_examples=20_000, deadline=None, suppress_health_check=_PATIENT)
# Enough to take every branch, and the same ones every time: for the count of branches, which slows everything down.
settings.register_profile(
    "counted",
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=_PATIENT,
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))
