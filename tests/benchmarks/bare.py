"""The baseline for HTTP: a Sanic application that does nothing but answer bytes.

`python bare.py PORT FILE` answers every GET with the file's bytes.
"""

import sys
from pathlib import Path

from sanic import Sanic, raw
from sanic.request import Request
from sanic.response import HTTPResponse

app = Sanic("bare", configure_logging=False)
app.config.AUTO_EXTEND = False
BYTES = Path(sys.argv[2]).read_bytes()


@app.get("/")
async def answer(_: Request) -> HTTPResponse:
    """The file's bytes."""
    return raw(BYTES, content_type="application/json")


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(sys.argv[1]), single_process=True, access_log=False, motd=False)
