"""`make gpu`: what is worth running where a GPU can be had for minutes and there is no network.

    make gpu-pack DATA=FOLDER        here: data and wheels, to build/gpu
    make gpu OUT=DIR                 there: tests, slices in order of worth, benchmarks
    make gpu OUT=DIR PLAN=cifar10    there, in a second call: residual networks alone
    python -m examples.paper.gpu collect DIR

The machine has Python, JAX for its GPU, and what build/gpu brings; nothing is installed outside the
checkout. A plan is a list of parts. Each part is a process of its own with a bound of seconds, and
leaves a file of its own in OUT; when its time is over it is stopped with all that it has started,
and the next begins. Slices come back in one archive, which is written again after each of them, so
that a call that is cut off brings what was complete by then. Slices that are committed in
results/slices are not run again. `collect` puts what came back into its places.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from time import perf_counter, sleep

from bea.errors import InputError
from bea.files import written_atomically
from bea.models.data_files import CIFAR10_FOLDER
from bea.streams import Parser, run_as_script
from bea.tables import write_text
from examples.paper import data_folder
from examples.paper.cifar10 import strips
from examples.paper.commands import command
from examples.paper.scripts import errors_in_one_line
from examples.paper.slices.catalogue import slices as slices_of
from examples.paper.slices.merging import check
from examples.paper.slices.slice_file import ENDING, read_slice

NAME = "gpu"
PACK = Path("build/gpu")
SLICES = Path("build/gpu-slices")
RESULTS = Path("results/slices")
CIFAR10 = PACK / "cifar10-first", PACK / "cifar10-second"
"""Its two parts, of 48 MiB each."""
BENCHMARKS = {"networks": 40, "training": 30, "resnet_training": 60, "one_by_one": 20}
"""Those that a GPU is measured by, with the seconds of each."""
ARCHIVE, LOG, TESTS = "slices.zip", "parts.json", "tests.txt"
LEAST = 5.0
"""Seconds in which no part does anything of use."""

WHEELS = "python-flint==0.9.0", "pooch==1.9.0"
"""What bea and its tests need and a machine with JAX and PyTorch mostly lacks."""


@dataclass(frozen=True)
class Part:
    """One process of a plan.

    Attributes:
        name: which is said in parts.json.
        command: what follows the interpreter.
        seconds: after so many it is stopped; None for all that are left but `reserve`.
        reserve: seconds that are left for the parts after it.
        output: a file in OUT for what it prints; else that goes to the screen.
        environment: what is set for it beside the variables of this process.
        within: whether it is told its seconds, to fit its work into them.
    """

    name: str
    command: tuple[str, ...]
    seconds: float | None
    reserve: float = 0.0
    output: str | None = None
    environment: Mapping[str, str] | None = None
    within: bool = False


def plan(name: str, out: Path, *, rehearse: bool) -> list[Part]:
    """The parts of a call, in their order.

    Args:
        name: "mnist" or "cifar10".
        out: where files come back from.
        rehearse: the same parts in sizes of seconds, on a CPU.
    """
    if name == "cifar10":
        return [slices("cifar10", None)]
    if rehearse:
        return [
            tests(("tests/numeric/training/test_train.py", "-k", "every_epoch"), 60),
            slices(None, None, profile="rehearsal", reserve=10),
        ]
    return [
        tests(
            (
                "tests",
                "--ignore=tests/symbolic/test_against_kauri.py",
                "-n",
                str(os.cpu_count() or 1),
                "--dist",
                "loadfile",
            ),
            110,
        ),
        slices("mnist-w400-s", None, reserve=330),
        *(benchmark(name, out, seconds) for name, seconds in BENCHMARKS.items()),
        slices("mnist", None),
    ]


def tests(chosen: Sequence[str], seconds: float) -> Part:
    """The quick tests, on the CPUs: many processes would not fit into the memory of one GPU."""
    options = ("-m", "pytest", "-q", "-m", "not slow", "-p", "no:cacheprovider", *chosen)
    return Part("tests", options, seconds, output=TESTS, environment={"JAX_PLATFORMS": "cpu"})


def slices(
    only: str | None, seconds: float | None, *, profile: str = "paper", reserve: float = 0.0
) -> Part:
    """Slices in order of worth, as many as fit."""
    chosen = () if only is None else ("--only", only)
    options = ("-m", "examples.paper.slices", "run", "--profile", profile, *chosen)
    where = ("--data", str(PACK), "--out", str(SLICES))
    return Part(f"slices {only or profile}", (*options, *where), seconds, reserve, within=True)


def benchmark(name: str, out: Path, seconds: float) -> Part:
    """A benchmark, with its table in OUT."""
    return Part(name, ("-m", f"benchmarks.{name}", "--out", str(out)), seconds)


def run(plan: Sequence[Part], out: Path, seconds: float) -> bool:
    """Run the parts one after another; did all of them end by themselves and without an error?

    Args:
        plan: the parts.
        out: the folder for files.
        seconds: of all parts together.
    """
    out.mkdir(parents=True, exist_ok=True)
    begun, told = perf_counter(), list[dict[str, object]]()
    for part in plan:
        left = seconds - (perf_counter() - begun)
        bound = min(left - part.reserve, part.seconds or left)
        started = perf_counter()
        status = "no time was left" if bound < LEAST else run_part(part, out, bound)
        spent = round(perf_counter() - started, 1)
        told.append({"part": part.name, "seconds": spent, "bound": round(bound), "status": status})
        write_text(out / LOG, json.dumps(told, indent=1) + "\n")
        print(f"{part.name}: {status} after {spent:g} s", flush=True)
    return all(part["status"] == "done" for part in told)


def run_part(part: Part, out: Path, seconds: float) -> str:
    """How a part ended."""
    options = list(part.command)
    if part.within:
        options += ["--within", f"{max(seconds - 5, 1):.0f}"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", **(part.environment or {})}
    wheels = PACK / "site"
    if wheels.is_dir():
        parts = [str(wheels.absolute()), environment.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, parts))
    with TemporaryFile() as printed:
        process = subprocess.Popen(
            [sys.executable, *options],
            stdout=printed if part.output else None,
            stderr=subprocess.STDOUT if part.output else None,
            env=environment,
            start_new_session=True,
        )
        try:
            end = perf_counter() + seconds
            while process.poll() is None and perf_counter() < end:
                pack(out)
                sleep(0.5)
            stopped = process.poll() is None
        finally:
            with suppress(ProcessLookupError):  # and what it has started
                os.killpg(process.pid, signal.SIGKILL)
            status = process.wait()
        if part.output:
            printed.seek(0)
            write_text(out / part.output, printed.read().decode(errors="replace"))
    pack(out)
    return "stopped at its bound" if stopped else "done" if status == 0 else f"failed ({status})"


def pack(out: Path) -> None:
    """All files of slices that are complete, in one archive, if there are more than in the last."""
    files = {file.name: file for file in sorted(SLICES.glob(f"*{ENDING}"))}
    archive = out / ARCHIVE
    try:
        with zipfile.ZipFile(archive) as there:
            packed_before = {entry.filename: entry.file_size for entry in there.infolist()}
    except (OSError, zipfile.BadZipFile):
        packed_before = {}
    if files and packed_before != {name: file.stat().st_size for name, file in files.items()}:
        with written_atomically(archive) as partial, zipfile.ZipFile(partial, "w") as packed:
            for name, file in files.items():  # they are compressed already
                packed.write(file, name)


def prepare(data: Path) -> None:
    """Copy what the machine needs to build/gpu: data as they are published, and wheels.

    CIFAR-10 does not travel in one call: its two parts have folders of their own (`strips`).

    Args:
        data: the folder that has mnist/, and cifar-10-batches-bin/ if that is to travel too.

    Raises:
        InputError: MNIST is not there, or there is no network for the wheels.
    """
    data_folder.mnist(data)  # refuses what is not there, or not as published
    mnist = data / "mnist" if (data / "mnist").is_dir() else data
    for file in mnist.glob("*-ubyte*"):
        copy_file(file, PACK / "mnist" / file.name)
    if (data / CIFAR10_FOLDER).is_dir():
        strips.pack(data / CIFAR10_FOLDER, CIFAR10)
    platforms = [f"--platform=manylinux{name}_x86_64" for name in ("_2_28", "_2_17", "2014")]
    options = (
        "--disable-pip-version-check", "download", "--quiet", "--no-deps",
        "--only-binary=:all:", "--python-version=3.12", "--implementation=cp", *platforms,
        "--dest", str(PACK / "wheels"), *WHEELS,
    )  # fmt: skip
    if subprocess.run([sys.executable, "-m", "pip", *options]).returncode:
        raise InputError("the wheels could not be had (pip says why above): ask for them again")
    for folder in sorted(path for path in PACK.iterdir() if path.is_dir()):
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        print(f"{folder}: {size / 2**20:.1f} MiB")


def copy_file(source: Path, target: Path) -> None:
    """Whole or not at all, into a folder that is made if need be."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with written_atomically(target) as partial:
        partial.write_bytes(source.read_bytes())


def unpack() -> None:
    """Make what has travelled usable: wheels importable, images of CIFAR-10 decoded."""
    site = PACK / "site"
    wheels = sorted((PACK / "wheels").glob("*.whl"))
    if wheels and not site.is_dir():
        for wheel in wheels:
            with zipfile.ZipFile(wheel) as packed:
                packed.extractall(site)
    if all(folder.is_dir() for folder in CIFAR10) and not (PACK / CIFAR10_FOLDER).is_dir():
        strips.unpack(CIFAR10, PACK)


def collect(folder: Path) -> None:
    """Put what came back into its places: slices to results/slices, tables to benchmarks there."""
    found = [folder / ARCHIVE, *(folder / f"{name}.csv" for name in BENCHMARKS)]
    if not any(path.is_file() for path in found):
        raise InputError(f"{folder} holds neither {ARCHIVE} nor a table: name OUT of `make gpu`")
    if found[0].is_file():
        collect_slices(found[0])
    for table in found[1:]:
        if table.is_file():
            place = Path("results/benchmarks") / f"{table.stem}_gpu.csv"
            copy_file(table, place)
            print(f"wrote {place}")


def collect_slices(archive: Path) -> None:
    """Put the slices of the paper into results/slices, beside those of other devices."""
    try:
        with zipfile.ZipFile(archive) as packed, TemporaryDirectory() as folder:
            for name in packed.namelist():
                came = Path(folder) / Path(name).name
                with written_atomically(came) as partial:
                    partial.write_bytes(packed.read(name))
                try:
                    file = read_slice(came)
                    check(file, {slice.name: slice for slice in slices_of("paper")}, probing=False)
                except InputError as error:
                    print(f"left out: {error}", file=sys.stderr)
                    continue
                place = RESULTS / f"{file.name}{ENDING}"
                if place.is_file() and read_slice(place).device != file.device:
                    slug = "-".join(re.findall(r"\w+", file.device.lower()))
                    place = RESULTS / f"{file.name}@{slug}{ENDING}"
                copy_file(came, place)
                print(f"wrote {place}")
    except zipfile.BadZipFile:
        raise InputError(f"{archive} is damaged: copy it again from where it came") from None


def main(argv: Sequence[str] | None = None) -> None:
    called = command(NAME)
    parser = Parser(
        prog=called, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parts = parser.add_subparsers(dest="part", required=True, metavar="{pack,run,collect}")
    packing = parts.add_parser("pack", help="data and wheels to build/gpu")
    packing.add_argument("--data", type=Path, required=True, metavar="FOLDER")
    running = parts.add_parser("run", help="the parts of a plan")
    running.add_argument("--out", type=Path, required=True, metavar="DIR")
    running.add_argument("--plan", choices=("mnist", "cifar10"), default="mnist")
    running.add_argument("--seconds", type=float, default=570.0, help="of the call (default: 570)")
    running.add_argument("--rehearse", action="store_true", help="on a CPU, in about a minute")
    collecting = parts.add_parser("collect", help="what came back, to its places")
    collecting.add_argument("folder", type=Path, metavar="DIR")
    given = parser.parse_args(argv)
    with errors_in_one_line(NAME):
        if given.part == "pack":
            prepare(given.data)
        elif given.part == "collect":
            collect(given.folder)
        else:
            unpack()
            chosen = plan(given.plan, given.out, rehearse=given.rehearse)
            if not run(chosen, given.out, given.seconds):
                sys.exit(1)


if __name__ == "__main__":
    run_as_script(main)
