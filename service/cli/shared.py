"""A folder for what the workers of one port have in common: the files in which they count (`service.api.metrics`)."""

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

PREFIX = "stats-service-workers-"


def shared_folder() -> Path:
    """A new folder, which is the caller's to remove. Those of supervisors that were killed are removed here.

    It is locked until this process and all that it forks have ended: so others know that it is in use, and so does
    systemd, which removes old files from temporary folders.
    """
    for old in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        lock = _locked(old)
        if lock is not None:
            shutil.rmtree(old, ignore_errors=True)
            os.close(lock)
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        if _locked(folder) is not None:  # else another one that was just started has taken it for an old one
            return folder


def _locked(folder: Path) -> int | None:
    """The open folder, locked; None where another process has it, or it is gone."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle
