"""Reading a file that may be anything, or nothing."""

from __future__ import annotations

import os
import stat
from pathlib import Path


class FileUnusableError(Exception):
    """Why the file cannot be used, as the rest of a sentence that begins with its name."""


def read_file(path: Path, largest: int) -> bytes:
    """The content of a regular file.

    A named pipe or a device is refused at once instead of waited for.

    Args:
        path: the file.
        largest: the most bytes that it may have.

    Raises:
        FileUnusableError: it is missing, unreadable, no regular file, or too large.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise FileUnusableError("does not exist") from None
    except OSError as error:
        raise FileUnusableError(f"cannot be read: {error.strerror}") from None
    except ValueError:
        raise FileUnusableError("has a name that no file can have") from None
    try:
        kind = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(kind):
            raise FileUnusableError("is a directory")
        if not stat.S_ISREG(kind):
            raise FileUnusableError("is not a regular file")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            data = file.read(largest + 1)
    except OSError as error:
        raise FileUnusableError(f"cannot be read: {error.strerror}") from None
    finally:
        os.close(descriptor)
    if len(data) > largest:
        raise FileUnusableError(f"has more than {largest} bytes")
    return data
