"""JSON of thousands of rows: by orjson, which takes a fifth of the time, and by the standard library where it cannot.

Not every machine has orjson, and it refuses what the standard library takes: a number without end, half a surrogate.
"""

import json
from contextlib import suppress
from typing import Any

try:
    import orjson
except ImportError:  # no wheel of it for this machine
    orjson = None  # type: ignore[assignment]

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def decode(text: str) -> Any:
    """Read JSON.

    Raises:
        ValueError: The text is none.
    """
    if orjson is not None:
        with suppress(ValueError):
            return orjson.loads(text)
    return json.loads(text)


def encode(value: object) -> bytes:
    """Write JSON, without spaces, and letters as they are, so that words can be looked for in it.

    A number without end may become ``null``, which is unknown as well.

    Raises:
        TypeError: A value has no form in JSON.
    """
    if orjson is not None:
        with suppress(TypeError):
            return orjson.dumps(value)
    # Half a surrogate is no letter; a backslash and its number are what JSON has for it.
    return _encode(value).encode("utf-8", "backslashreplace")
