"""Where --data finds the published data sets: the files themselves, or their folder by its name."""

from __future__ import annotations

from pathlib import Path

from bea.errors import InputError
from bea.models.data import Dataset, load_cifar10, load_mnist


def mnist(folder: Path | None) -> Dataset:
    """MNIST, from the folder of its files or the one that has mnist/.

    Raises:
        InputError: no folder is named, or the files are not there.
    """
    place = named("MNIST", "download_mnist", folder)
    return load_mnist(place / "mnist" if (place / "mnist").is_dir() else place)


def cifar10(folder: Path | None) -> Dataset:
    """CIFAR-10, from the folder of its files or the one that has cifar-10-batches-bin/.

    Raises:
        InputError: no folder is named, or the files are not there.
    """
    return load_cifar10(named("CIFAR-10", "download_cifar10", folder))


def named(data: str, download: str, folder: Path | None) -> Path:
    """The folder, if there is one."""
    if folder is None:
        raise InputError(
            f"this is of {data}: name the folder that its files are in with --data FOLDER; "
            f"bea.models.data.{download}(FOLDER) puts them there"
        )
    return folder
