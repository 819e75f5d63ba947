"""Downloads against a server on this machine: right, wrong, missing and broken files.

The files are small ones, and the tables of published files are set to them.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import http.server
import io
import socket
import sys
import tarfile
import threading
from pathlib import Path

import numpy as np
import pytest

from bea.errors import InputError
from bea.models import data_files, download
from bea.models.data import download_cifar10, download_mnist, load_cifar10, load_mnist
from bea.models.data_files import CIFAR10_FILES, MNIST_FILES, IdxFile

ARCHIVE = "cifar-10-binary.tar.gz"
INSIDE = "cifar-10-batches-bin"


def sum_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Server:
    """What it gives out by path, and the paths it was asked for."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.cut: set[str] = set()
        self.asked: list[str] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append(self.path)
                content = outer.files.get(self.path)
                if content is None:
                    self.send_error(404, "Nothing here")
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: len(content) // 2 if self.path in outer.cut else None])

            def log_message(self, *args):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"


@pytest.fixture
def server(monkeypatch):
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.http.shutdown()
    server.http.server_close()
    thread.join()


@pytest.fixture
def mnist(server, monkeypatch):
    """The four files by name, which are the published ones, on the first of two mirrors."""
    rng = np.random.default_rng(0)
    files = {}
    for stem in MNIST_FILES:
        array = rng.integers(0, 10, (4, 2, 2) if "images" in stem else (4,), np.uint8)
        header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
        files[f"{stem}.gz"] = gzip.compress(header + array.tobytes())
        entry = IdxFile(array.shape, sum_of(array.tobytes()), sum_of(files[f"{stem}.gz"]))
        monkeypatch.setitem(MNIST_FILES, stem, entry)
    monkeypatch.setattr(download, "MNIST_MIRRORS", (f"{server.url}/one/", f"{server.url}/two/"))
    server.files = {f"/one/{name}": content for name, content in files.items()}
    return files


@pytest.fixture
def cifar10(server, monkeypatch):
    """The six files by name, which are the published ones."""
    rng = np.random.default_rng(0)
    files = {}
    for name in CIFAR10_FILES:
        records = rng.integers(0, 10, (2, 3073), np.uint8)
        files[name] = records.tobytes()
        monkeypatch.setitem(CIFAR10_FILES, name, sum_of(files[name]))
    monkeypatch.setattr(data_files, "CIFAR10_RECORDS", 2)
    monkeypatch.setattr(download, "CIFAR10_MIRRORS", (f"{server.url}/{ARCHIVE}",))
    return files


@pytest.fixture
def publish(server, monkeypatch):
    """Make an archive of members the published one, and give it out."""

    def make(members: list[tuple[tarfile.TarInfo | str, bytes]]) -> bytes:
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w:gz") as tar:
            for member, content in members:
                info = tarfile.TarInfo(member) if isinstance(member, str) else member
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
        server.files[f"/{ARCHIVE}"] = archive.getvalue()
        monkeypatch.setattr(download, "CIFAR10_ARCHIVE_SHA256", sum_of(archive.getvalue()))
        return archive.getvalue()

    return make


def members_of(files: dict[str, bytes]) -> list:
    return [(f"{INSIDE}/{name}", content) for name, content in files.items()]


def refused_address() -> str:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    return f"http://127.0.0.1:{port}"


def refusal(fetch, *args, **kwargs) -> str:
    with pytest.raises(InputError) as caught:
        fetch(*args, **kwargs)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def names_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


# MNIST


def test_mnist_is_downloaded_once(server, mnist, tmp_path, capfd):
    folder = tmp_path / "new" / "mnist"
    assert download_mnist(str(folder)) == folder
    assert {name: (folder / name).read_bytes() for name in names_in(folder)} == mnist
    assert server.asked == [f"/one/{name}" for name in mnist]
    assert load_mnist(folder).train_images.shape == (4, 2, 2)
    download_mnist(folder)
    assert len(server.asked) == 4
    assert capfd.readouterr() == ("", "")  # stderr is no terminal


def test_only_what_is_missing_is_downloaded(server, mnist, tmp_path):
    images, labels, *_ = mnist
    (tmp_path / images.removesuffix(".gz")).write_bytes(gzip.decompress(mnist[images]))
    (tmp_path / labels).write_bytes(mnist[labels])
    download_mnist(tmp_path)
    assert server.asked == [f"/one/{name}" for name in list(mnist)[2:]]
    assert images not in names_in(tmp_path)
    load_mnist(tmp_path)


@pytest.mark.parametrize("fault", ["missing", "another", "cut"])
def test_the_second_mirror_helps_out(server, mnist, tmp_path, fault):
    name = list(mnist)[1]
    server.files[f"/two/{name}"] = mnist[name]
    if fault == "missing":
        del server.files[f"/one/{name}"]
    elif fault == "another":
        server.files[f"/one/{name}"] = b"<html>sign in here</html>"
    else:
        server.cut.add(f"/one/{name}")
    download_mnist(tmp_path)
    assert f"/two/{name}" in server.asked and names_in(tmp_path) == set(mnist)
    load_mnist(tmp_path)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("missing", "(404 Nothing here)"),
        ("another", "(gave another file than the published one)"),
        ("cut", "(the connection broke off)"),
        ("refused", "(no connection)"),
        ("nonsense", "(no address that can be used)"),
    ],
)
def test_a_mirror_without_the_files(server, mnist, tmp_path, fault, words):
    name = next(iter(mnist))
    url = {"refused": refused_address(), "nonsense": "http://[x"}.get(fault, f"{server.url}/one")
    if fault == "missing":
        server.files.clear()
    elif fault == "another":
        server.files[f"/one/{name}"] = gzip.compress(b"another")
    else:
        server.cut.add(f"/one/{name}")
    message = refusal(download_mnist, tmp_path, url=url)
    assert f"{url}/{name} {words}" in message
    assert "check the network, name another mirror with url=" in message
    assert str(tmp_path) in message
    assert names_in(tmp_path) == set()  # nothing half-written is left
    assert all("/two/" not in path for path in server.asked)


def test_all_mirrors_that_failed_are_named(server, mnist, tmp_path):
    server.files.clear()
    message = refusal(download_mnist, tmp_path)
    assert f"{server.url}/one/" in message and f"{server.url}/two/" in message


def test_a_mirror_of_ones_own_is_the_only_one_asked(server, mnist, tmp_path):
    server.files = {f"/my/mirror/{name}": content for name, content in mnist.items()}
    download_mnist(tmp_path, url=f"{server.url}/my/mirror/")
    assert server.asked == [f"/my/mirror/{name}" for name in mnist]


def test_another_file_of_that_name_is_kept(server, mnist, tmp_path):
    path = tmp_path / next(iter(mnist))
    path.write_bytes(b"my own")
    assert str(path) in refusal(download_mnist, tmp_path)
    assert path.read_bytes() == b"my own" and not server.asked


@pytest.mark.parametrize("fetch", [download_mnist, download_cifar10])
def test_places_and_addresses_that_are_none(tmp_path, fetch):
    file = tmp_path / "file"
    file.write_text("")
    assert f"{file} is a file" in refusal(fetch, file)
    assert f"the folder {file / 'below'} cannot be made" in refusal(fetch, file / "below")
    assert "begins with http:// or https://" in refusal(fetch, tmp_path / "x", url="ftp://host/x")
    assert names_in(tmp_path) == {"file"} and not (tmp_path / "x").exists()


def test_a_full_disk(server, mnist, tmp_path, monkeypatch):
    import pooch

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pooch, "retrieve", full)
    message = refusal(download_mnist, tmp_path)
    assert "cannot be written (No space left on device)" in message and str(tmp_path) in message


@pytest.mark.parametrize("fetch", [download_mnist, download_cifar10])
def test_without_pooch(tmp_path, monkeypatch, fetch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    assert 'pip install "bea[networks]"' in refusal(fetch, tmp_path)


def test_a_terminal_shows_a_bar(mnist, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    download_mnist(tmp_path)
    shown = capsys.readouterr().err
    for name in mnist:
        assert f"{name}: 100%" in shown


# CIFAR-10


def test_cifar10_is_downloaded_once(server, cifar10, publish, tmp_path, capfd):
    publish([*members_of(cifar10), (f"{INSIDE}/readme.html", b"read me")])
    assert download_cifar10(tmp_path) == tmp_path
    assert names_in(tmp_path) == {f"{INSIDE}/{name}" for name in cifar10}
    for name, content in cifar10.items():
        assert (tmp_path / INSIDE / name).read_bytes() == content
    assert load_cifar10(tmp_path).train_images.shape == (10, 32, 32, 3)
    download_cifar10(tmp_path)
    assert server.asked == [f"/{ARCHIVE}"]
    assert capfd.readouterr() == ("", "")


def test_an_archive_that_is_there_is_unpacked_and_kept(server, cifar10, publish, tmp_path):
    (tmp_path / ARCHIVE).write_bytes(publish(members_of(cifar10)))
    download_cifar10(tmp_path)
    assert not server.asked and ARCHIVE in names_in(tmp_path)
    load_cifar10(tmp_path)


def test_a_missing_batch_comes_where_the_others_are(server, cifar10, publish, tmp_path):
    publish(members_of(cifar10))
    for name in list(cifar10)[1:]:
        (tmp_path / name).write_bytes(cifar10[name])
    before = (tmp_path / "test_batch.bin").stat()
    download_cifar10(tmp_path)
    assert names_in(tmp_path) == set(cifar10)
    assert (tmp_path / "test_batch.bin").stat() == before
    load_cifar10(tmp_path)


def test_other_files_of_those_names_are_kept(server, cifar10, publish, tmp_path):
    publish(members_of(cifar10))
    (tmp_path / ARCHIVE).write_bytes(b"half of i")
    message = refusal(download_cifar10, tmp_path)
    assert f"{tmp_path / ARCHIVE} is there and is not the published file" in message
    (tmp_path / ARCHIVE).unlink()
    (tmp_path / "data_batch_1.bin").write_bytes(bytes(2 * 3073))
    assert "data_batch_1.bin is not the published file" in refusal(download_cifar10, tmp_path)
    assert names_in(tmp_path) == {"data_batch_1.bin"} and not server.asked


@pytest.mark.parametrize(
    ("fault", "words"), [("missing", "404 Nothing here"), ("another", "another file")]
)
def test_an_archive_that_is_not_to_be_had(server, cifar10, publish, tmp_path, fault, words):
    publish(members_of(cifar10))
    server.files = {} if fault == "missing" else {f"/{ARCHIVE}": b"another"}
    message = refusal(download_cifar10, tmp_path)
    assert f"{server.url}/{ARCHIVE}" in message and words in message
    assert names_in(tmp_path) == set()


def test_nothing_but_the_six_files_leaves_the_archive(cifar10, publish, tmp_path):
    link = tarfile.TarInfo(f"{INSIDE}/data_batch_1.bin")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    folder = tarfile.TarInfo(f"{INSIDE}/test_batch.bin")
    folder.type = tarfile.DIRTYPE
    content = cifar10["data_batch_1.bin"]
    traps = ["../escaped", f"{INSIDE}/../../escaped", str(tmp_path / "absolute"), "escaped"]
    aside = [(f"../{INSIDE}/data_batch_1.bin", content), (f"/{INSIDE}/test_batch.bin", content)]
    publish(
        [
            (link, b""),
            (folder, b""),
            *((trap, content) for trap in traps),
            *aside,
            *members_of(cifar10),
        ]
    )
    place = tmp_path / "a" / "b"
    download_cifar10(place)
    assert names_in(tmp_path) == {f"a/b/{INSIDE}/{name}" for name in cifar10}
    assert not any(path.is_symlink() for path in tmp_path.rglob("*"))
    load_cifar10(place)


def test_an_archive_without_one_of_the_files(cifar10, publish, tmp_path):
    publish(members_of(cifar10)[:-1])
    assert f"holds no {INSIDE}/test_batch.bin" in refusal(download_cifar10, tmp_path)


def test_an_archive_with_a_wrong_file(cifar10, publish, tmp_path):
    publish(members_of(cifar10 | {"data_batch_2.bin": bytes(2 * 3073)}))
    message = refusal(download_cifar10, tmp_path)
    assert f"{ARCHIVE}/data_batch_2.bin is not the published file" in message
    assert f"{INSIDE}/data_batch_2.bin" not in names_in(tmp_path)


@pytest.mark.parametrize(
    "end", [b"", b"\x1f\x8b\x08" + bytes(7) + b"\xff" * 50, b"no gzip"], ids=repr
)
@pytest.mark.parametrize("whole", [0, 0.4])
def test_an_archive_that_does_not_unpack(
    server, cifar10, publish, tmp_path, monkeypatch, whole, end
):
    archive = gzip.decompress(publish(members_of(cifar10)))
    begin = gzip.compress(archive[: int(whole * len(archive))]) if whole else b""
    begin = begin if end else begin[: len(begin) * 2 // 3]  # cut off
    server.files[f"/{ARCHIVE}"] = begin + end
    monkeypatch.setattr(download, "CIFAR10_ARCHIVE_SHA256", sum_of(begin + end))
    message = refusal(download_cifar10, tmp_path)
    assert f"{tmp_path / ARCHIVE} cannot be unpacked" in message and "delete it" in message


def test_the_published_addresses_and_sums():
    assert download.MNIST_MIRRORS[0] == "https://ossci-datasets.s3.amazonaws.com/mnist/"
    assert all(mirror.startswith("https://") for mirror in download.MNIST_MIRRORS)
    assert download.CIFAR10_MIRRORS == ("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",)
    assert download.CIFAR10_ARCHIVE_SHA256 == (
        "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
    )
