"""A service with other constants than its own: what it does after minutes, or with gigabytes, is seen in seconds."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from tests.servers import ROOT

_CHANGE = """\
import json, pkgutil

for name, value in json.loads({constants!r}).items():
    where, _, last = name.rpartition(".")
    holder = pkgutil.resolve_name(where)
    assert hasattr(holder, last), name
    setattr(holder, last, value)
"""


def changed(folder: Path, constants: Mapping[str, float]) -> dict[str, str]:
    """The environment in which a service that is started has these constants, by their full names.

    Python runs the file `sitecustomize.py` that it finds, before anything else; this one is put into `folder`.
    """
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(_CHANGE.format(constants=json.dumps(constants)))
    return {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}
