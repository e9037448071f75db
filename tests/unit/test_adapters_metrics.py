"""Figures are sent once a run, all together; trouble with that is told and changes nothing else."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest

from harvestmouse.adapters.metrics import MetricsUnavailable, Sample, publish, registry_of
from harvestmouse.adapters.metrics.catalogue import CATALOGUE

SAMPLES = [
    Sample("mam_ratio", "Upload over download.", 1.5),
    Sample("mam_janitor_deleted_per_run", "Deleted.", 466, {"reason": "never_started"}),
    Sample("mam_janitor_deleted_per_run", "Deleted.", 0, {"reason": "unregistered"}),
]


class _Gateway(BaseHTTPRequestHandler):
    status: ClassVar[int] = 200
    seen: ClassVar[list[tuple[str, str, str]]] = []

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.seen.append((self.command, self.path, body))
        self.send_response(self.status)
        self.end_headers()

    def do_POST(self) -> None:
        self.do_PUT()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class chose the name
        """Say nothing."""


@contextmanager
def serving(status: int = 200) -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    """Run something that answers like a gateway."""
    handler = type("Handler", (_Gateway,), {"status": status, "seen": []})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", handler.seen  # type: ignore[attr-defined]
        server.shutdown()
        thread.join()


def send(gateway: str = "", textfile: str = "", *, whole: bool = True) -> None:
    publish(SAMPLES, "janitor", gateway=gateway, textfile=textfile, whole=whole)


def test_every_reason_is_in_one_push() -> None:
    """One request carries all series, so that none replaces another."""
    with serving() as (url, seen):
        send(url)
    ((method, path, body),) = seen
    assert (method, path) == ("PUT", "/metrics/job/harvestmouse_janitor")
    assert 'mam_janitor_deleted_per_run{reason="never_started"} 466.0' in body
    assert 'mam_janitor_deleted_per_run{reason="unregistered"} 0.0' in body
    assert "mam_ratio 1.5" in body


def test_a_run_that_failed_leaves_the_last_good_figures() -> None:
    """Without a plan only the series of these names are replaced."""
    with serving() as (url, seen):
        send(url, whole=False)
    assert [method for method, _, _ in seen] == ["POST"]


@pytest.mark.parametrize("status", [400, 404, 500])
def test_a_gateway_that_refuses_is_told(status: int) -> None:
    """An error status is an error of ours with advice."""
    with serving(status) as (url, _), pytest.raises(MetricsUnavailable, match="The run itself is not affected"):
        send(url)


def test_a_gateway_that_is_down_is_told() -> None:
    """No connection is an error of ours."""
    with pytest.raises(MetricsUnavailable, match="cannot send the figures"):
        send("http://127.0.0.1:9")


def test_a_gateway_that_is_none_is_told() -> None:
    """Something that does not speak HTTP is an error of ours."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        Thread(target=_babble, args=(server,), daemon=True).start()
        with pytest.raises(MetricsUnavailable):
            send(f"http://127.0.0.1:{server.getsockname()[1]}")


def _babble(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(b"220 mail.example.org ESMTP\r\n")


@pytest.mark.parametrize("gateway", ["no address", "http://[", "file:///etc/passwd", "http://127.0.0.1:99999"])
def test_an_address_that_is_none_is_told(gateway: str) -> None:
    """A wrong address is an error of ours, not a crash behind a run that went well."""
    with pytest.raises(MetricsUnavailable):
        send(gateway)


def test_a_textfile_holds_the_figures(tmp_path: Path) -> None:
    """The file is what node_exporter reads."""
    send(textfile=str(tmp_path / "harvestmouse.prom"))
    assert "# HELP mam_ratio Upload over download." in (tmp_path / "harvestmouse.prom").read_text()


def test_a_textfile_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A directory that is not there is an error of ours."""
    with pytest.raises(MetricsUnavailable, match="cannot send the figures"):
        send(textfile=str(tmp_path / "nowhere" / "harvestmouse.prom"))


def test_infinity_is_a_figure() -> None:
    """A ratio with nothing downloaded is infinite."""
    registry = registry_of([Sample("mam_ratio", "Ratio.", float("inf"))])
    assert registry.get_sample_value("mam_ratio") == float("inf")


@pytest.mark.parametrize("address", ["127.0.0.1:9", "127.0.0.1", "127.0.0.1/path", "[::1]:9"])
def test_the_gateway_s_address_keeps_its_password(address: str) -> None:
    """A password in the gateway's address is in no error."""
    with pytest.raises(MetricsUnavailable) as raised:
        send(f"http://mouse:cheese@{address}")
    assert "cheese" not in str(raised.value)


# The names of the system that is replaced, as the design lists them, with their labels.
LEGACY = """
mam_ratio mam_class_code{classname} mam_bp_balance mam_uploaded_bytes mam_downloaded_bytes mam_farming_cookie_expired
mam_farming_grabbed mam_farming_total_seeding mam_farming_size_bytes mam_grabber_skipped_reason{reason}
mam_grabber_last_run_timestamp mam_bp_needed_gib mam_bp_affordable_gib mam_bp_spent_gb
mam_janitor_deleted_per_run{reason} mam_janitor_dry_run_candidates{reason} mam_janitor_preserved_hnr
mam_janitor_preserved_recovery mam_janitor_skipped_active mam_janitor_dry_run mam_janitor_last_run_timestamp
qbt_connected qbt_dht_nodes qbt_dl_speed_bytes qbt_ul_speed_bytes qbt_tracker_torrents_total{tracker}
qbt_tracker_seeding{tracker} qbt_tracker_downloading{tracker} qbt_tracker_ratio{tracker}
qbt_tracker_uploaded_bytes{tracker} qbt_tracker_downloaded_bytes{tracker} qbt_tracker_size_bytes{tracker}
qbt_tracker_seed_time_total_seconds{tracker} qbt_tracker_unsatisfied{tracker}
"""


def test_the_catalogue_has_every_legacy_name_and_no_other_outside_its_own() -> None:
    """Old dashboards and alerts find what they ask for; whatever is new has the program's own prefix."""
    named = [f"{one.name}{{{','.join(one.labels)}}}" if one.labels else one.name for one in CATALOGUE.values()]
    assert sorted(name for name in named if not name.startswith("harvestmouse_")) == sorted(LEGACY.split())


def test_the_catalogue_keeps_to_the_conventions_where_the_names_are_new() -> None:
    """Times are timestamps or durations in seconds, nothing that falls is called a total, every figure is explained."""
    for name, metric in CATALOGUE.items():
        assert metric.help.endswith(".")
        assert ("timestamp" not in name) or name.endswith("_timestamp_seconds") or name.startswith("mam_")
        assert not name.endswith("_total") or metric.type in ("counter", "untyped")
