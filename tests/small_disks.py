"""Disks of a few megabytes in memory, that a test fills or makes read-only."""

import ctypes
import os
import sys
from pathlib import Path

import pytest

READ_ONLY, REMOUNT, DETACH = 1, 32, 2  # of mount(2) and umount2(2)
PIECE = 4096


class SmallDisk:
    """A mounted disk."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def fill(self, left=0):
        """Fill it, except for some bytes."""
        facts = os.statvfs(self.folder)
        free = facts.f_bavail * facts.f_frsize - left
        with (self.folder / "fill").open("ab") as stream:
            stream.write(bytes(max(free, 0)))
        if not left:
            assert os.statvfs(self.folder).f_bavail == 0

    def free(self):
        """Remove what fills it."""
        (self.folder / "fill").unlink()

    def space(self):
        """Return the free bytes."""
        facts = os.statvfs(self.folder)
        return facts.f_bavail * facts.f_frsize

    def set_read_only(self, wanted=True):
        """Mount it again, read-only or not."""
        mount(self.folder, REMOUNT | (READ_ONLY if wanted else 0))


def mount(folder, flags=0, options=""):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", flags, options.encode()):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


@pytest.fixture
def make_disk(tmp_path_factory):
    """Give a function that mounts a small disk; all are unmounted at the end."""
    if sys.platform != "linux":
        pytest.skip("no small disk can be mounted: this is not Linux")
    mounted = []

    def make(options="size=2m"):
        folder = tmp_path_factory.mktemp("disk")
        try:
            mount(folder, options=options)
        except OSError as error:
            pytest.skip(f"no small disk can be mounted: {error}")
        mounted.append(folder)
        return SmallDisk(folder)

    try:
        yield make
    finally:
        for folder in mounted:
            ctypes.CDLL(None).umount2(os.fsencode(folder), DETACH)


@pytest.fixture
def small_disk(make_disk):
    """A disk of two megabytes."""
    return make_disk()
