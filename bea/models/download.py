"""MNIST and CIFAR-10 from the network, for `bea.models.data` to read.

pooch transfers the files: it writes a file beside its place, checks the published SHA-256, and only
then moves it, so that a file of that name is the whole file. From the archive of CIFAR-10 only the
six files in the table of `bea.models.data_files` are taken, and each is checked by its own sum. A
file that is right is not downloaded again; one that is wrong is not overwritten, since it may be
other data of the same name.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

from tqdm import tqdm

from bea.errors import InputError
from bea.files import written_atomically
from bea.models.data_files import (
    CIFAR10_FILES,
    CIFAR10_FOLDER,
    MNIST_FILES,
    check_cifar10,
    cifar10_folder,
    cifar10_remedy,
    find_idx,
    read_cifar10,
    read_idx,
)

MNIST_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
"""Folders with the four gzip files, in the order in which they are tried."""

CIFAR10_MIRRORS = ("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",)
"""Addresses of the archive of the binary version."""

CIFAR10_ARCHIVE = "cifar-10-binary.tar.gz"
CIFAR10_ARCHIVE_SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"

CHUNK = 1 << 16


def download_mnist(folder: str | os.PathLike[str], *, url: str | None = None) -> Path:
    """Download the four files of MNIST, 11.6 MB, as far as they are not there.

    Args:
        folder: where to put them; made if need be.
        url: the folder of another mirror, to be used in place of the known ones.

    Returns:
        The folder, for `bea.models.data.load_mnist`.

    Raises:
        InputError: pooch is missing, no mirror gave the published files, the folder cannot be
            written, or a file of that name is there and is another one.

    Source: LeCun, Cortes, Burges, *The MNIST database of handwritten digits*; the SHA-256 sums
        are those of the files they published.

    Example:
        `data = load_mnist(download_mnist("data/mnist"))` downloads once.

        >>> download_mnist("data/mnist", url="ftp://localhost/mnist")
        Traceback (most recent call last):
        bea.errors.InputError: url 'ftp://localhost/mnist': give an address that begins with
        http:// or https://
    """
    mirrors = _checked_mirrors(url, MNIST_MIRRORS)
    place = _made_folder(folder)
    for stem, published in MNIST_FILES.items():
        if find_idx(place, stem) is not None:
            read_idx(place, stem)  # refused unless it is the published one
            continue
        name = f"{stem}.gz"
        urls = [f"{mirror.rstrip('/')}/{name}" for mirror in mirrors]
        _fetch(urls, place / name, published.gz_sha256)
    return place


def download_cifar10(folder: str | os.PathLike[str], *, url: str | None = None) -> Path:
    """Download the binary version of CIFAR-10, 170 MB, and unpack it, as far as it is not there.

    An archive already in the folder, cifar-10-binary.tar.gz, is unpacked without the network and
    kept; one that was downloaded is removed after unpacking.

    Args:
        folder: where to put the folder cifar-10-batches-bin of 184 MB; made if need be.
        url: another address of the archive, to be used in place of the known one.

    Returns:
        The folder, for `bea.models.data.load_cifar10`.

    Raises:
        InputError: pooch is missing, the published archive was not to be had, the folder cannot be
            written, or a file of that name is there and is another one.

    Source: Krizhevsky, *Learning Multiple Layers of Features from Tiny Images*, 2009; the SHA-256
        of the archive is the one in TensorFlow Datasets.

    Example:
        `data = load_cifar10(download_cifar10("data"))` downloads once.

        >>> download_cifar10("data", url="cifar-10-binary.tar.gz")
        Traceback (most recent call last):
        bea.errors.InputError: url 'cifar-10-binary.tar.gz': give an address that begins with
        http:// or https://
    """
    urls = _checked_mirrors(url, CIFAR10_MIRRORS)
    place = _made_folder(folder)
    target = cifar10_folder(place)
    missing = [name for name in CIFAR10_FILES if not (target / name).is_file()]
    for name in CIFAR10_FILES:
        if name not in missing:
            read_cifar10(place, [name])  # refused unless it is the published one
    if missing:
        archive = place / CIFAR10_ARCHIVE
        own = archive.exists()
        _fetch(urls, archive, CIFAR10_ARCHIVE_SHA256)
        _unpack(archive, _made_folder(target), names=missing, remedy=cifar10_remedy(place))
        if not own:
            archive.unlink()
    return place


def _checked_mirrors(url: str | None, mirrors: Sequence[str]) -> Sequence[str]:
    """The addresses to try."""
    if url is None:
        return mirrors
    if not url.startswith(("http://", "https://")):
        raise InputError(f"url {url!r}: give an address that begins with http:// or https://")
    return (url,)


def _made_folder(folder: str | os.PathLike[str]) -> Path:
    """The folder, which is made if need be."""
    path = Path(folder).expanduser()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise InputError(f"{path} is a file: name a folder to download to") from None
    except OSError as error:
        raise InputError(
            f"the folder {path} cannot be made ({error.strerror}): name another one"
        ) from None
    return path


def _pooch() -> ModuleType:
    """The library that downloads, loaded where it is needed."""
    try:
        import pooch
    except ImportError:
        raise InputError('downloading needs pooch: pip install "bea[networks]"') from None
    module: ModuleType = pooch
    return module


def _fetch(urls: Sequence[str], target: Path, sha256: str) -> None:
    """Download a file of this SHA-256 from the first address that gives it, unless it is there."""
    pooch = _pooch()
    from requests.exceptions import RequestException

    if target.exists():
        if pooch.file_hash(str(target)) != sha256:
            raise InputError(
                f"{target} is there and is not the published file: move or delete it, and download "
                "again"
            )
        return
    failures = []
    for url in urls:
        try:
            with (
                _without_messages(pooch),
                # disable=None: no bar where stderr is not a terminal. pooch sets the total.
                tqdm(desc=target.name, total=1, unit="B", unit_scale=True, disable=None) as bar,
            ):
                pooch.retrieve(
                    url,
                    known_hash=sha256,
                    fname=target.name,
                    path=target.parent,
                    downloader=pooch.HTTPDownloader(progressbar=bar, chunk_size=CHUNK),
                )
            return
        except RequestException as error:
            failures.append(f"{url} ({_reason(error)})")
        except OSError as error:
            raise InputError(
                f"{target} cannot be written ({error.strerror}): name another folder"
            ) from None
        except ValueError:  # pooch's, for a file of another sum
            failures.append(f"{url} (gave another file than the published one)")
    raise InputError(
        f"{target.name} cannot be downloaded from {', '.join(failures)}: check the network, name "
        f"another mirror with url=..., or put the file into {target.parent} yourself"
    )


@contextlib.contextmanager
def _without_messages(pooch: ModuleType) -> Iterator[None]:
    """Keep pooch from writing to stderr what it downloads: the progress bar says so."""
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel("WARNING")
    try:
        yield
    finally:
        logger.setLevel(level)


def _reason(error: Exception) -> str:
    """In few words why there was no answer, or what it was."""
    from requests import exceptions

    response = getattr(error, "response", None)
    if response is not None:
        return f"{response.status_code} {response.reason}"
    kinds = {
        exceptions.SSLError: "its certificate is not accepted",
        exceptions.ProxyError: "no connection through the proxy",
        exceptions.Timeout: "no answer in time",
        exceptions.ConnectionError: "no connection",
        exceptions.ChunkedEncodingError: "the connection broke off",
    }
    words = (text for kind, text in kinds.items() if isinstance(error, kind))
    return next(words, "no address that can be used")


def _unpack(archive: Path, target: Path, *, names: Sequence[str], remedy: str) -> None:
    """Take the files of these names from the archive, whatever else is in there."""
    wanted = {f"{CIFAR10_FOLDER}/{name}": name for name in names}
    again = f"delete it and download again: {remedy}"
    try:
        with tarfile.open(archive, "r:gz") as members:
            for member in members:
                name = wanted.pop(member.name, None) if member.isreg() else None
                content = members.extractfile(member) if name else None
                if name and content:
                    data = content.read()
                    check_cifar10(archive / name, data, remedy)
                    with written_atomically(target / name) as partial:
                        partial.write_bytes(data)
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{archive} cannot be unpacked ({error}): {again}") from None
    except OSError as error:
        raise InputError(
            f"{target} cannot be written ({error.strerror}): name another folder"
        ) from None
    if wanted:
        raise InputError(f"{archive} holds no {', '.join(wanted)}: {again}")
