"""The files of MNIST and CIFAR-10: where they are looked for, how they are read and checked.

Both formats hold unsigned bytes and nothing else, so reading them runs no code of theirs:

* IDX (MNIST and its kin): the bytes 0, 0, 8, d, then d sizes as big-endian 32-bit integers, then
  the numbers in C order; often as a gzip file.
* The binary version of CIFAR-10: records of 1 + 3072 bytes, a label and the red, green and blue
  planes of 32×32 pixels, row by row.

The tables of published files stand here, each with the SHA-256 that its file must have.
`bea.models.data` makes data sets of the arrays; `bea.models.download` fetches the files.
"""

from __future__ import annotations

import hashlib
import math
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bea.errors import InputError

CLASS_COUNT = 10
GZIP_MAGIC = b"\x1f\x8b"
CIFAR10_IMAGE = (32, 32, 3)
CIFAR10_RECORD = 1 + math.prod(CIFAR10_IMAGE)
CIFAR10_RECORDS = 10_000
CIFAR10_FOLDER = "cifar-10-batches-bin"
CIFAR10_TRAIN = tuple(f"data_batch_{i}.bin" for i in range(1, 6))
CIFAR10_TEST = ("test_batch.bin",)


@dataclass(frozen=True)
class IdxFile:
    """A published file of MNIST.

    Attributes:
        shape: the shape of its array.
        sha256: the SHA-256 of the array's bytes, whatever the compression.
        gz_sha256: the SHA-256 of the gzip file that the mirrors give out.
    """

    shape: tuple[int, ...]
    sha256: str
    gz_sha256: str


MNIST_FILES = {
    "train-images-idx3-ubyte": IdxFile(
        (60_000, 28, 28),
        "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    ),
    "train-labels-idx1-ubyte": IdxFile(
        (60_000,),
        "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    ),
    "t10k-images-idx3-ubyte": IdxFile(
        (10_000, 28, 28),
        "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    ),
    "t10k-labels-idx1-ubyte": IdxFile(
        (10_000,),
        "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    ),
}
"""The files of MNIST by the name they have when they are not compressed."""

CIFAR10_FILES = {
    "data_batch_1.bin": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
    "data_batch_2.bin": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
    "data_batch_3.bin": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
    "data_batch_4.bin": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
    "data_batch_5.bin": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
    "test_batch.bin": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
}
"""The files of the binary version of CIFAR-10 and the SHA-256 of each."""


def existing_folder(folder: str | os.PathLike[str], remedy: str) -> Path:
    """The folder as a path, with ~ for the home folder; refused where there is none.

    Args:
        folder: where the files are expected.
        remedy: how to get them, for the message.

    Returns:
        The path.

    Raises:
        InputError: there is nothing of that name, or it is a file.
    """
    path = Path(folder).expanduser()
    if path.is_dir():
        return path
    if path.exists():
        raise InputError(f"{path} is a file: name the folder that the files are in")
    raise InputError(f"there is no folder {path}: name another, or get the files with {remedy}")


def mnist_remedy(folder: str | os.PathLike[str]) -> str:
    """The call that gets the files of MNIST, for messages."""
    return f"bea.models.data.download_mnist({os.fspath(folder)!r})"


def cifar10_remedy(folder: str | os.PathLike[str]) -> str:
    """The call that gets the files of CIFAR-10, for messages."""
    return f"bea.models.data.download_cifar10({os.fspath(folder)!r})"


def find_idx(folder: Path, stem: str) -> Path | None:
    """The IDX file of that name in the folder, compressed or not; None where there is none."""
    return next((p for p in map(folder.joinpath, _idx_names(stem)) if p.is_file()), None)


def read_idx(folder: Path, stem: str, *, verify: bool = True) -> np.ndarray:
    """The array of one of MNIST's files, or of one in its format under its name.

    Args:
        folder: where the file is.
        stem: its name in `MNIST_FILES`; compressed, it ends in .gz.
        verify: hold it to the published shape and SHA-256. Its format is checked in any case, and
            whether labels are those of ten classes.

    Returns:
        The array of unsigned bytes.

    Raises:
        InputError: the file is missing, cannot be read or is not as it should be.

    Source: the section on file formats of Yann LeCun's page on MNIST.
    """
    remedy = mnist_remedy(folder)
    path = find_idx(folder, stem)
    if path is None:
        names = ", ".join(_idx_names(stem))
        raise InputError(f"{folder} holds none of {names}: get the files with {remedy}")
    published = MNIST_FILES[stem]
    content, whole = _content(path, remedy)
    shape = _idx_shape(path, content, dimensions=len(published.shape))
    if verify and shape != published.shape:
        raise InputError(
            f"{path} holds an array of shape {shape}, that of MNIST is {published.shape}: delete "
            f"it and download again, {remedy}, or read other data of this format with verify=False"
        )
    start = 4 + 4 * len(shape)
    expected = start + math.prod(shape)
    if len(content) != expected or not whole:
        fault = "is too long" if len(content) > expected else "is cut off"
        raise InputError(
            f"{path} {fault}: its header announces {expected:,} bytes and {len(content):,} are "
            f"there (uncompressed); delete it and download again: {remedy}"
        )
    values = np.frombuffer(content, np.uint8, offset=start).reshape(shape)
    if len(shape) == 1:
        _check_labels(path, values, remedy)
    if verify:
        _check_sum(path, memoryview(content)[start:], expected=published.sha256, remedy=remedy)
    return values


def cifar10_folder(folder: Path) -> Path:
    """Where the files of CIFAR-10 are: the folder itself, or else its subfolder for them."""
    here = any((folder / name).is_file() for name in CIFAR10_FILES)
    return folder if here else folder / CIFAR10_FOLDER


def read_cifar10(
    folder: Path, names: Sequence[str], *, verify: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """The images and labels of some of CIFAR-10's files, one file after another.

    Args:
        folder: where the files are, or their folder `CIFAR10_FOLDER` is.
        names: which of `CIFAR10_FILES`.
        verify: hold them to the published length and SHA-256.

    Returns:
        Images (N, 32, 32, 3) and labels (N,), unsigned bytes.

    Raises:
        InputError: a file is missing, cannot be read or is not as it should be.

    Source: the section on the binary version of Alex Krizhevsky's page on CIFAR-10.
    """
    remedy = cifar10_remedy(folder)
    place = cifar10_folder(folder)
    missing = [name for name in names if not (place / name).is_file()]
    if missing:
        raise InputError(_cifar10_missing(folder, place, missing))
    paths = [place / name for name in names]
    counts = [path.stat().st_size // CIFAR10_RECORD for path in paths]
    # Filled file by file: joining arrays at the end would need the memory twice.
    images = np.empty((sum(counts), *CIFAR10_IMAGE), np.uint8)
    labels = np.empty(sum(counts), np.uint8)
    end = 0
    for path, count in zip(paths, counts, strict=True):
        records = check_cifar10(path, _read(path), remedy, verify=verify)
        start, end = end, end + count
        labels[start:end] = records[:, 0]
        planes = records[:, 1:].reshape(-1, 3, 32, 32)
        images[start:end] = planes.transpose(0, 2, 3, 1)
    return images, labels


def check_cifar10(path: Path, content: bytes, remedy: str, *, verify: bool = True) -> np.ndarray:
    """The records in a file of CIFAR-10, once it has been found to be as it should.

    Args:
        path: the file, named as in `CIFAR10_FILES`.
        content: what is in it.
        remedy: how to get it anew, for the message.
        verify: hold it to the published length and SHA-256.

    Returns:
        An array of shape (records, 1 + 3072).

    Raises:
        InputError: it is no such file.
    """
    expected = CIFAR10_RECORD * CIFAR10_RECORDS
    if verify and len(content) != expected:
        raise InputError(
            f"{path} has {len(content):,} bytes, that of CIFAR-10 {expected:,}: delete it and "
            f"download again, {remedy}, or read other data of this format with verify=False"
        )
    if not content or len(content) % CIFAR10_RECORD:
        raise InputError(
            f"{path} has {len(content):,} bytes, which are no whole records of {CIFAR10_RECORD:,} "
            f"bytes: delete it and download again, {remedy}"
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, CIFAR10_RECORD)
    _check_labels(path, records[:, 0], remedy)
    if verify:
        _check_sum(path, content, expected=CIFAR10_FILES[path.name], remedy=remedy)
    return records


def _idx_names(stem: str) -> tuple[str, ...]:
    """The names under which a file of MNIST goes: with a dash or a dot, compressed or not."""
    dotted = stem.replace("-idx", ".idx")
    return f"{stem}.gz", stem, f"{dotted}.gz", dotted


def _read(path: Path) -> bytes:
    """What is in the file."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}): see to its permissions or its disk"
        ) from None


def _content(path: Path, remedy: str) -> tuple[bytes, bool]:
    """What is in the file, decompressed if it begins as gzip files do, and whether that is all."""
    content = _read(path)
    if not content.startswith(GZIP_MAGIC):
        return content, True
    pieces, rest, whole = [], content, True
    try:
        while rest:  # gzip files may be joined, and padded with zeros
            decoder = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
            pieces.append(decoder.decompress(rest))
            rest, whole = decoder.unused_data.lstrip(b"\0"), decoder.eof
    except zlib.error as error:
        raise InputError(
            f"{path} is damaged and does not decompress ({error}): delete it and download again, "
            f"{remedy}"
        ) from None
    return b"".join(pieces), whole


def _idx_shape(path: Path, content: bytes, *, dimensions: int) -> tuple[int, ...]:
    """The shape in the header of an IDX file, which must have so many dimensions."""
    what = {1: "labels", 3: "images"}[dimensions]
    expected = bytes([0, 0, 8, dimensions])
    end = 4 + 4 * dimensions
    if content[:4] != expected:
        found = content[:4].hex(" ") or "none"
        raise InputError(
            f"{path} begins with the bytes {found}, an IDX file of {what} with {expected.hex(' ')}"
            f": put the file of {what} there"
        )
    shape = tuple(int.from_bytes(content[i : i + 4], "big") for i in range(4, end, 4))
    if len(content) < end or 0 in shape:
        raise InputError(
            f"{path} has a header of {min(end, len(content))} bytes and shape {shape}, where there "
            f"should be {end} bytes and {what}: put the file of {what} there"
        )
    return shape


def _check_labels(path: Path, labels: np.ndarray, remedy: str) -> None:
    """Refuse labels that are not of one of ten classes."""
    if labels.max() >= CLASS_COUNT:
        index = int(np.argmax(labels >= CLASS_COUNT))
        raise InputError(
            f"{path} has the label {labels[index]} at index {index}, and labels are 0 to "
            f"{CLASS_COUNT - 1}: correct it, or delete it and download again, {remedy}"
        )


def _check_sum(path: Path, data: bytes | memoryview, *, expected: str, remedy: str) -> None:
    """Refuse data that are not the published ones."""
    found = hashlib.sha256(data).hexdigest()
    if found != expected:
        raise InputError(
            f"{path} is not the published file: SHA-256 {found[:12]}… instead of {expected[:12]}…; "
            f"delete it and download again, {remedy}, or read other data with verify=False"
        )


def _cifar10_missing(folder: Path, place: Path, missing: Sequence[str]) -> str:
    """Why there is nothing to read: the files are elsewhere, or in Python's format."""
    where = f"{place}" if place == folder or place.is_dir() else f"{folder} or {place}"
    message = f"there is no {', '.join(missing)} in {where}"
    pickled = ("cifar-10-batches-py", "cifar-10-python.tar.gz", "data_batch_1", "test_batch")
    if any((spot / name).exists() for spot in (folder, place) for name in pickled):
        message += ", only the Python version of CIFAR-10, and pickles are never loaded"
    return f"{message}: get the binary version with {cifar10_remedy(folder)}"
