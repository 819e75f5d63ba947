"""Some thousands of the fuzzer's inputs, without a fuzzer and the same each time (see fuzz/)."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from random import Random

import pytest

from bea.symbolic.parsing.text import parse_expression
from fuzz import command_line, text
from fuzz.watch import Violation, watched


@pytest.mark.parametrize(("target", "inputs"), [(text, 1_500), (command_line, 500)])
def test_any_bytes_are_read_or_refused(target, inputs):
    random = Random(0)
    for seed in target.seeds():
        target.check(seed)
    for _ in range(inputs):
        target.check(random.randbytes(random.randrange(2, 20)))


def test_the_watch_sees_what_must_not_happen():
    def nothing(event, arguments):
        return False

    for forbidden in (
        lambda: eval("1"),
        Path(os.devnull).read_text,
        lambda: os.system("true"),
        lambda: socket.socket(),
    ):
        with pytest.raises(Violation), watched(nothing):
            forbidden()
    with pytest.raises(Violation, match="compile"), watched(nothing):
        parse_expression("x")
