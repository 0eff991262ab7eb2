"""`serve --workers N`: a process that keeps N others serving on one socket.

Sanic's own manager never replaces a worker that was killed. Here the supervisor makes the database ready and opens the
socket, then forks. All workers take connections from the socket's one queue, so none waits for a worker that is dead.

A socket pair, the *tether*, ties each worker to the supervisor. A worker sends a byte when it serves and then one each
second, so that one that hangs is noticed and killed. It finishes its requests and ends when nothing more can come from
the other end: the supervisor stops, or was killed. And the supervisor learns from the closed tether that a worker is
gone. Signals are for the supervisor alone: Ctrl-C and service managers send them to all processes at once, and a second
one would cut off what a worker is finishing.
"""

import asyncio
import contextlib
import logging
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from service.cli.terminal import FAILED

STOPPING = (signal.SIGTERM, signal.SIGINT)
"""The signals that end the service."""

STOP_SECONDS = 70.0
"""How long a stop waits for the workers before it kills them: longer than they take by themselves."""

EARLY_SECONDS = 5.0
"""A worker that lived no longer than this died early: many that do are started ever more slowly."""

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0

LAST_SECONDS = 10.0
"""How long a worker that has cut its tether may take to end. It has nothing more to do, but the machine may be busy."""

BEAT_SECONDS = 1.0
"""How often a worker says that it lives."""

SILENT_SECONDS = 30.0
"""A worker that has served and says nothing for so long hangs."""

START_SECONDS = 120.0
"""How long a worker may take until it serves."""

log = logging.getLogger(__name__)


def become_workers(count: int, listening: socket.socket, announce: Callable[[], None]) -> socket.socket:
    """Fork `count` workers, and go on as each of them: returns a worker's end of its tether, STOPPING blocked.

    In the supervisor it does not return: it calls `announce` as soon as all workers serve, replaces those that die, and
    raises SystemExit in the end, with 0 if all of them ended well. `listening` is the socket that they serve on. It
    gives up where a worker fails before all of them have once served: the next one would fail in the same way.
    """
    return _Supervisor(count, listening, announce).run()


def tie(tether: socket.socket, stop: Callable[[], None]) -> None:
    """In a worker's event loop, when it serves: tell the supervisor, now and again and again, and call `stop` when the
    tether is cut."""
    loop = asyncio.get_running_loop()

    def cut() -> None:
        loop.remove_reader(tether)
        stop()

    def beat() -> None:
        # The tether is cut already, or the supervisor is held up and has not read what was sent before.
        with contextlib.suppress(BrokenPipeError, BlockingIOError):
            tether.send(b".")
        loop.call_later(BEAT_SECONDS, beat)

    tether.settimeout(0)
    loop.add_reader(tether, cut)
    beat()


@dataclass(eq=False)
class _Worker:
    pid: int
    tether: socket.socket
    started: float
    serves: bool = False
    silent: float = 0.0


class _Supervisor:
    def __init__(self, count: int, listening: socket.socket, announce: Callable[[], None]) -> None:
        self._count = count
        self._listening = listening
        self._announce = announce
        self._announced = False
        self._workers: set[_Worker] = set()
        self._early_deaths = 0
        self._not_before = 0.0
        self._stopping = False
        self._failed = False
        self._selector = selectors.DefaultSelector()
        # A signal's handler wakes nobody who is just about to wait. What the system writes here does.
        self._woken, self._waker = socket.socketpair()

    def run(self) -> socket.socket:
        self._waker.settimeout(0)
        self._selector.register(self._woken, selectors.EVENT_READ)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # where a parent of ours ignores it, exit codes are lost
        for number in STOPPING:
            signal.signal(number, self._stop)
        while not self._stopping:
            tether = self._fill()
            if tether:
                return tether
            missing = len(self._workers) < self._count
            self._listen(min(self._not_before - time.monotonic(), BEAT_SECONDS) if missing else BEAT_SECONDS)
        self._finish()
        raise SystemExit(FAILED if self._failed else 0)

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def _fill(self) -> socket.socket | None:
        """Start the workers that are missing, if it is time to; in a worker, its end of the tether."""
        while len(self._workers) < self._count and time.monotonic() >= self._not_before:
            try:
                tether = self._fork()
            except OSError:
                log.exception("No worker can be started")
                self._not_before = time.monotonic() + LONGEST_PAUSE
            else:
                if tether:
                    return tether
        return None

    def _fork(self) -> socket.socket | None:
        ours, theirs = socket.socketpair()
        sys.stdout.flush()
        sys.stderr.flush()
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
        try:
            pid = os.fork()
        except OSError:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
            raise
        if pid == 0:
            self._let_go()
            ours.close()
            return theirs
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
        theirs.close()
        worker = _Worker(pid, ours, time.monotonic())
        self._workers.add(worker)
        self._selector.register(ours, selectors.EVENT_READ, worker)
        return None

    def _let_go(self) -> None:
        """In a new worker: keep nothing of the supervisor's, the others' tethers least of all."""
        signal.set_wakeup_fd(-1)
        for number in STOPPING:
            signal.signal(number, signal.SIG_DFL)
        self._selector.close()
        for one in (self._woken, self._waker, *(worker.tether for worker in self._workers)):
            one.close()

    def _listen(self, seconds: float) -> None:
        """Wait for news, so many seconds at most, and act on them."""
        began = time.monotonic()
        for key, _ in self._selector.select(seconds):
            worker: _Worker | None = key.data
            if worker is None:
                self._woken.recv(64)
            elif not worker.tether.recv(4096):
                self._bury(worker)
            else:
                self._note_beat(worker)
        self._kill_silent(time.monotonic() - began)

    def _note_beat(self, worker: _Worker) -> None:
        worker.silent = 0.0
        if not worker.serves:
            worker.serves = True
            log.info("Worker %s serves", worker.pid)
            self._announce_once()

    def _kill_silent(self, passed: float) -> None:
        """Kill the workers that hang. So many seconds have passed; where it is more than the supervisor wanted to wait,
        it was held up itself, and perhaps the workers were too."""
        for worker in self._workers:
            worker.silent += min(passed, 2 * BEAT_SECONDS)
            if worker.silent > (SILENT_SECONDS if worker.serves else START_SECONDS):
                log.error("Worker %s has said nothing for %.0f s: it is killed", worker.pid, worker.silent)
                os.kill(worker.pid, signal.SIGKILL)
                worker.silent = 0.0

    def _announce_once(self) -> None:
        serving = sum(worker.serves for worker in self._workers)
        if serving == self._count and not self._announced and not self._stopping:
            self._announced = True
            self._announce()

    def _bury(self, worker: _Worker) -> None:
        """Draw the consequences of a worker's end."""
        self._selector.unregister(worker.tether)
        worker.tether.close()
        self._workers.remove(worker)
        code = _exit_code(worker.pid)
        how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        if self._stopping or (code > 0 and not self._announced):
            self._stopping = True
            self._failed = self._failed or code != 0
            log.log(logging.WARNING if code else logging.DEBUG, "Worker %s %s", worker.pid, how)
        else:
            log.warning("Worker %s %s: another one takes its place", worker.pid, how)
            self._pace(time.monotonic() - worker.started)

    def _pace(self, lived: float) -> None:
        """Decide when the next worker may be started, after one that lived so many seconds."""
        if lived > EARLY_SECONDS:
            self._early_deaths = 0
            return
        self._early_deaths += 1
        beyond = self._early_deaths - self._count  # that all of them are killed at once is no reason to wait
        if beyond > 0:
            self._not_before = time.monotonic() + min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(beyond, 10))

    def _finish(self) -> None:
        """Let the workers finish, and wait for them. Another signal now ends the supervisor, and leaves them to it."""
        for number in STOPPING:
            signal.signal(number, signal.SIG_DFL)
        self._listening.close()
        for worker in self._workers:
            with contextlib.suppress(OSError):  # it has just ended
                worker.tether.shutdown(socket.SHUT_WR)
        deadline = time.monotonic() + STOP_SECONDS
        while self._workers:
            left = deadline - time.monotonic()
            if left <= 0:
                for worker in self._workers:
                    os.kill(worker.pid, signal.SIGKILL)
            self._listen(BEAT_SECONDS)


def _exit_code(process: int) -> int:
    """The exit code of a worker whose tether is cut. One that does not end then (a thread may keep it) is killed."""
    deadline = time.monotonic() + LAST_SECONDS
    while time.monotonic() < deadline:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(process, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
