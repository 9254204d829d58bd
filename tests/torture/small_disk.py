"""A small file system of its own: tmpfs, or ext4 on a loop device. Needs root."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

MIB = 1 << 20
PIECE = 256 * 1024
# Room of an ext4 that is there for grow().
HIDDEN_FILES, HIDDEN_MB = 8, 16


def is_possible(kind):
    """Tries it: whether mounting is allowed cannot be known otherwise."""
    try:
        with SmallDisk(kind, 16):
            return True
    except (OSError, subprocess.CalledProcessError):
        return False


class SmallDisk:
    """`path` is where it is mounted. Use as a context manager."""

    def __init__(self, kind, megabytes):
        self.kind, self.megabytes = kind, megabytes
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-disk-"))
        self.path = self.folder / "disk"
        self.image = self.folder / "image"

    def __enter__(self):
        self.path.mkdir()
        if self.kind == "tmpfs":
            self._run("mount", "-t", "tmpfs", "-o", f"size={self.megabytes}m", "tmpfs", self.path)
        else:
            with open(self.image, "wb") as image:
                image.truncate((self.megabytes + HIDDEN_FILES * HIDDEN_MB) * MIB)
            self._run("mkfs.ext4", "-q", "-F", self.image)
            self._run("mount", "-o", "loop", self.image, self.path)
            for number in range(HIDDEN_FILES):
                with open(self.path / f"hidden-{number}", "wb") as file:
                    os.posix_fallocate(file.fileno(), 0, HIDDEN_MB * MIB)
        return self

    def __exit__(self, *_):
        for _ in range(50):
            done = subprocess.run(["umount", self.path], capture_output=True, check=False)
            if done.returncode == 0:
                break
            time.sleep(0.1)
        shutil.rmtree(self.folder, ignore_errors=True)

    @staticmethod
    def _run(*words):
        subprocess.run([str(word) for word in words], check=True, capture_output=True)

    def grow(self, megabytes):
        """What an operator does when nothing else helps; ext4 has some room hidden for that."""
        self.megabytes += megabytes
        if self.kind == "tmpfs":
            self._run("mount", "-o", f"remount,size={self.megabytes}m", self.path)
            return
        hidden = sorted(self.path.glob("hidden-*"))
        for path in hidden[:megabytes // HIDDEN_MB]:
            path.unlink()

    def free_bytes(self):
        info = os.statvfs(self.path)
        return info.f_bavail * info.f_frsize

    @property
    def filler(self):
        return self.path / "filler"

    def eat(self, leave_bytes=0):
        """Another program's file takes all but so many bytes. True when the disk was full before that."""
        descriptor = os.open(self.filler, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            while True:
                info = os.statvfs(self.path)
                # Root may use what is kept for it.
                piece = min(PIECE, info.f_bfree * info.f_frsize - leave_bytes)
                if piece <= 0:
                    return False
                os.write(descriptor, os.urandom(piece))
        except OSError:
            return True
        finally:
            os.close(descriptor)

    def give_back(self):
        with contextlib.suppress(FileNotFoundError):
            self.filler.unlink()
