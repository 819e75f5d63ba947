"""Data sets: their floats against NumPy's, and every file that is not as it should be refused.

The files are small ones written here, byte by byte from the description of their format, with the
table of published files set to theirs where that matters. The real MNIST and CIFAR-10 are read
when the environment variable BEA_DATA names the folder of mnist/ and cifar-10-batches-bin/.
"""

from __future__ import annotations

import ast
import contextlib
import gzip
import hashlib
import os
import pickle
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bea.errors import InputError
from bea.models import data_files
from bea.models.data import Dataset, load_cifar10, load_digits, load_mnist
from bea.models.data_files import CIFAR10_FILES, MNIST_FILES, IdxFile

STEMS = tuple(MNIST_FILES)
NAMES = {
    "plain": lambda stem: stem,
    "gz": lambda stem: f"{stem}.gz",
    "dot": lambda stem: stem.replace("-idx", ".idx"),
    "dot gz": lambda stem: stem.replace("-idx", ".idx") + ".gz",
}
seeds = st.integers(0, 2**32 - 1)


def idx_bytes(array: np.ndarray) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def random_mnist(seed: int = 0, n: int = 5, size: tuple[int, int] = (3, 4)) -> dict:
    rng = np.random.default_rng(seed)
    counts = {"train": n, "t10k": n + 1}
    shapes = {s: (counts[s.split("-")[0]], *(size if "images" in s else ())) for s in STEMS}
    return {s: rng.integers(0, 256 if len(k) == 3 else 10, k, np.uint8) for s, k in shapes.items()}


def write_mnist(folder: Path, arrays: dict, naming: str = "plain") -> None:
    for stem, array in arrays.items():
        content, name = idx_bytes(array), NAMES[naming](stem)
        (folder / name).write_bytes(gzip.compress(content) if "gz" in name else content)


def random_cifar10(seed: int = 0, n: int = 2) -> dict:
    rng = np.random.default_rng(seed)
    records = {name: rng.integers(0, 256, (n, 3073), np.uint8) for name in CIFAR10_FILES}
    for record in records.values():
        record[:, 0] %= 10
    return records


def write_cifar10(folder: Path, records: dict) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in records.items():
        (folder / name).write_bytes(array.tobytes())


def sha256(array: np.ndarray) -> str:
    return hashlib.sha256(array.tobytes()).hexdigest()


@contextlib.contextmanager
def published(arrays: dict):
    """Let these arrays be the ones that were published."""
    sums = {name: sha256(array) for name, array in arrays.items()}
    if STEMS[0] in arrays:
        table, entries = MNIST_FILES, {s: IdxFile(arrays[s].shape, sums[s], "") for s in arrays}
    else:
        table, entries = CIFAR10_FILES, sums
    n = len(next(iter(arrays.values())))
    with mock.patch.dict(table, entries), mock.patch.object(data_files, "CIFAR10_RECORDS", n):
        yield


def refusal(load, *args, **kwargs) -> str:
    """The one line with which it refuses."""
    with pytest.raises(InputError) as caught:
        load(*args, **kwargs)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def dataset(n: int = 7, shape: tuple[int, ...] = (2, 3, 3), seed: int = 0, **others) -> Dataset:
    rng = np.random.default_rng(seed)
    arrays = {}
    for part, count in (("train", n), ("test", 3)):
        arrays[f"{part}_images"] = rng.integers(0, 256, (count, *shape), np.uint8)
        arrays[f"{part}_labels"] = rng.integers(0, 4, count)
    return Dataset(**{"name": "noise", "classes": tuple("abcd"), **arrays, **others})


# The floats of a data set


@given(seeds, st.sampled_from([(2, 3), (2, 3, 1), (4, 1, 3)]), st.sampled_from([255, 300]))
def test_floats_are_those_of_their_formulas(seed, shape, scale):
    data = dataset(shape=shape, seed=seed, scale=scale)
    plain = [
        x.reshape(len(x), *data.image_shape) / scale for x in (data.train_images, data.test_images)
    ]
    mean, std = plain[0].mean((0, 1, 2)), plain[0].std((0, 1, 2))
    np.testing.assert_allclose(data.channel_statistics(), (mean, std), rtol=1e-12)
    for found, exact in (
        (data.scaled(), plain),
        (data.standardized(), [(x - mean) / std for x in plain]),
    ):
        for x, expected in zip(found, exact, strict=True):
            assert x.dtype == np.float32 and x.flags.c_contiguous and x.shape == expected.shape
            np.testing.assert_allclose(x, expected, rtol=1e-6, atol=1e-6)


def test_flat_rows_are_the_images_in_order():
    data = dataset()
    assert (data.image_shape, data.input_size) == ((2, 3, 3), 18)
    for floats in (data.scaled, data.standardized):
        for flat, images in zip(floats(flat=True), floats(), strict=True):
            assert flat.shape == (len(images), 18)
            np.testing.assert_array_equal(flat, images.reshape(len(images), 18))


def test_statistics_of_many_images():
    data = dataset(n=2345, shape=(3, 2, 2))
    images = data.train_images.astype(np.float64)
    mean, std = data.channel_statistics()
    np.testing.assert_allclose(mean, images.mean((0, 1, 2)) / 255, rtol=1e-13)
    np.testing.assert_allclose(std, images.std((0, 1, 2)) / 255, rtol=1e-13)


def test_a_constant_channel_is_not_standardized():
    images = dataset().train_images.copy()
    images[..., 1] = 7
    message = refusal(dataset(train_images=images).standardized)
    assert "channel 1" in message and "scaled()" in message


def test_arrays_are_read_only_and_labels_int32():
    own = np.zeros((7, 2, 3, 3), np.uint8)
    data = dataset(train_images=own)
    for part in (data.train_images, data.train_labels, data.test_images, data.test_labels):
        with pytest.raises(ValueError, match="read-only"):
            part[0] = 1
    own[0] = 1  # the caller's array is left as it was
    assert data.train_labels.dtype == data.test_labels.dtype == np.int32
    data.scaled()[0][0] = 1
    assert repr(data) == "Dataset noise: 7 + 3 images of 2×3×3 in 4 classes"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"train_images": np.zeros((7, 2, 3, 3))}, "float64"),
        ({"train_images": np.zeros((7, 6), np.uint8)}, "shape (7, 6)"),
        ({"train_images": np.zeros((7, 0, 3), np.uint8)}, "shape (7, 0, 3)"),
        ({"train_images": np.zeros((7, 2, 3), np.uint8)}, "must agree"),
        ({"train_labels": np.zeros(6, int)}, "each of the 7 images"),
        ({"train_labels": np.zeros(7)}, "float64"),
        ({"test_labels": np.array([0, 1, 4])}, "from 0 to 4"),
        ({"test_labels": np.array([0, 1, -1])}, "from -1 to 1"),
        ({"scale": 16}, "above the scale 16"),
        ({"scale": 0}, "scale = 0"),
        ({"scale": 0.5}, "scale = 0.5"),
        (
            {"train_images": np.zeros((0, 2, 3, 3), np.uint8), "train_labels": np.zeros(0, int)},
            "no training images",
        ),
    ],
)
def test_arrays_that_do_not_go_together(wrong, words):
    message = refusal(dataset, **wrong)
    assert "noise" in message and words in message


# Subsets


def numbered(n_train: int, n_test: int) -> Dataset:
    """Images that carry their own number, which is their label too."""
    parts = {}
    for part, numbers in (("train", np.arange(n_train)), ("test", 200 + np.arange(n_test))):
        parts[f"{part}_images"] = np.tile(numbers.astype(np.uint8)[:, None, None], (1, 2, 2))
        parts[f"{part}_labels"] = numbers
    return Dataset("numbers", classes=tuple(map(str, range(256))), **parts)


def test_the_first_images_are_taken_without_copying():
    data = numbered(20, 10)
    few = data.subset(5, 3)
    assert few.train_labels.tolist() == [0, 1, 2, 3, 4]
    assert few.test_labels.tolist() == [200, 201, 202]
    assert np.shares_memory(few.train_images, data.train_images)
    assert (few.name, few.scale, few.classes) == (data.name, data.scale, data.classes)
    assert repr(data.subset()) == repr(data)


@given(seeds, st.integers(1, 20), st.integers(1, 20), st.integers(0, 10))
def test_drawn_images_keep_their_labels_and_draws_are_nested(seed, n, more, n_test):
    data = numbered(20, 10)
    few, many = data.subset(n, n_test, seed=seed), data.subset(more, seed=seed)
    for part in (few, many):
        np.testing.assert_array_equal(part.train_images[:, 1, 0], part.train_labels)
        np.testing.assert_array_equal(part.test_images[:, 1, 0], part.test_labels)
        assert len(set(part.train_labels)) == len(part.train_labels)
    assert (len(few.train_labels), len(few.test_labels)) == (n, n_test)
    np.testing.assert_array_equal(few.train_labels[:more], many.train_labels[:n])
    np.testing.assert_array_equal(few.test_labels, many.test_labels[:n_test])


def test_seeds_draw_differently():
    draws = {tuple(numbered(20, 10).subset(20, seed=seed).train_labels) for seed in range(5)}
    assert len(draws) == 5 and tuple(range(20)) not in draws


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"n_train": 0}, "n_train = 0: give a whole number from 1 to 20"),
        ({"n_train": 21}, "n_train = 21"),
        ({"n_test": 11}, "n_test = 11: give a whole number from 0 to 10"),
        ({"n_test": -1}, "n_test = -1"),
        ({"n_train": 2.5}, "n_train = 2.5"),
        ({"n_train": True}, "n_train = True"),
        ({"seed": -1}, "seed = -1"),
        ({"seed": "a"}, "seed = 'a'"),
    ],
)
def test_subsets_that_are_none(args, words):
    assert words in refusal(numbered(20, 10).subset, **args)


# Digits


def test_digits_are_those_of_scikit_learn():
    from sklearn import datasets

    data, bundled = load_digits(), datasets.load_digits()
    assert (len(data.train_images), len(data.test_images)) == (1437, 360)
    joined = np.concatenate([data.train_images, data.test_images])
    np.testing.assert_array_equal(joined, bundled.images)
    labels = np.concatenate([data.train_labels, data.test_labels])
    np.testing.assert_array_equal(labels, bundled.target)
    np.testing.assert_array_equal(
        np.concatenate(data.scaled(flat=True)), (bundled.data / 16).astype(np.float32)
    )
    assert set(data.test_labels) == set(range(10)) and data.classes == tuple("0123456789")


def test_the_last_digits_are_harder_than_random_ones():
    data = load_digits()
    x = np.concatenate(data.scaled(flat=True))
    y = np.concatenate([data.train_labels, data.test_labels])
    square = (x**2).sum(1)
    distance = square[:, None] + square - 2 * x @ x.T

    def nearest_is_right(order):
        train, test = order[:1437], order[1437:]
        return (y[train][distance[np.ix_(test, train)].argmin(1)] == y[test]).mean()

    assert round(nearest_is_right(np.arange(1797)), 3) == 0.956
    random = [nearest_is_right(np.random.default_rng(s).permutation(1797)) for s in range(4)]
    assert 0.985 < min(random) <= max(random) < 0.993


def test_digits_without_scikit_learn(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    assert 'pip install "bea[networks]"' in refusal(load_digits)


# MNIST


@given(seeds, st.integers(1, 6), st.tuples(st.integers(1, 9), st.integers(1, 9)))
def test_what_was_written_is_read(seed, n, size):
    arrays = random_mnist(seed, n, size)
    for naming in NAMES:
        with tempfile.TemporaryDirectory() as folder:
            write_mnist(Path(folder), arrays, naming)
            data = load_mnist(folder, verify=False)
            with published(arrays):
                verified = load_mnist(folder)
        parts = (data.train_images, data.train_labels, data.test_images, data.test_labels)
        for found, stem in zip(parts, STEMS, strict=True):
            np.testing.assert_array_equal(found, arrays[stem])
        assert (data.scale, data.name) == (255, Path(folder).name)
        assert verified.name == "MNIST"


@given(st.data())
def test_a_flipped_byte_or_a_missing_end_is_refused(draw):
    arrays = random_mnist()
    stem = draw.draw(st.sampled_from(STEMS))
    content = bytearray(idx_bytes(arrays[stem]))
    position = draw.draw(st.integers(0, len(content) - 1))
    if draw.draw(st.booleans()):
        content[position] ^= draw.draw(st.integers(1, 255))
    else:
        del content[position:]
    with tempfile.TemporaryDirectory() as folder, published(arrays):
        write_mnist(Path(folder), arrays)
        (Path(folder) / stem).write_bytes(content)
        assert str(Path(folder) / stem) in refusal(load_mnist, folder)


@given(st.data())
def test_a_flipped_byte_in_a_gzip_file_never_changes_the_data(draw):
    arrays = random_mnist()
    stem = draw.draw(st.sampled_from(STEMS))
    content = bytearray(gzip.compress(idx_bytes(arrays[stem])))
    content[draw.draw(st.integers(0, len(content) - 1))] ^= draw.draw(st.integers(1, 255))
    with tempfile.TemporaryDirectory() as folder, published(arrays):
        write_mnist(Path(folder), arrays, "gz")
        (Path(folder) / f"{stem}.gz").write_bytes(content)
        with contextlib.suppress(InputError):  # a name or a date in its header may change
            data = load_mnist(folder)
            np.testing.assert_array_equal(data.train_images, arrays[STEMS[0]])
            np.testing.assert_array_equal(data.test_labels, arrays[STEMS[3]])


def test_a_gzip_file_cut_off_anywhere_is_refused_even_unverified(tmp_path):
    arrays = random_mnist()
    write_mnist(tmp_path, arrays, "gz")
    path = tmp_path / f"{STEMS[0]}.gz"
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        assert str(path) in refusal(load_mnist, tmp_path, verify=False)


def test_joined_and_padded_gzip_files_are_read(tmp_path):
    arrays = random_mnist()
    write_mnist(tmp_path, arrays, "gz")
    content = idx_bytes(arrays[STEMS[0]])
    joined = gzip.compress(content[:9]) + gzip.compress(content[9:]) + bytes(5)
    (tmp_path / f"{STEMS[0]}.gz").write_bytes(joined)
    np.testing.assert_array_equal(load_mnist(tmp_path, verify=False).train_images, arrays[STEMS[0]])


def change(stem: str, **parts):
    """Write that file anew with another array, ending or beginning."""

    def damage(folder: Path) -> None:
        content = idx_bytes(parts.get("array", random_mnist()[stem])) + parts.get("end", b"")
        begin = parts.get("begin", b"")
        (folder / stem).write_bytes(begin + content[len(begin) : parts.get("length")])

    return damage


IMAGES, LABELS = STEMS[:2]
BAD_LABELS = np.array([3, 9, 10, 1, 200], np.uint8)


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize(
    ("stem", "damage", "words"),
    [
        (IMAGES, change(IMAGES, length=50), ["cut off", "announces 76 bytes and 50"]),
        (IMAGES, change(IMAGES, end=b"xy"), ["too long", "announces 76 bytes and 78"]),
        (IMAGES, change(IMAGES, length=0), ["bytes none", "00 00 08 03"]),
        (IMAGES, change(IMAGES, length=10), ["header of 10 bytes", "should be 16"]),
        (IMAGES, change(IMAGES, array=np.zeros((0, 3, 4), np.uint8)), ["shape (0, 3, 4)"]),
        (IMAGES, change(IMAGES, array=random_mnist()[LABELS]), ["00 00 08 01", "00 00 08 03"]),
        (LABELS, change(LABELS, array=random_mnist()[IMAGES]), ["file of labels"]),
        (IMAGES, change(IMAGES, begin=b"<htm"), ["begins with the bytes 3c 68 74 6d"]),
        (IMAGES, change(IMAGES, begin=b"\x1f\x8b\x08\0"), ["does not decompress"]),
        (LABELS, change(LABELS, array=BAD_LABELS), ["the label 10 at index 2", "0 to 9"]),
    ],
)
def test_files_that_are_not_in_the_format(tmp_path, stem, damage, words, verify):
    arrays = random_mnist()
    write_mnist(tmp_path, arrays)
    damage(tmp_path)
    with published(arrays):
        message = refusal(load_mnist, tmp_path, verify=verify)
    assert str(tmp_path / stem) in message
    for word in words:
        assert word in message


def test_a_damaged_gzip_file(tmp_path):
    write_mnist(tmp_path, random_mnist(), "gz")
    path = tmp_path / f"{LABELS}.gz"
    content = bytearray(path.read_bytes())
    content[-6] ^= 1  # the sum at the end, not the data
    path.write_bytes(content)
    message = refusal(load_mnist, tmp_path, verify=False)
    assert f"{path} is damaged" in message and "download_mnist" in message


def test_counts_that_do_not_agree(tmp_path):
    arrays = random_mnist()
    write_mnist(tmp_path, arrays | {LABELS: arrays[LABELS][:4]})
    assert "5 train images and 4 labels" in refusal(load_mnist, tmp_path, verify=False)


def test_other_data_of_the_same_format_need_verify_false(tmp_path):
    write_mnist(tmp_path, random_mnist(seed=1))
    message = refusal(load_mnist, tmp_path)
    assert "(5, 3, 4)" in message and "(60000, 28, 28)" in message and "verify=False" in message
    expected, found = (sha256(random_mnist(seed=s)[IMAGES])[:12] for s in (0, 1))
    with published(random_mnist(seed=0)):
        message = refusal(load_mnist, tmp_path)
    assert f"SHA-256 {found}… instead of {expected}…" in message
    assert "verify=False" in message
    assert f"delete it and download again, bea.models.data.download_mnist({str(tmp_path)!r})" in (
        message
    )


def test_a_missing_file_names_all_it_may_be_called(tmp_path):
    write_mnist(tmp_path, random_mnist())
    (tmp_path / STEMS[3]).unlink()
    message = refusal(load_mnist, tmp_path, verify=False)
    for naming in NAMES.values():
        assert naming(STEMS[3]) in message
    assert f"{tmp_path} holds none" in message and "download_mnist" in message


@pytest.mark.parametrize("load", [load_mnist, load_cifar10])
def test_folders_that_are_none(tmp_path, load):
    missing, file = tmp_path / "missing", tmp_path / "file"
    file.write_text("")
    assert f"there is no folder {missing}" in refusal(load, missing)
    assert load.__name__.replace("load", "download") in refusal(load, str(missing))
    assert f"{file} is a file" in refusal(load, file)


def test_the_home_folder_is_known(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    write_mnist(tmp_path, random_mnist())
    assert load_mnist("~", verify=False).image_shape == (3, 4, 1)


def test_a_file_that_cannot_be_read(tmp_path):
    write_mnist(tmp_path, random_mnist())
    with mock.patch.object(Path, "read_bytes", side_effect=PermissionError(13, "Not permitted")):
        message = refusal(load_mnist, tmp_path, verify=False)
    assert f"{tmp_path / IMAGES} cannot be read (Not permitted)" in message


# CIFAR-10


@given(seeds, st.integers(1, 3), st.booleans())
def test_every_byte_of_a_record_is_where_it_should_be(seed, n, inside):
    records = random_cifar10(seed, n)
    with tempfile.TemporaryDirectory() as folder, published(records):
        write_cifar10(Path(folder) / ("cifar-10-batches-bin" if inside else "."), records)
        data = load_cifar10(folder)
    assert data.name == "CIFAR-10" and data.image_shape == (32, 32, 3)
    assert len(data.train_images) == 5 * n and len(data.test_images) == n
    rng = np.random.default_rng(seed)
    for _ in range(20):
        image, row, column, channel = rng.integers((5 * n, 32, 32, 3))
        record = records[f"data_batch_{image // n + 1}.bin"][image % n]
        assert (
            data.train_images[image, row, column, channel]
            == (record[1 + 1024 * channel + 32 * row + column])
        )
        assert data.train_labels[image] == record[0]
    test = records["test_batch.bin"]
    np.testing.assert_array_equal(data.test_labels, test[:, 0])
    np.testing.assert_array_equal(data.test_images[:, 0, 0], test[:, [1, 1025, 2049]])


@given(st.data())
def test_a_flipped_byte_or_a_missing_end_of_a_batch_is_refused(draw):
    records = random_cifar10()
    name = draw.draw(st.sampled_from(sorted(records)))
    content = bytearray(records[name].tobytes())
    position = draw.draw(st.integers(0, len(content) - 1))
    if draw.draw(st.booleans()):
        content[position] ^= draw.draw(st.integers(1, 255))
    else:
        del content[position:]
    with tempfile.TemporaryDirectory() as folder, published(records):
        write_cifar10(Path(folder), records)
        (Path(folder) / name).write_bytes(content)
        assert str(Path(folder) / name) in refusal(load_cifar10, folder)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "0 bytes"),
        (bytes(3072), "3,072 bytes, which are no whole records of 3,073 bytes"),
        (bytes(3073) + b"\x0b" + bytes(3072), "the label 11 at index 1"),
    ],
)
def test_batches_that_are_not_in_the_format(tmp_path, content, words):
    write_cifar10(tmp_path, random_cifar10())
    (tmp_path / "data_batch_3.bin").write_bytes(content)
    message = refusal(load_cifar10, tmp_path, verify=False)
    assert f"{tmp_path / 'data_batch_3.bin'} has" in message and words in message


def test_batches_of_other_data(tmp_path):
    write_cifar10(tmp_path, random_cifar10(seed=1))
    data = load_cifar10(tmp_path, verify=False)
    assert (len(data.train_images), data.name) == (10, tmp_path.name)
    message = refusal(load_cifar10, tmp_path)
    assert "6,146 bytes, that of CIFAR-10 30,730,000" in message and "verify=False" in message
    with published(random_cifar10()):
        message = refusal(load_cifar10, tmp_path)
    assert "SHA-256" in message and f"download_cifar10({str(tmp_path)!r})" in message


def test_missing_batches_are_named(tmp_path):
    write_cifar10(tmp_path, random_cifar10())
    (tmp_path / "data_batch_2.bin").unlink()
    (tmp_path / "test_batch.bin").unlink()
    message = refusal(load_cifar10, tmp_path, verify=False)
    assert f"there is no data_batch_2.bin in {tmp_path}:" in message
    assert "download_cifar10" in message


# No pickles


class Canary:
    """Its pickle makes a folder when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize(
    "name",
    ["data_batch_1", "cifar-10-batches-py/data_batch_1", "cifar-10-python.tar.gz"],
)
def test_the_python_version_of_cifar10_is_never_loaded(tmp_path, name):
    canary = tmp_path / "sung"
    path = tmp_path / "data" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(pickle.dumps(Canary(canary)))
    message = refusal(load_cifar10, tmp_path / "data")
    assert "pickles are never loaded: get the binary version with bea.models.data.d" in message
    assert not canary.exists()
    pickle.loads(path.read_bytes())
    assert canary.exists()  # had it been loaded


def test_a_pickle_under_the_name_of_a_data_file_is_no_data(tmp_path):
    song = pickle.dumps(Canary(tmp_path / "sung"))
    write_mnist(tmp_path, random_mnist())
    write_cifar10(tmp_path, random_cifar10())
    for name, load in ((IMAGES, load_mnist), ("data_batch_1.bin", load_cifar10)):
        (tmp_path / name).write_bytes(song)
        assert str(tmp_path / name) in refusal(load, tmp_path, verify=False)
    assert not (tmp_path / "sung").exists()


def test_the_source_has_nothing_that_unpickles():
    folder = Path(data_files.__file__).parent
    for name in ("data", "data_files", "dataset", "download"):
        tree = ast.parse((folder / f"{name}.py").read_text(encoding="utf-8"))
        words = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        words |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        words |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                words |= {alias.name for alias in node.names} | {getattr(node, "module", None)}
        forbidden = {"load", "loads", "pickle", "allow_pickle", "joblib", "eval", "exec", "marshal"}
        assert not words & forbidden, name


def test_importing_is_light():
    code = "import bea.models.data, sys; print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    modules = set(result.stdout.split())
    assert "bea.models.download" in modules
    assert not modules & {"sklearn", "pooch", "requests", "jax", "sympy"}
    assert not {m for m in modules if m.startswith(("bea.symbolic", "bea.numeric"))}


# The real data

if "BEA_DATA" in os.environ:
    REAL = Path(os.environ["BEA_DATA"])

    @pytest.mark.slow
    def test_the_real_mnist():
        start = time.perf_counter()
        data = load_mnist(REAL / "mnist")
        assert time.perf_counter() - start < 2
        assert repr(data) == "Dataset MNIST: 60,000 + 10,000 images of 28×28×1 in 10 classes"
        assert data.train_labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
        mean, std = data.channel_statistics()
        assert (round(mean[0], 4), round(std[0], 4)) == (0.1307, 0.3081)
        x, _ = data.standardized(flat=True)
        assert x.shape == (60_000, 784)
        assert abs(x.mean(dtype=np.float64)) < 1e-6 and abs(x.std(dtype=np.float64) - 1) < 1e-6

    @pytest.mark.slow
    def test_the_real_mnist_without_compression(tmp_path):
        for path in (REAL / "mnist").glob("*.gz"):
            (tmp_path / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
        found, expected = load_mnist(tmp_path), load_mnist(REAL / "mnist")
        np.testing.assert_array_equal(found.train_images, expected.train_images)
        path = tmp_path / IMAGES
        content = bytearray(path.read_bytes())
        content[30_000_000] ^= 1
        path.write_bytes(content)
        assert "is not the published file" in refusal(load_mnist, tmp_path)

    @pytest.mark.slow
    def test_the_real_cifar10():
        data = load_cifar10(REAL)
        assert repr(data) == "Dataset CIFAR-10: 50,000 + 10,000 images of 32×32×3 in 10 classes"
        for array, expected in (
            (data.train_images, "47af8b02cfcfb6cdf3dbbd1969ad7f1b70f4413f6f80f437b020ee4e5bc8304a"),
            (data.train_labels, "2b7cd2f24487317614016b72ffd53071c3062f592f0eb300c18a770d41ae1253"),
            (data.test_images, "f9b1e2130bab680db56eb06d886f7f1ad0f1183907ceff4659d1735c890f5b04"),
            (data.test_labels, "cec8a24a1e92aa2ecaa0bbd3dbfa86bf6cd8759fbd209a832824c8cf0afca9d5"),
        ):
            assert sha256(array.astype(np.uint8)) == expected
        mean, std = data.channel_statistics()
        assert mean.round(4).tolist() == [0.4914, 0.4822, 0.4465]
        assert std.round(4).tolist() == [0.2470, 0.2435, 0.2616]
        x, _ = data.standardized()
        np.testing.assert_allclose(x.mean((0, 1, 2), dtype=np.float64), 0, atol=1e-6)
        np.testing.assert_allclose(x.std((0, 1, 2), dtype=np.float64), 1, atol=1e-6)
