"""A check for the fuzzer's pool that can hang and die, light to import."""

from __future__ import annotations

import os

from fuzz.pool import Outcome


def check(item, tell):
    tell("a long way")
    while item == "hang":
        pass
    if item == "kill":
        os.abort()
    return [Outcome("work", "right", item)]
