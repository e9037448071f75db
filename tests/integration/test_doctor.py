"""The doctor before a real client and the stand-in site, on the command line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.mam_server import Account, MamServer
from tests.support.pushgateway import Pushgateway
from tests.support.qbittorrent import QBittorrent
from tests.support.rig import Rig, environment_of
from tests.support.torrents import MIB
from tests.support.tracker import Tracker


@pytest.fixture
def rig(any_qbittorrent: QBittorrent, tracker: Tracker, tmp_path: Path) -> Iterator[Rig]:
    with MamServer(account=Account()) as site:
        rig = Rig(site, any_qbittorrent, tracker, tmp_path, environment_of(site, any_qbittorrent, tmp_path))
        rig.put("whole", MIB, complete=True)
        any_qbittorrent.settle()
        yield rig


def examine(rig: Rig, **environment: str) -> tuple[int, dict[str, list[dict[str, Any]]]]:
    """Return the exit code, and the findings by check."""
    done = rig.command("doctor", "--json", **environment)
    document = json.loads(done.stdout)
    found: dict[str, list[dict[str, Any]]] = {}
    for one in document["findings"]:
        found.setdefault(one["check"], []).append(one)
    assert document["format"] == "harvestmouse-doctor/1"
    assert document["exit_code"] == done.returncode
    return done.returncode, found


def test_a_working_set_up_has_no_failure_and_stays_as_it_is(rig: Rig) -> None:
    before = rig.client.get("app/preferences").json(), [one["hash"] for one in rig.client.get("torrents/info").json()]
    code, found = examine(rig)
    assert code == 0
    assert {one["result"] for each in found.values() for one in each} <= {"pass", "warn"}
    version, webapi = (rig.client.get(f"app/{name}").text for name in ("version", "webapiVersion"))
    assert found["client"][0]["detail"] == (f"it answers ({version}, Web API {webapi}); 1 of 1 torrent in mam-farming")
    assert [one.endpoint for one in rig.site.requests] == ["/jsonLoad.php", "/json/jsonIp.php"]
    after = rig.client.get("app/preferences").json(), [one["hash"] for one in rig.client.get("torrents/info").json()]
    assert after == before


def test_what_is_wrong_is_told_with_its_remedy(rig: Rig) -> None:
    with Pushgateway() as gateway:
        code, found = examine(
            rig,
            MAM_ID="gorgonzola",
            HARVESTMOUSE_QBITTORRENT_URL="http://127.0.0.1:9",
            HARVESTMOUSE_METRICS_PUSHGATEWAY_URL=gateway.url,
        )
    assert code == 3
    assert [found[check][0]["result"] for check in ("site", "client", "metrics")] == ["fail", "fail", "pass"]
    assert "Is it running" in found["client"][0]["remedy"]
    assert "gorgonzola" not in json.dumps(found)


def test_what_fails_without_an_error_fails_the_visit(rig: Rig) -> None:
    """The code in the document is that of the process."""
    code, found = examine(rig, HARVESTMOUSE_METRICS_PUSHGATEWAY_URL="http://127.0.0.1:9")
    assert (code, found["metrics"][0]["result"]) == (1, "fail")


def test_the_table_ends_with_a_count(rig: Rig) -> None:
    done = rig.command("doctor")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1].endswith("0 failed")
    assert "\n  -> " in done.stdout


def test_the_category_and_the_save_path_are_held_against_the_clients(rig: Rig) -> None:
    """Each version tells them; the path that the client saves to is its own."""
    told = {one["detail"]: one["result"] for one in examine(rig)[1]["client"]}
    place = rig.client.get("app/defaultSavePath").text
    assert told["it has the category mam-farming, without a save path of its own"] == "pass"
    assert told[f"the save path {rig.directory}/farm is not in {place}, where the client saves"] == "warn"

    set_up = {"HARVESTMOUSE_QBITTORRENT_CATEGORY": "cheese", "HARVESTMOUSE_QBITTORRENT_SAVE_PATH": f"{place}/cheese"}
    told = {one["detail"]: one["result"] for one in examine(rig, **set_up)[1]["client"]}
    assert told["it has no category cheese"] == "warn"
    assert told[f"the save path {place}/cheese lies in {place}, where the client saves"] == "pass"
    assert "cheese" not in rig.client.get("torrents/categories").json()

    rig.client.post("torrents/createCategory", category="cheese", savePath="cheese")
    told = {one["detail"]: one["result"] for one in examine(rig, **set_up)[1]["client"]}
    assert told[f"it has the category cheese, which saves to {place}/cheese"] == "pass"
