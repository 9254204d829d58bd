"""Power cuts: an ext4 file system on a loop device that is shut down as if the machine had lost its power.

EXT4_IOC_SHUTDOWN with flag 1 (the journal of ext4 is flushed first) or 2 (it is not) refuses all further writes; what is
not on the device by then is gone after umount and mount. Both leave the page cache behind, so a process that goes on may
read what a restarted one will not find: kill it before the file system is mounted again.
"""

import fcntl
import os
import pathlib
import subprocess

EXT4_IOC_SHUTDOWN = 0x8004587D
FLUSH_LOG, NO_FLUSH_LOG = 1, 2
SIZE_MB = 700


class Unavailable(Exception):
    """This machine cannot do it; says why."""


def _run(*words):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"{' '.join(map(str, words))}: {done.stderr.strip()}")
    return done.stdout.strip()


class CutDisk:
    """A file system in a file, which stays. Use as a context manager; `path` is where it is mounted."""

    def __init__(self, folder):
        self.image = pathlib.Path(folder) / "disk.img"
        self.path = pathlib.Path(folder) / "disk"
        self._loop = None
        self._mounted = False

    def __enter__(self):
        if os.geteuid() != 0:
            raise Unavailable("only root may mount")
        try:
            with open(self.image, "wb") as image:
                image.truncate(SIZE_MB << 20)
            _run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=1", self.image)
            self._loop = _run("losetup", "-f", "--show", self.image)
            self.path.mkdir(exist_ok=True)
            self.mount()
        except (OSError, FileNotFoundError) as error:
            self.__exit__()
            raise Unavailable(f"no loop device with ext4: {error}") from error
        return self

    def __exit__(self, *_):
        if self._mounted:
            self.unmount()
        if self._loop is not None:
            _run("losetup", "-d", self._loop)
            self._loop = None

    def mount(self):
        _run("mount", "-t", "ext4", self._loop, self.path)
        self._mounted = True

    def unmount(self):
        _run("umount", self.path)
        self._mounted = False

    def cut(self, flags):
        """From now on nothing reaches the device."""
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, EXT4_IOC_SHUTDOWN, flags.to_bytes(4, "little"))
        finally:
            os.close(descriptor)

    def power_on(self):
        """Mounts again what was on the device; whoever had files open must be gone."""
        self.unmount()
        self.mount()
