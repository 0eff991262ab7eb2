"""What this service counts, for Prometheus.

The workers of one `serve --workers` share a port, and a scrape reaches any of them: there the library keeps the numbers
in files of a folder that they have in common, and whoever answers adds them up.
"""

import fcntl
import itertools
import os
import re
from collections import Counter as Tally
from collections.abc import Iterable
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Histogram, Metric, disable_created_metrics, values
from prometheus_client.exposition import generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sanic.constants import HTTP_METHODS

from service.core.collect import Collected
from service.records import StatType

OTHER = "other"
"""The label of paths, methods and types that are none of ours: nobody can make new series by sending nonsense."""

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
"""Seconds. A Front Office gives up after 30."""


class Metrics:
    """The counters of this process or, with a folder, of all that were given the same one."""

    def __init__(self, folder: Path | None = None) -> None:
        """With a folder, to be made in the process that counts: not before it is forked."""
        disable_created_metrics()  # type: ignore[no-untyped-call]
        values.ValueClass = values.MutexValue
        if folder:
            number = _own_number(folder)
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)  # there is no other way to tell the library
            values.ValueClass = values.MultiProcessValue(lambda: number)  # type: ignore[no-untyped-call]
        self._folder = folder
        self._registry = CollectorRegistry()
        self._requests = self._counter("http_requests", "Requests that were answered.", "method", "route", "status")
        self._duration = Histogram(
            "monarc_stats_http_request_duration_seconds",
            "Time from a request's headers to the beginning of its answer.",
            ["method", "route"],
            registry=self._registry,
            buckets=BUCKETS,
        )
        self._stored = self._counter("rows_stored", "Rows that were posted and stored, replaced ones included.", "type")
        self._replaced = self._counter("rows_replaced", "Rows that took the place of an earlier one.", "type")
        self._refused = self._counter("rows_refused", "Rows that were posted and not stored.", "type")
        for each in (self._stored, self._replaced, self._refused):  # so that the first row is a rise from 0
            for stat_type in StatType:
                each.labels(stat_type)
        self._refused.labels(OTHER)
        self._kinds: dict[tuple[str, str | None, int], tuple[Counter, Histogram]] = {}

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"monarc_stats_{name}", text, labels, registry=self._registry)

    def count_answer(self, method: str, path: str | None, status: int, seconds: float) -> None:
        """Count a request that is being answered.

        `path`: that of its route as Sanic writes it, `api/v1/stats/<anr:str>`; None where there is none.
        """
        kind = method if method in HTTP_METHODS else OTHER, path, status
        if kind not in self._kinds:
            self._kinds[kind] = self._series(*kind)
        requests, duration = self._kinds[kind]
        requests.inc()
        duration.observe(seconds)

    def _series(self, method: str, path: str | None, status: int) -> tuple[Counter, Histogram]:
        route = OTHER if path is None else "/" + re.sub(r"<(\w+)[^>]*>", r"{\1}", path)
        return self._requests.labels(method, route, status), self._duration.labels(method, route)

    def count_rows(self, collected: Collected) -> None:
        """Count the rows of a batch."""
        _add(self._stored, (row.type for row in collected.stored))
        _add(self._replaced, (row.type for row in collected.stored if row.index in collected.replaced))
        _add(self._refused, (collected.refused_types.get(refusal.index, OTHER) for refusal in collected.refused))

    def text(self, further: Iterable[Metric]) -> bytes:
        """All that was counted, and `further` metrics that are true now, in Prometheus' text format."""
        return generate_latest(_Scrape(self._folder, self._registry, further))


def _own_number(folder: Path) -> int:
    """A number that only this process has: the least that no living process has in the folder.

    By it and not by its process id, as the library would, a worker names its files: the one that takes a dead one's
    place counts on in the files of that one, and there are never more of them than there were workers at a time.
    """
    for number in itertools.count():
        lock = os.open(folder / f"{number}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # held, and so open, as long as the process lives
        except BlockingIOError:
            os.close(lock)
        else:
            return number
    raise AssertionError("there is no last number")


def _add(counter: Counter, types: Iterable[str]) -> None:
    for name, number in Tally(types).items():
        counter.labels(name).inc(number)


class _Scrape(Collector):
    """What one scrape is told."""

    def __init__(self, folder: Path | None, own: Collector, further: Iterable[Metric]) -> None:
        self._folder = folder
        self._own = own
        self._further = further

    def collect(self) -> Iterable[Metric]:
        """The metrics, one by one."""
        if self._folder:
            yield from MultiProcessCollector(None, str(self._folder)).collect()  # type: ignore[no-untyped-call]
        else:
            yield from self._own.collect()
        yield from self._further
