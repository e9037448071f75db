"""Figures reach each place whole, and what fails there is told without a secret."""

import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Barrier, Thread
from typing import Any, ClassVar

import pytest
from filelock import FileLock
from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest

from harvestmouse.adapters.metrics import Group, MetricsUnavailable, Publisher, Sample, publishers_for
from harvestmouse.adapters.metrics.catalogue import CATALOGUE, Owner
from harvestmouse.adapters.metrics.gateway import Pushgateway
from harvestmouse.adapters.metrics.registry import Registry, merge
from harvestmouse.adapters.metrics.textfile import Textfile, read
from tests.support.pushgateway import figures_in

REASONS = {"never_started": 466.0, "unregistered": 0.0}
DELETED = tuple(Sample("mam_janitor_deleted_per_run", value, {"reason": name}) for name, value in REASONS.items())
JANITOR = Group(name="janitor", samples=(Sample("harvestmouse_exit_code", 0), *DELETED), whole=True)
ACCOUNT = Group(
    name="account",
    samples=(Sample("mam_ratio", 1.5), Sample("mam_class_code", 3, {"classname": "VIP"})),
    whole=True,
)


class _Gateway(BaseHTTPRequestHandler):
    status: ClassVar[int] = 200
    seen: ClassVar[list[tuple[str, str, str]]] = []
    logins: ClassVar[list[str | None]] = []

    def do_PUT(self) -> None:
        self.logins.append(self.headers["Authorization"])
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


def send(gateway: str, *groups: Group) -> None:
    Pushgateway(gateway).publish(groups or [JANITOR])


class TestGateway:
    def test_every_reason_is_in_one_push(self) -> None:
        """One request carries all series of a group, so that none replaces another (incident I14)."""
        with serving() as (url, seen):
            send(url, JANITOR, ACCOUNT)
        (method, path, body), (_, other, account) = seen
        assert (method, path) == ("PUT", "/metrics/job/harvestmouse_janitor")
        assert 'mam_janitor_deleted_per_run{reason="never_started"} 466.0' in body
        assert 'mam_janitor_deleted_per_run{reason="unregistered"} 0.0' in body
        assert other == "/metrics/job/harvestmouse_account"
        assert "mam_ratio 1.5" in account

    def test_the_label_job_is_left_to_the_group(self) -> None:
        """The gateway writes it, and refuses another."""
        with serving() as (url, seen):
            send(url)
        assert "harvestmouse_exit_code 0.0" in seen[0][2]

    def test_a_group_that_is_not_whole_is_added(self) -> None:
        """Only the series of these names are replaced."""
        with serving() as (url, seen):
            send(url, Group(name="janitor", samples=JANITOR.samples, whole=False))
        assert [method for method, _, _ in seen] == ["POST"]

    @pytest.mark.parametrize("status", [400, 404, 500])
    def test_one_that_refuses_is_told(self, status: int) -> None:
        """An error status is an error of ours with advice."""
        with serving(status) as (url, _), pytest.raises(MetricsUnavailable, match="The run itself is not affected"):
            send(url)

    def test_one_that_is_down_is_told(self) -> None:
        """No connection is an error of ours."""
        with pytest.raises(MetricsUnavailable, match="cannot send the figures"):
            send("http://127.0.0.1:9")

    def test_one_that_is_none_is_told(self) -> None:
        """Something that does not speak HTTP is an error of ours."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            Thread(target=_babble, args=(server,), daemon=True).start()
            with pytest.raises(MetricsUnavailable):
                send(f"http://127.0.0.1:{server.getsockname()[1]}")

    @pytest.mark.parametrize("gateway", ["no address", "http://[", "file:///etc/passwd", "http://127.0.0.1:99999"])
    def test_an_address_that_is_none_is_told(self, gateway: str) -> None:
        """A wrong address is an error of ours, not a crash behind a run that went well."""
        with pytest.raises(MetricsUnavailable):
            send(gateway)

    @pytest.mark.parametrize("address", ["127.0.0.1:9", "127.0.0.1", "127.0.0.1/path", "[::1]:9", "[", "a b"])
    def test_the_address_keeps_its_password(self, address: str) -> None:
        """It is in no error and in no representation."""
        gateway = Pushgateway(f"http://mouse:cheese@{address}")
        with pytest.raises(MetricsUnavailable) as raised:
            gateway.publish([JANITOR])
        assert "cheese" not in str(raised.value) + repr(gateway)

    def test_a_password_in_the_address_is_sent_as_http_has_it(self) -> None:
        """Percent signs in it stand for what they stand for."""
        with serving() as (url, seen):
            send(url.replace("//", "//mouse:che%40ese@"))
            send(url)
        assert [path for _, path, _ in seen] == ["/metrics/job/harvestmouse_janitor"] * 2
        assert _Gateway.logins[-2:] == ["Basic bW91c2U6Y2hlQGVzZQ==", None]


def _babble(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(b"220 mail.example.org ESMTP\r\n")


@pytest.fixture
def warnings() -> list[str]:
    return []


@pytest.fixture
def textfile(tmp_path: Path, warnings: list[str]) -> Textfile:
    return Textfile(tmp_path / "harvestmouse.prom", warnings.append)


def shown(textfile: Textfile) -> dict[str, float]:
    """Return the file's figures, each by how it is written."""
    figures = figures_in(textfile.path.read_text())
    return {
        name + "".join(f" {label}={text}" for label, text in sorted(labels)): value
        for (name, labels), value in figures.items()
    }


class TestTextfile:
    """One file for all jobs; each run replaces what is its own."""

    def test_holds_the_figures_of_all_jobs(self, textfile: Textfile) -> None:
        """Metrics that every job has are told apart by `job`; legacy names stay bare."""
        textfile.publish([JANITOR])
        textfile.publish([Group(name="grab", samples=(Sample("harvestmouse_exit_code", 4),), whole=False), ACCOUNT])
        assert shown(textfile) == {
            "harvestmouse_exit_code job=harvestmouse_janitor": 0,
            "harvestmouse_exit_code job=harvestmouse_grab": 4,
            "mam_janitor_deleted_per_run reason=never_started": 466,
            "mam_janitor_deleted_per_run reason=unregistered": 0,
            "mam_ratio": 1.5,
            "mam_class_code classname=VIP": 3,
        }
        assert "# HELP mam_ratio Upload over download" in textfile.path.read_text()

    def test_a_whole_group_leaves_nothing_of_the_old(self, textfile: Textfile) -> None:
        """A class that has changed leaves no figure under its old name."""
        textfile.publish([JANITOR, ACCOUNT])
        textfile.publish([Group(name="account", samples=(Sample("mam_bp_balance", 5),), whole=True)])
        assert "mam_ratio" not in shown(textfile)
        assert shown(textfile)["harvestmouse_exit_code job=harvestmouse_janitor"] == 0

    def test_a_failed_run_leaves_what_it_does_not_tell(self, textfile: Textfile) -> None:
        """And replaces the metrics it tells with all of their labels."""
        textfile.publish([JANITOR])
        failed = (Sample("harvestmouse_exit_code", 4), Sample("mam_janitor_deleted_per_run", 1, {"reason": "other"}))
        textfile.publish([Group(name="janitor", samples=failed, whole=False)])
        assert shown(textfile) == {
            "harvestmouse_exit_code job=harvestmouse_janitor": 4,
            "mam_janitor_deleted_per_run reason=other": 1,
        }

    @pytest.mark.parametrize(
        "content",
        [
            b"mam_ratio 1.",
            b'mam_class_code{classname="VI\n',
            b"# HELP mam_ratio Upload\nnode_load1 0.5\n",
            b"harvestmouse_exit_code 0\n",
            b'harvestmouse_exit_code{job="other"} 0\n',
            b'mam_ratio{job="harvestmouse_grab"} 1\n',
            b'mam_ratio{classname="VIP"} 1\n',
            b"mam_ratio one\n",
            b"\x00\xff\n",
            b"{" * 50 + b"\n",
        ],
    )
    def test_what_is_torn_or_foreign_is_replaced_with_a_warning(
        self, textfile: Textfile, warnings: list[str], content: bytes
    ) -> None:
        """It costs the other jobs' figures until their next run, and nothing else."""
        textfile.path.write_bytes(content)
        textfile.publish([ACCOUNT])
        assert shown(textfile) == {"mam_ratio": 1.5, "mam_class_code classname=VIP": 3}
        assert len(warnings) == 1
        assert str(textfile.path) in warnings[0]

    def test_a_good_file_gets_no_warning(self, textfile: Textfile, warnings: list[str]) -> None:
        """Neither does none, nor an empty one."""
        textfile.publish([ACCOUNT])
        textfile.path.write_text("")
        textfile.publish([ACCOUNT])
        textfile.publish([JANITOR])
        assert warnings == []

    def test_is_readable_for_others_and_leaves_nothing_else_to_read(self, textfile: Textfile) -> None:
        """node_exporter reads `*.prom` under a user of its own."""
        textfile.publish([ACCOUNT])
        assert textfile.path.stat().st_mode & 0o777 == 0o644
        assert [path.name for path in textfile.path.parent.glob("*.prom")] == ["harvestmouse.prom"]

    def test_runs_at_once_lose_nothing(self, textfile: Textfile) -> None:
        """Each reads what the one before has written."""
        names = [owner.value for owner in (Owner.GRAB, Owner.SPEND, Owner.JANITOR, Owner.RECONCILE, Owner.MONITOR)]
        barrier = Barrier(len(names))

        def work(name: str) -> None:
            barrier.wait()
            for number in range(8):
                sample = Sample("harvestmouse_exit_code", number)
                Textfile(textfile.path, textfile.warn).publish([Group(name=name, samples=(sample,), whole=True)])

        threads = [Thread(target=work, args=(name,)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert shown(textfile) == {f"harvestmouse_exit_code job=harvestmouse_{name}": 7 for name in names}

    def test_a_reader_never_sees_half_of_it(self, textfile: Textfile) -> None:
        """The old file or the new, while it is written again and again."""
        textfile.publish([ACCOUNT])
        done: list[bool] = []

        def write() -> None:
            for number in range(40):
                textfile.publish([Group(name="account", samples=(Sample("mam_ratio", number),), whole=True)])
            done.append(True)

        writer = Thread(target=write)
        writer.start()
        while not done:
            assert read(textfile.path.read_text())["account"]
        writer.join()

    def test_a_directory_that_is_not_there_is_told(self, tmp_path: Path) -> None:
        """It is not made: node_exporter would not look there."""
        with pytest.raises(MetricsUnavailable, match="no directory"):
            Textfile(tmp_path / "nowhere" / "x.prom", print).publish([ACCOUNT])
        assert list(tmp_path.iterdir()) == []

    def test_a_path_that_cannot_be_written_is_told(self, tmp_path: Path) -> None:
        """A directory in its place is an error of ours."""
        (tmp_path / "x.prom").mkdir()
        with pytest.raises(MetricsUnavailable, match="cannot write"):
            Textfile(tmp_path / "x.prom", print).publish([ACCOUNT])

    def test_a_lock_that_is_not_let_go_is_told(self, textfile: Textfile, monkeypatch: pytest.MonkeyPatch) -> None:
        """A hanging run must not hang the others."""
        monkeypatch.setattr("harvestmouse.adapters.metrics.textfile._LOCK_SECONDS", 0.05)
        with FileLock(f"{textfile.path}.lock"), pytest.raises(MetricsUnavailable, match="locked"):
            textfile.publish([ACCOUNT])

    @given(st.binary(max_size=80) | st.text('mam_ratio{}="\\# HELPTY\n1.', max_size=60).map(str.encode))
    @example(b'mam_ratio{a="\n')
    def test_whatever_stands_there_is_read_or_refused(self, content: bytes) -> None:
        """No content of a file makes a run crash."""
        with suppress(ValueError):
            read(content.decode())


class TestRegistry:
    def test_shows_what_a_textfile_shows(self, textfile: Textfile) -> None:
        """`/metrics` and the file are one text."""
        registry = Registry()
        for groups in ([JANITOR], [ACCOUNT], [Group(name="grab", samples=JANITOR.samples[:1], whole=False)]):
            registry.publish(groups)
            textfile.publish(groups)
        assert generate_latest(registry).decode() == textfile.path.read_text()

    def test_can_be_registered_with_others(self) -> None:
        """It is a collector like any other."""
        registry, mine = CollectorRegistry(), Registry()
        registry.register(mine)
        mine.publish([ACCOUNT])
        assert registry.get_sample_value("mam_class_code", {"classname": "VIP"}) == 3

    def test_infinity_is_a_figure(self) -> None:
        """A ratio with nothing downloaded is infinite, and reads back."""
        held = {"account": (Sample("mam_ratio", float("inf")),)}
        assert read(generate_latest(Registry(held)).decode()) == held

    def test_whatever_a_label_holds_reads_back(self) -> None:
        """Class and tracker names come from strangers."""
        evil = 'a"b\\c\nd,e}= \N{PILE OF POO}'
        held = {"account": (Sample("mam_class_code", -1, {"classname": evil}),)}
        assert read(generate_latest(Registry(held)).decode()) == held


class TestMerge:
    def test_other_groups_stay(self) -> None:
        """Whatever one run tells."""
        held = merge({}, [JANITOR, ACCOUNT])
        assert merge(held, [Group(name="grab", samples=(), whole=True)])["janitor"] == JANITOR.samples

    def test_the_order_of_groups_does_not_matter(self) -> None:
        """They have nothing in common."""
        groups = [JANITOR, ACCOUNT]
        random.Random(7).shuffle(groups)
        assert merge({}, groups) == merge({}, [ACCOUNT, JANITOR])


class TestSample:
    @pytest.mark.parametrize(
        ("name", "labels"),
        [
            ("mam_ration", {}),
            ("mam_ratio", {"job": "x"}),
            ("mam_class_code", {}),
            ("qbt_tracker_ratio", {"label": "x"}),
        ],
    )
    def test_only_the_catalogue_can_be_named(self, name: str, labels: dict[str, str]) -> None:
        """What the documentation does not list is not published."""
        with pytest.raises(ValueError, match="not in the catalogue"):
            Sample(name, 1, labels)


def test_what_is_configured_is_opened(tmp_path: Path, warnings: list[str]) -> None:
    """Both at once, one, or none."""
    path = str(tmp_path / "x.prom")

    def kinds(gateway: str, textfile: str) -> list[type[Publisher]]:
        return [type(one) for one in publishers_for(gateway, textfile, warnings.append)]

    assert kinds("http://127.0.0.1:9", path) == [Pushgateway, Textfile]
    assert kinds("", path) == [Textfile]
    assert kinds("", "") == []


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
