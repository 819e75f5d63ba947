"""The data sets that networks are trained on: scikit-learn's digits, MNIST and CIFAR-10.

The digits come with scikit-learn and need no download. MNIST and CIFAR-10 are read from their
published files: `bea.models.data_files` finds and checks them, `bea.models.download` fetches them.
Every loader returns a `Dataset`.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from bea.errors import InputError
from bea.models.data_files import (
    CIFAR10_TEST,
    CIFAR10_TRAIN,
    cifar10_remedy,
    existing_folder,
    mnist_remedy,
    read_cifar10,
    read_idx,
)
from bea.models.dataset import Dataset
from bea.models.download import download_cifar10, download_mnist

__all__ = [
    "Dataset",
    "download_cifar10",
    "download_mnist",
    "load_cifar10",
    "load_digits",
    "load_mnist",
]

DIGITS = tuple("0123456789")
DIGITS_TRAIN = 1437
CIFAR10_CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)


def load_digits() -> Dataset:
    """Scikit-learn's digits: 1,797 images of 8×8 pixels from 0 to 16, without any download.

    The first 1,437 are for training, the last 360, a fifth, for testing. The images stand in the
    order of their writers, so the test asks for digits in hands that the training images hardly
    show, and is harder than a random draw: the nearest neighbour is right for 95.6 % of them, and
    for 98.6 to 99.2 % in random splits.

    Returns:
        The data set, of name "digits" and scale 16.

    Raises:
        InputError: scikit-learn is missing.

    Source: Alpaydin and Kaynak, *Optical Recognition of Handwritten Digits*, UCI Machine Learning
        Repository, 1998; the copy of its test set in scikit-learn.

    Example:
        >>> load_digits()
        Dataset digits: 1,437 + 360 images of 8×8×1 in 10 classes
    """
    try:
        from sklearn import datasets
    except ImportError:
        raise InputError('the digits come with scikit-learn: pip install "bea[networks]"') from None
    bundled = datasets.load_digits()
    images = bundled.images.astype(np.uint8)  # whole numbers kept as floats
    labels = bundled.target
    return Dataset(
        "digits",
        images[:DIGITS_TRAIN],
        labels[:DIGITS_TRAIN],
        images[DIGITS_TRAIN:],
        labels[DIGITS_TRAIN:],
        classes=DIGITS,
        scale=16,
    )


def load_mnist(folder: str | os.PathLike[str], *, verify: bool = True) -> Dataset:
    """MNIST: 60,000 + 10,000 handwritten digits of 28×28 pixels, from its four IDX files.

    The files are train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and
    t10k-labels-idx1-ubyte, also with a dot for the second dash, each as it is or compressed with
    .gz at the end.

    Args:
        folder: where the files are; `download_mnist` puts them there.
        verify: hold shapes and pixels to those published, by SHA-256. Without, other data of the
            same format are read, such as Fashion-MNIST: the sizes are those that the files state,
            and the data set is named after the folder.

    Returns:
        The data set, of name "MNIST" and scale 255; the images are (N, 28, 28).

    Raises:
        InputError: the folder or a file is missing, cut off, damaged or not the published one, or
            a label is not from 0 to 9.

    Source: LeCun, Bottou, Bengio, Haffner, *Gradient-based learning applied to document
        recognition*, 1998.

    Example:
        >>> load_mnist("no/such/folder")
        Traceback (most recent call last):
        bea.errors.InputError: there is no folder no/such/folder: name another, or get the
        files with bea.models.data.download_mnist('no/such/folder')
    """
    place = existing_folder(folder, mnist_remedy(folder))
    return Dataset(
        "MNIST" if verify else _folder_name(place),
        *_mnist_part(place, "train", verify),
        *_mnist_part(place, "t10k", verify),
        classes=DIGITS,
    )


def load_cifar10(folder: str | os.PathLike[str], *, verify: bool = True) -> Dataset:
    """CIFAR-10: 50,000 + 10,000 colour images of 32×32 pixels, from its binary version.

    The files are data_batch_1.bin to data_batch_5.bin and test_batch.bin. The Python version is
    pickled, and a pickle can run any code; it is not read.

    Args:
        folder: where the files are, or their folder cifar-10-batches-bin; `download_cifar10` puts
            them there.
        verify: hold the files to those published, by length and SHA-256. Without, other data of
            the same format are read, and named after the folder.

    Returns:
        The data set, of name "CIFAR-10" and scale 255; the images are (N, 32, 32, 3) in red, green
        and blue.

    Raises:
        InputError: the folder or a file is missing, cut off or not the published one, or a label
            is not from 0 to 9.

    Source: Krizhevsky, *Learning Multiple Layers of Features from Tiny Images*, 2009.

    Example:
        >>> load_cifar10("no/such/folder")
        Traceback (most recent call last):
        bea.errors.InputError: there is no folder no/such/folder: name another, or get the
        files with bea.models.data.download_cifar10('no/such/folder')
    """
    place = existing_folder(folder, cifar10_remedy(folder))
    return Dataset(
        "CIFAR-10" if verify else _folder_name(place),
        *read_cifar10(place, CIFAR10_TRAIN, verify=verify),
        *read_cifar10(place, CIFAR10_TEST, verify=verify),
        classes=CIFAR10_CLASSES,
    )


def _mnist_part(place: Path, part: str, verify: bool) -> tuple[np.ndarray, np.ndarray]:
    """The images and the labels for training (train) or testing (t10k)."""
    images = read_idx(place, f"{part}-images-idx3-ubyte", verify=verify)
    labels = read_idx(place, f"{part}-labels-idx1-ubyte", verify=verify)
    if len(images) != len(labels):
        raise InputError(
            f"{place} has {len(images):,} {part} images and {len(labels):,} labels for them: put "
            "files there that belong together"
        )
    return images, labels


def _folder_name(place: Path) -> str:
    """What unverified data are called."""
    return place.resolve().name or str(place)
