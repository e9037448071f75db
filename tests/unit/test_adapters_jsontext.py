"""JSON by either library: what one refuses the other reads and writes."""

import json
import subprocess
import sys
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvestmouse.adapters import jsontext

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(params=["orjson", "json"])
def either(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    if request.param == "json":
        monkeypatch.setattr(jsontext, "orjson", None)
    return jsontext


@given(VALUES)
def test_what_was_written_is_read(value: object) -> None:
    """Half surrogates and numbers of any size, which JSON from anywhere may hold, are no exception."""
    assert jsontext.decode(jsontext.encode(value).decode()) == value


@pytest.mark.parametrize("value", [{"a": [1, 2.5, None, True, "ä"]}, [], "", 2**80, "\ud800", {1: "one"}])
def test_either_library_writes_the_same(either: ModuleType, value: object) -> None:
    text = either.encode(value).decode()
    assert json.loads(text) == json.loads(json.dumps(value))
    assert ": " not in text


@pytest.mark.parametrize("other", ["", "\ud800", 2**80])
def test_letters_are_written_as_they_are(either: ModuleType, other: object) -> None:
    """A secret is looked for in what was written."""
    assert "Käse".encode() in either.encode(["Käse", other])


@pytest.mark.parametrize("text", ["[NaN]", "[Infinity]", '["\\ud800"]', "[1e999]", f"[{2**80}]"])
def test_either_library_reads_the_same(either: ModuleType, text: str) -> None:
    # Of a number that no service means, orjson keeps the first digits.
    [one], [other] = either.decode(text), json.loads(text)
    assert one == other or repr(one) == repr(other)


@pytest.mark.parametrize("text", ["", "[", "{'a': 1}", "[1,]", "nan"])
def test_what_is_no_json_is_a_value_error(either: ModuleType, text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        either.decode(text)


def test_what_has_no_form_is_a_type_error(either: ModuleType) -> None:
    with pytest.raises(TypeError):
        either.encode({"a": object()})


def test_a_machine_without_orjson_does_without() -> None:
    code = """
import sys
sys.modules["orjson"] = None
from harvestmouse.adapters import jsontext
print(jsontext.decode(jsontext.encode({"a": 1}).decode()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "{'a': 1}\n"
