"""Hypothesis for every test: the same examples each time, so that a failure is there to stay.

`pytest --hypothesis-profile=thorough` draws new and more examples, for a search by hand.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

SLOW_DRAWS = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)

settings.register_profile(
    "repeatable",
    deadline=None,
    derandomize=True,
    max_examples=20,
    print_blob=True,
    suppress_health_check=SLOW_DRAWS,
)
settings.register_profile(
    "thorough", deadline=None, max_examples=400, suppress_health_check=SLOW_DRAWS
)
settings.load_profile("repeatable")
