"""Labelled images for training and testing, and the floats that networks take.

The images stay as they were published, in whole numbers from 0 to `scale`, and floats are made of
them when asked: x/scale (`scaled`), or (x/scale − mean)/std for every channel, with the mean and
the standard deviation of the training images (`standardized`); as images for convolutions, of shape
(N, height, width, channels), or flat for perceptrons. Reading data sets is left to
`bea.models.data`, and which of the images make a batch to the training.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bea.errors import InputError


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Labelled images for training and for testing; the arrays are read-only.

    Attributes:
        name: what it is called.
        train_images: (N, height, width), or (N, height, width, channels), in uint8.
        train_labels: (N,), the indices of the classes, in int32.
        test_images: likewise; there may be none of them.
        test_labels: likewise.
        classes: the names of the classes.
        scale: the value of a pixel that is fully lit, with 0 for a dark one.

    Raises:
        InputError: the arrays do not go together.

    Example:
        >>> from bea.models.data import load_digits
        >>> data = load_digits()
        >>> data
        Dataset digits: 1,437 + 360 images of 8×8×1 in 10 classes
        >>> x_train, x_test = data.scaled(flat=True)
        >>> x_train.shape, x_train.dtype, x_train.max()
        ((1437, 64), dtype('float32'), np.float32(1.0))
    """

    name: str
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    classes: tuple[str, ...]
    scale: int = 255

    def __post_init__(self) -> None:
        if not _is_whole(self.scale) or self.scale < 1:
            raise InputError(
                f"scale = {self.scale!r} of {self.name}: give the value of a fully lit pixel, a "
                "whole number from 1"
            )
        for part in ("train", "test"):
            images = np.asarray(getattr(self, f"{part}_images")).view()
            labels = np.asarray(getattr(self, f"{part}_labels"))
            self._check(part, images, labels)
            labels = labels.astype(np.int32)
            for array, what in ((images, "images"), (labels, "labels")):
                array.flags.writeable = False
                object.__setattr__(self, f"{part}_{what}", array)
        if not len(self.train_images):
            raise InputError(f"{self.name} has no training images: give at least one")
        if self.train_images.shape[1:] != self.test_images.shape[1:]:
            raise InputError(
                f"{self.name} has training images of shape {self.train_images.shape[1:]} and test "
                f"images of shape {self.test_images.shape[1:]}: they must agree"
            )

    def __repr__(self) -> str:
        shape = "×".join(map(str, self.image_shape))
        return (
            f"Dataset {self.name}: {len(self.train_images):,} + {len(self.test_images):,} images "
            f"of {shape} in {len(self.classes)} classes"
        )

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of an image, what a convolutional network takes in."""
        height, width, *channels = self.train_images.shape[1:]
        return height, width, channels[0] if channels else 1

    @property
    def input_size(self) -> int:
        """The numbers in an image, height × width × channels: what a perceptron takes in."""
        return math.prod(self.image_shape)

    def scaled(self, *, flat: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """The images with pixels in [0, 1], x/scale.

        Args:
            flat: every image as a row of numbers, for perceptrons.

        Returns:
            The training and the test images in float32, new arrays of shape (N, height, width,
            channels); with `flat` (N, height · width · channels).

        Source: the usual practice.

        Example:
            >>> from bea.models.data import load_digits
            >>> x_train, x_test = load_digits().scaled()
            >>> x_test.shape
            (360, 8, 8, 1)
        """
        return self._scaled(self.train_images, flat), self._scaled(self.test_images, flat)

    def standardized(self, *, flat: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """The images with every channel at mean 0 and standard deviation 1, (x/scale − mean)/std.

        The mean and the standard deviation are `channel_statistics`, those of the training images,
        for the test images too.

        Args:
            flat: every image as a row of numbers, for perceptrons.

        Returns:
            As for `scaled`.

        Raises:
            InputError: a channel is the same in all the training images.

        Source: LeCun, Bottou, Orr, Müller, *Efficient BackProp*, 1998, section 4.3.

        Example:
            >>> from bea.models.data import load_digits
            >>> x_train, _ = load_digits().standardized(flat=True)
            >>> bool(abs(x_train.mean()) < 1e-5), round(float(x_train.std()), 5)
            (True, 1.0)
        """
        mean, std = self.channel_statistics()
        if not std.all():
            raise InputError(
                f"channel {int(np.argmin(std))} is the same in all the training images of "
                f"{self.name}: use scaled()"
            )
        results = []
        for images in (self.train_images, self.test_images):
            x = self._scaled(images, flat=False)
            x -= mean.astype(np.float32)
            x /= std.astype(np.float32)
            results.append(x.reshape(len(x), -1) if flat else x)
        return results[0], results[1]

    def channel_statistics(self) -> tuple[np.ndarray, np.ndarray]:
        """The mean and the standard deviation of every channel of the training images, over scale.

        The sums are taken in whole numbers, so that these are exact but for the last rounding.

        Returns:
            Two arrays of shape (channels,) in float64; the standard deviation is that of the
            population.

        Source: their definitions.

        Example:
            >>> from bea.models.data import load_digits
            >>> mean, std = load_digits().channel_statistics()
            >>> mean.round(4), std.round(4)
            (array([0.3054]), array([0.3755]))
        """
        channels = self.image_shape[-1]
        images = self.train_images.reshape(len(self.train_images), -1, channels)
        # From how often each value occurs, image by image: no large array of wider numbers.
        counts = np.zeros((channels, 256), np.int64)
        for start in range(0, len(images), 1000):
            for c in range(channels):
                values = images[start : start + 1000, :, c].ravel()
                counts[c] += np.bincount(values, minlength=256)
        levels = np.arange(256)
        n = images.shape[0] * images.shape[1]
        first = [int(total) for total in counts @ levels]
        second = [int(total) for total in counts @ levels**2]
        mean = [s / (n * self.scale) for s in first]
        std = [
            math.sqrt(q * n - s * s) / (n * self.scale) for s, q in zip(first, second, strict=True)
        ]
        return np.array(mean), np.array(std)

    def subset(
        self, n_train: int | None = None, n_test: int | None = None, *, seed: int | None = None
    ) -> Dataset:
        """Fewer of the images: the first ones, or ones drawn without repetition.

        A draw of more images with the same seed begins with those of a smaller one. The mean and
        the standard deviation of the subset are those of its own training images.

        Args:
            n_train: how many training images; all of them if None.
            n_test: how many test images, which may be 0; all of them if None.
            seed: draw them at random, from this seed, in the order of the draw; without a seed,
                take the first ones.

        Returns:
            The subset; without a seed it shares the memory of its images.

        Raises:
            InputError: there are not so many.

        Source: NumPy's `default_rng(seed)`, whose draws it promises to keep but for good cause.

        Example:
            >>> from bea.models.data import load_digits
            >>> load_digits().subset(100, 0, seed=1)
            Dataset digits: 100 + 0 images of 8×8×1 in 10 classes
        """
        rng = None if seed is None else np.random.default_rng(_checked_seed(seed))
        return Dataset(
            self.name,
            *self._chosen("train", n_train, 1, rng),
            *self._chosen("test", n_test, 0, rng),
            classes=self.classes,
            scale=self.scale,
        )

    def _chosen(
        self, part: str, wanted: int | None, least: int, rng: np.random.Generator | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """So many of the images and labels for training or testing, at least so many."""
        images, labels = getattr(self, f"{part}_images"), getattr(self, f"{part}_labels")
        count = len(images) if wanted is None else wanted
        if not _is_whole(count) or not least <= count <= len(images):
            raise InputError(
                f"n_{part} = {wanted}: give a whole number from {least} to {len(images)}, the "
                f"number of {part} images of {self.name}"
            )
        which = slice(count) if rng is None else rng.permutation(len(images))[:count]
        return images[which], labels[which]

    def _check(self, part: str, images: np.ndarray, labels: np.ndarray) -> None:
        """Refuse images or labels that are none, or that do not go together."""
        if images.dtype != np.uint8 or images.ndim not in (3, 4) or 0 in images.shape[1:]:
            raise InputError(
                f"{part}_images of {self.name} are {images.dtype} of shape {images.shape}: give "
                "uint8 of shape (N, height, width) or (N, height, width, channels)"
            )
        if labels.shape != images.shape[:1] or labels.dtype.kind not in "iu":
            raise InputError(
                f"{part}_labels of {self.name} are {labels.dtype} of shape {labels.shape}: give "
                f"an integer for each of the {len(images):,} images"
            )
        if len(labels) and not 0 <= labels.min() <= labels.max() < len(self.classes):
            raise InputError(
                f"{part}_labels of {self.name} run from {labels.min()} to {labels.max()}: give "
                f"indices of the {len(self.classes)} classes"
            )
        if images.size and images.max() > self.scale:
            raise InputError(
                f"{part}_images of {self.name} have a pixel of {images.max()} above the scale "
                f"{self.scale}: give the value of a fully lit pixel as scale"
            )

    def _scaled(self, images: np.ndarray, flat: bool) -> np.ndarray:
        """x/scale in float32, without intermediate copies."""
        shape = (self.input_size,) if flat else self.image_shape
        scaled = np.divide(images, np.float32(self.scale), dtype=np.float32)
        return scaled.reshape(len(images), *shape)


def _is_whole(value: object) -> bool:
    """Whether it is a whole number, of Python's or NumPy's, and no truth value."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _checked_seed(seed: int) -> int:
    """The seed, which must be a whole number."""
    if not _is_whole(seed) or seed < 0:
        raise InputError(f"seed = {seed!r}: give a whole number from 0")
    return seed
