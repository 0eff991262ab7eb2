"""The processors: each turns the figures of a range of days into the data of a chart.

A processor is a pure function of a `Series`, in the module of its family:

    @processor("How many risks there are of each level.", risks_type=Choice("The kinds wanted.", KINDS))
    def risk_averages(series: Series, *, risks_type: tuple[str, ...]) -> ...:

That is all that adding one takes. The function's name is the processor's: it begins with the type whose
figures it reads and ends with `_on_date` where it says something of each day. What it returns, msgspec can
write as JSON; the answer for no figures is `[]`. Means are of exact integers, by one formula everywhere:
`sum / rows` for counts, `sum / (rows * UNIT)` for decimals.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from service.errors import BadInput
from service.records import Series, StatType

Function = TypeVar("Function", bound=Callable[..., Any])


class Choice(msgspec.Struct, frozen=True):
    """A parameter of a processor: some of the names that are `allowed`. None given means all."""

    description: str
    allowed: tuple[str, ...]


class Processor(msgspec.Struct, frozen=True):
    """A registered processor. `on_date`: its answer has values by date, so that days can be merged into
    periods. `params` says what `processor_params` may hold.
    """

    name: str
    description: str
    stat_type: StatType
    on_date: bool
    params: Mapping[str, Choice]
    function: Callable[..., Any]

    def run(self, series: Series, params: object = None) -> Any:
        """The answer, for msgspec to write as JSON. `params` and errors as in `choices`."""
        return self.function(series, **self.choices(params))

    def choices(self, params: object = None) -> dict[str, tuple[str, ...]]:
        """The names chosen for each parameter, in the order of `allowed`.

        `params`: None, a dict, or `[]` (what PHP makes of an empty array); its values are a name, names
        separated by commas, or a list of them; None or nothing stands for all. What this returns can be
        passed in again. Raises BadInput for parameters and names that do not exist, saying which do.
        """
        given = {} if params is None or params == [] else params
        if not isinstance(given, dict):
            raise _bad("processor_params", "must be an object.")
        for name in given:
            if name not in self.params:
                known = ", ".join(self.params) or "none"
                raise _bad("processor_params", f"{quoted(name)} is unknown; {self.name} takes {known}.")
        return {
            name: _chosen(f"processor_params.{name}", choice.allowed, given.get(name))
            for name, choice in self.params.items()
        }


_registry: dict[str, Processor] = {}


def processor(description: str, /, **params: Choice) -> Callable[[Function], Function]:
    """Register the decorated function; it is called with a `Series` and, by keyword, the names chosen for
    each of `params`. `description`: one sentence for who has to choose among processors. Raises ValueError
    where the function's name is taken or does not begin with a type.
    """

    def register(function: Function) -> Function:
        name = function.__name__
        if name in _registry:
            raise ValueError(f"There are two processors called {name}.")
        _registry[name] = Processor(
            name=name,
            description=description,
            stat_type=StatType(name.partition("_")[0]),
            on_date=name.endswith("_on_date"),
            params=params,
            function=function,
        )
        return function

    return register


def all() -> list[Processor]:  # noqa: A001 - read as `processors.all()`
    """All processors, by name."""
    return [_registry[name] for name in sorted(_registry)]


def get(name: str) -> Processor:
    """The processor of that name. Raises BadInput that names those that exist."""
    found = _registry.get(name)
    if found is None:
        raise _bad("processor", f"{quoted(name)} does not exist; there are {', '.join(sorted(_registry))}.")
    return found


def default_for(stat_type: StatType) -> Processor:
    """The processor that a type's public chart uses where none is named: the type's own `_on_date`."""
    return next(each for each in all() if each.stat_type is stat_type and each.on_date)


def _chosen(field: str, allowed: tuple[str, ...], value: object) -> tuple[str, ...]:
    """Those of `allowed` that `value` names, all of them where it names none. Raises BadInput."""
    given = [value] if isinstance(value, str) else [] if value is None or value == {} else value
    if not isinstance(given, (list, tuple)) or any(not isinstance(item, str) for item in given):
        raise _bad(field, f"must be a name or a list of names; there are {', '.join(allowed)}.")
    names = {name.strip() for item in given for name in item.split(",")} - {""}
    for name in sorted(names.difference(allowed)):
        raise _bad(field, f"{quoted(name)} is unknown; there are {', '.join(allowed)}.")
    return tuple(name for name in allowed if name in names) or allowed


def quoted(name: object) -> str:
    """A stranger's name as a message may show it: on one line, and not at any length."""
    return repr(str(name)[:40])


def _bad(field: str, reason: str) -> BadInput:
    return BadInput(f"{field}: {reason}", errors={field: reason})


for _family in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_family.name}")
