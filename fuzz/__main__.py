"""`python -m fuzz`: a target and its seeds for atheris, or a campaign of random losses."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

from fuzz import campaign

TARGETS = ("text", "command_line")


def main() -> None:
    """Fuzz a target, and then what follows its name is libFuzzer's; or run a campaign."""
    if len(sys.argv) > 1 and sys.argv[1] in campaign.KINDS:
        sys.exit(campaign.main(sys.argv[1:]))
    if len(sys.argv) < 3 or sys.argv[1] not in TARGETS:
        sys.exit(
            f"usage: python -m fuzz {{{'|'.join(TARGETS)}}} DIRECTORY [libFuzzer's options]\n"
            f"       python -m fuzz {{{'|'.join(campaign.KINDS)}}} [--help]"
        )
    import atheris

    name, directory = sys.argv[1], Path(sys.argv[2])
    with atheris.instrument_imports(include=["bea"]):
        target = import_module(f"fuzz.{name}")
    directory.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds()):
        (directory / f"seed-{number:03d}").write_bytes(seed)
    atheris.Setup([sys.argv[0], *sys.argv[2:]], target.check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
