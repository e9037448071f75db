"""The command line as a user meets it: exit codes, one-line errors, what stands on which stream."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.builders import (
    DAY,
    GIB,
    MIB,
    NOW,
    raw_preferences,
    raw_profile,
    raw_result,
    raw_search,
    raw_snapshot,
    raw_torrent,
)
from tests.support.mam_server import Account, CatalogueTorrent, Fault, MamServer
from tests.support.notify import Service
from tests.support.world import files_in, harvestmouse

JOB_NAMES = ("grab", "janitor", "spend", "reconcile")
NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    """Write a snapshot in which every job has something to do."""
    account = raw_profile(uploaded_bytes=15 * GIB, downloaded_bytes=10 * GIB, seedbonus=60_000)
    stuck = raw_torrent(1, state="queuedDL", added_on=NOW - 2 * DAY, progress=0, downloaded=0, completion_on=-1,
                        seeding_time=0)  # fmt: skip
    document = raw_snapshot(
        mam={"profile": account, "searches": [raw_search(raw_result(1001), raw_result(1002, free=0, fl_vip=0))]},
        qbittorrent={
            "webapi_version": "2.8.19",
            "torrents": [stuck, raw_torrent(2)],
            "trackers": {},
            "preferences": raw_preferences(max_active_uploads=4),
            "free_space_bytes": 100 * GIB,
        },
    )
    path = tmp_path / "snapshot.json"
    path.write_text(json.dumps(document))
    return path


@pytest.fixture
def site() -> Iterator[MamServer]:
    catalogue = [CatalogueTorrent(id=1001, title="A Barn", size_bytes=60 * MIB, free=1)]
    account = Account(uploaded_bytes=16 * GIB, downloaded_bytes=10 * GIB, seedbonus=60_000)
    with MamServer(catalogue=catalogue, account=account) as running:
        yield running


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as running:
        yield running


@pytest.fixture
def environment(site: MamServer, tmp_path: Path) -> dict[str, str]:
    """Return what a deployment sets; the client is down."""
    return {
        "MAM_ID": site.cookie,
        "HARVESTMOUSE_STATE_DIR": str(tmp_path / "state"),
        "HARVESTMOUSE_MAM_BASE_URL": site.url,
        "HARVESTMOUSE_MAM_TRACKER_URL": site.url,
        "HARVESTMOUSE_MAM_REQUEST_SPACING": "0s",
        "HARVESTMOUSE_LOG_LEVEL": "error",
        "HARVESTMOUSE_QBITTORRENT_URL": NOBODY,
    }


def refused(*words: str, code: int, environment: dict[str, str] | None = None, stdin: str = "") -> str:
    """Run a command that has to fail with *code*, and return its one line on stderr."""
    done = harvestmouse(*words, environment=environment, stdin=stdin)
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("harvestmouse: ")
    assert "Traceback" not in line
    return line


class TestPlan:
    @pytest.mark.parametrize("job", JOB_NAMES)
    def test_decides_from_a_file(self, snapshot: Path, job: str) -> None:
        """Each job's plan is one JSON object on stdout, and nothing else is said."""
        done = harvestmouse("plan", job, str(snapshot), "--json")
        assert (done.returncode, done.stderr) == (0, "")
        document = json.loads(done.stdout)
        assert (document["format"], document["job"], document["decided_at"]) == ("harvestmouse-plan/1", job, NOW)
        assert len(document["actions"]) == 1
        assert document["outcome"]["mode"] == "dry_run"

    def test_reads_compressed_files_and_stdin(self, snapshot: Path, tmp_path: Path) -> None:
        """The same snapshot gives the same plan, however it arrives."""
        packed = tmp_path / "snapshot.json.gz"
        packed.write_bytes(gzip.compress(snapshot.read_bytes()))
        plain = harvestmouse("plan", "grab", str(snapshot), "--json").stdout
        assert harvestmouse("plan", "grab", str(packed), "--json").stdout == plain
        assert harvestmouse("plan", "grab", "-", "--json", stdin=snapshot.read_text()).stdout == plain

    def test_is_readable_too(self, snapshot: Path) -> None:
        """Without --json the plan is for people."""
        done = harvestmouse("plan", "janitor", str(snapshot))
        assert done.stdout.startswith("janitor (dry run")
        assert "1  never_started" in done.stdout

    def test_uses_the_configuration(self, snapshot: Path) -> None:
        """Policy comes from flags and preset."""
        done = harvestmouse("--set", "grab.ratio_floor=1.6", "plan", "grab", str(snapshot), "--json")
        assert json.loads(done.stdout)["skip"]["reason"] == "low_ratio"
        done = harvestmouse("--preset", "field", "plan", "grab", str(snapshot), "--json")
        assert json.loads(done.stdout)["policy"]["seeder_ceiling"] == 200

    def test_takes_no_secret_on_the_command_line(self, snapshot: Path) -> None:
        """Everybody on the machine could read it there; the error does not repeat it either."""
        done = harvestmouse("--set", "mam.mam_id=hush", "plan", "grab", str(snapshot))
        assert done.returncode == 2
        assert "mam.mam_id" in done.stderr
        assert "hush" not in done.stderr

    def test_a_safety_stop_has_its_code(self, tmp_path: Path) -> None:
        """An empty listing is code 5 offline too."""
        path = tmp_path / "empty.json"
        path.write_text(json.dumps(raw_snapshot()))
        assert harvestmouse("plan", "janitor", str(path)).returncode == 5

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"", "it is empty; record or copy it again"),
            (b'{"format": "harvestmouse-snap', "is truncated"),
            (b"ratio=0.0", "is no JSON"),
            (b"[]", "found a list"),
            (b"{}", 'expected "harvestmouse-snapshot/1"'),
            (b'{"format": "harvestmouse-snapshot/9", "taken_at": 5}', 'expected "harvestmouse-snapshot/1"'),
            (b'{"format": "harvestmouse-snapshot/1"}', "taken_at"),
            (b'{"format": "harvestmouse-snapshot/1", "taken_at": 5, "mam": []}', "mam: expected an object"),
            (b"\x1f\x8bnothing", "is no whole gzip file"),
            (gzip.compress(b'{"format": "harvestmouse-snapshot/1"}', mtime=0)[:-9], "is no whole gzip file"),
            (b"\xff\xfe\x00", "snapshot.json"),
        ],
    )
    def test_bad_input_is_one_line(self, tmp_path: Path, content: bytes, words: str) -> None:
        """A file that is no snapshot is named, with what is wrong."""
        path = tmp_path / "snapshot.json"
        path.write_bytes(content)
        assert words in refused("plan", "grab", str(path), code=2)

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        """The path and the reason are told."""
        line = refused("plan", "grab", str(tmp_path / "nowhere.json"), code=2)
        assert "nowhere.json" in line
        assert "No such file" in line


class TestUsage:
    @pytest.mark.parametrize(
        ("words", "hint"),
        [
            (["harvest"], "harvest"),
            (["plan", "harvest", "x.json"], "harvest"),
            (["plan", "grab"], "SNAPSHOT"),
            (["grab", "--aply"], "--apply"),
            (["--preset", "sead", "config", "check"], "did you mean seed?"),
            (["--config", "/nowhere/harvestmouse.toml", "config", "check"], "/nowhere/harvestmouse.toml"),
            (["--set", "grab.ratio_flor=1", "config", "check"], "did you mean [grab] ratio_floor?"),
            (["--set", "grab.ratio_floor", "config", "check"], "section.key=value"),
            (["--set", "grab.ratio_floor=-1", "config", "check"], "[grab] ratio_floor = -1.0 is too low"),
            (["--set", "cleanup.seed_time=71h", "config", "check"], "[cleanup] seed_time = 71h is too low"),
            (["--set", "grab.per_run=many", "config", "check"], "[grab] per_run = 'many' is no whole number"),
            (["--set", "grab.min_size=50 parsecs", "config", "check"], "write it as '50 MiB'"),
            (["--set", "spend.tiers=20", "config", "check"], "at least 50"),
            (["--set", "mam.base_url=http://www.myanonamouse.net", "config", "check"], "use https"),
        ],
    )
    def test_errors_name_the_thing_and_the_remedy(self, words: list[str], hint: str) -> None:
        """Wrong words, keys and figures are code 2 and one line."""
        assert hint in refused(*words, code=2)

    @pytest.mark.parametrize(
        ("variable", "value", "hint"),
        [
            ("HARVESTMOUSE_GRAB_RATIO_FLOR", "1", "did you mean HARVESTMOUSE_GRAB_RATIO_FLOOR?"),
            ("HARVESTMOUSE_GRAB_RATIO_FLOOR", "low", "HARVESTMOUSE_GRAB_RATIO_FLOOR"),
            ("HARVESTMOUSE_APPLY", "maybe", "neither on"),
            ("DRY_RUN", "maybe", "neither on"),
            ("MAM_ID_FILE", "/nowhere/mam_id", "/nowhere/mam_id"),
            ("HARVESTMOUSE_CONFIG", "/nowhere/h.toml", "/nowhere/h.toml"),
        ],
    )
    def test_variables_are_checked_too(self, variable: str, value: str, hint: str) -> None:
        """A typo in the environment is found as one in a file is."""
        assert hint in refused("config", "check", environment={variable: value}, code=2)

    @pytest.mark.parametrize(
        ("text", "hint"),
        [
            ("[grab]\nratio_flor = 1\n", "did you mean [grab] ratio_floor?"),
            ("[grap]\nratio_floor = 1\n", "did you mean grab?"),
            ("[grab]\nratio_floor = \n", "is no TOML file"),
            ("[grab]\nratio_floor = true\n", "ratio_floor"),
            ('apply = "perhaps"\n', "apply"),
        ],
    )
    def test_files_are_checked_too(self, tmp_path: Path, text: str, hint: str) -> None:
        """A typo in the file is named with the file."""
        path = tmp_path / "harvestmouse.toml"
        path.write_text(text)
        line = refused("--config", str(path), "config", "check", code=2)
        assert hint in line
        assert str(path) in line

    def test_version_and_help(self) -> None:
        """Both are answers, on stdout."""
        assert harvestmouse("--version").stdout.startswith("harvestmouse ")
        helped = harvestmouse("--help")
        assert helped.returncode == 0
        assert "dry run" in helped.stdout


class TestConfig:
    def test_show_has_every_value_with_its_source(self, tmp_path: Path) -> None:
        """Flags win over the environment, that over the file, that over the preset; secrets are masked."""
        path = tmp_path / "harvestmouse.toml"
        path.write_text('[grab]\nratio_floor = 0.9\nper_run = 3\n[qbittorrent]\npassword = "stilton"\n')
        secret = tmp_path / "secret"
        secret.write_text("camembert\n")
        environment = {
            "HARVESTMOUSE_GRAB_PER_RUN": "4",
            "HARVESTMOUSE_GRAB_MAX_PAGES": "7",
            "MAM_ID_FILE": str(secret),
        }
        words = ["--config", str(path), "--set", "grab.max_pages=2", "config", "show", "--json"]
        done = harvestmouse(*words, environment=environment)
        rows = {row["key"]: (row["value"], row["source"]) for row in json.loads(done.stdout)}
        assert rows["[grab] ratio_floor"] == ("0.9", str(path))
        assert rows["[grab] per_run"] == ("4", "HARVESTMOUSE_GRAB_PER_RUN")
        assert rows["[grab] max_pages"] == ("2", "--set grab.max_pages")
        assert rows["[grab] seeder_ceiling"] == ("50", "preset seed")
        assert rows["[mam] mam_id"] == ('"********"', "MAM_ID_FILE")
        assert rows["[qbittorrent] password"][0] == '"********"'
        assert not {"stilton", "camembert"} & set(done.stdout.replace('"', " ").split())

    def test_check_says_that_it_can_be_used(self) -> None:
        """Nothing at all is a usable configuration, dry and without a cookie."""
        done = harvestmouse("config", "check")
        assert done.returncode == 0
        assert "apply = false, MAM_ID is not set" in done.stdout

    def test_init_writes_a_sample_that_can_be_read(self, tmp_path: Path) -> None:
        """The sample changes nothing, holds every key, and is not written over another file."""
        path = tmp_path / "harvestmouse.toml"
        assert harvestmouse("config", "init", str(path)).returncode == 0
        sample = path.read_text()
        assert sample == harvestmouse("config", "init").stdout == harvestmouse("config", "init", "-").stdout
        assert harvestmouse("--config", str(path), "config", "check").returncode == 0
        uncommented = "\n".join(line.removeprefix("# ") if " = " in line else line for line in sample.splitlines())
        path.write_text(uncommented)
        assert harvestmouse("--config", str(path), "config", "check").returncode == 0
        assert "left alone" in refused("config", "init", str(path), code=2)
        assert path.read_text() == uncommented


class TestRunsThatCannot:
    """Trouble outside is one line and a code of its own, and the state directory stays as it was."""

    @pytest.fixture
    def state(self, tmp_path: Path) -> Path:
        """A state directory that earlier runs have left."""
        directory = tmp_path / "state"
        directory.mkdir()
        (directory / "grabbed_ids.txt").write_text("7\n")
        (directory / "account.json").write_text('{"balances": [[1, 2.0]]}\n')
        return directory

    def stopped(self, state: Path, *words: str, code: int, environment: dict[str, str]) -> str:
        """Run what has to fail, and see that no file changed but the cookie and what is known of its refusal."""
        before = files_in(state)
        line = refused(*words, code=code, environment=environment)
        after = {name: text for name, text in files_in(state).items() if name not in ("mam_id", "refused.json")}
        assert after == before
        assert environment.get("MAM_ID", "a cookie") not in line
        return line

    @pytest.mark.parametrize("job", ["janitor", "reconcile"])
    def test_the_client_is_down(self, state: Path, environment: dict[str, str], job: str) -> None:
        """Code 4, with where to look."""
        line = self.stopped(state, job, "--apply", code=4, environment=environment)
        assert "Is it running, and is url in [qbittorrent] right?" in line

    def test_the_client_is_down_for_the_grabber(self, state: Path, environment: dict[str, str]) -> None:
        """The profile was read; nothing else happened."""
        self.stopped(state, "grab", "--apply", code=4, environment=environment)

    @pytest.mark.parametrize("job", ["grab", "spend"])
    def test_the_site_is_down(self, state: Path, environment: dict[str, str], job: str) -> None:
        """Code 4, and the next run tries again."""
        environment["HARVESTMOUSE_MAM_BASE_URL"] = NOBODY
        line = self.stopped(state, job, "--apply", code=4, environment=environment)
        assert "/jsonLoad.php: no connection" in line

    @pytest.mark.parametrize(
        ("fault", "code", "words"),
        [
            (Fault("maintenance", times=None), 4, "page instead of data"),
            (Fault("login_page", times=None), 3, "login page"),
            (Fault("redirect", times=None), 3, "login page"),
            (Fault("empty", times=None), 4, "empty body"),
            (Fault("truncated", times=None), 4, "truncated"),
            (Fault("wrong_type", times=None), 4, "no object"),
            (Fault("status", times=None, status=403, body="Invalid session - ASN mismatch"), 3, "ASN mismatch"),
            (Fault("status", times=None, status=429), 4, "request_spacing"),
        ],
    )
    def test_the_site_answers_something_else(  # noqa: PLR0913, PLR0917 - fixtures and cases
        self, site: MamServer, state: Path, environment: dict[str, str], fault: Fault, code: int, words: str
    ) -> None:  # fmt: skip
        """A page, a refusal and a broken answer are told apart."""
        site.faults.add(fault)
        assert words in self.stopped(state, "spend", "--apply", code=code, environment=environment)

    def test_the_cookie_is_refused(self, site: MamServer, state: Path, environment: dict[str, str]) -> None:
        """Code 3, with the causes and what to do about each."""
        environment["MAM_ID"] = "limburger"
        line = self.stopped(state, "grab", code=3, environment=environment)
        assert "the account may be disabled" in line
        assert "Security and set MAM_ID" in line

    def test_there_is_no_cookie(self, state: Path, environment: dict[str, str]) -> None:
        """Code 2, since it is the configuration that lacks something."""
        del environment["MAM_ID"]
        line = self.stopped(state, "grab", code=2, environment=environment)
        assert "set MAM_ID" in line

    def test_the_state_directory_cannot_be_used(self, tmp_path: Path, environment: dict[str, str]) -> None:
        """A file where the directory should be is named."""
        (tmp_path / "state").write_text("")
        line = refused("spend", "--apply", code=1, environment=environment)
        assert "Check state_dir" in line
        assert str(tmp_path / "state") in line

    def test_a_log_in_json_stays_json(self, environment: dict[str, str]) -> None:
        """Every log line is one object; the error at the end is for people."""
        done = harvestmouse("--log-format", "json", "--log-level", "info", "janitor", environment={**environment})
        *lines, last = done.stderr.splitlines()
        assert all(json.loads(line)["level"] for line in lines)
        assert last.startswith("harvestmouse: ")


class TestApply:
    """What makes a run act: a flag or the environment, and DRY_RUN wins over both."""

    def spend(self, environment: dict[str, str], *words: str, **more: str) -> dict[str, Any]:
        done = harvestmouse("spend", "--json", *words, environment={**environment, **more})
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) == 1
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    @pytest.mark.parametrize(
        ("words", "more", "acts"),
        [
            ([], {}, False),
            (["--apply"], {}, True),
            ([], {"HARVESTMOUSE_APPLY": "1"}, True),
            (["--apply"], {"DRY_RUN": "1"}, False),
            ([], {"HARVESTMOUSE_APPLY": "1", "DRY_RUN": "true"}, False),
            (["--apply"], {"DRY_RUN": "0"}, True),
            (["--apply"], {"DRY_RUN": ""}, True),
        ],
    )
    def test_acts_when_told_and_only_then(
        self, site: MamServer, environment: dict[str, str], words: list[str], more: dict[str, str], acts: bool
    ) -> None:  # fmt: skip
        """A purchase is made, or it is not; environment alone is enough."""
        document = self.spend(environment, *words, **more)
        assert document["outcome"]["mode"] == ("apply" if acts else "dry_run")
        assert site.count("/json/bonusBuy.php") == int(acts)

    def test_a_file_can_say_so(self, site: MamServer, environment: dict[str, str], tmp_path: Path) -> None:
        """The file's apply acts, unless DRY_RUN is on."""
        path = tmp_path / "harvestmouse.toml"
        path.write_text("apply = true\n")
        self.spend({**environment, "HARVESTMOUSE_CONFIG": str(path), "DRY_RUN": "1"})
        assert site.count("/json/bonusBuy.php") == 0
        self.spend({**environment, "HARVESTMOUSE_CONFIG": str(path)})
        assert site.count("/json/bonusBuy.php") == 1

    def test_a_secret_can_stand_in_a_file(self, site: MamServer, environment: dict[str, str], tmp_path: Path) -> None:
        """MAM_ID_FILE is where orchestrators put secrets."""
        secret = tmp_path / "secret"
        secret.write_text(environment.pop("MAM_ID") + "\n")
        self.spend({**environment, "MAM_ID_FILE": str(secret)})
        assert site.session.retired_presented == 0
        assert (tmp_path / "state" / "mam_id").read_text().startswith(site.cookie)

    def test_logs_go_to_stderr_without_the_cookie(self, site: MamServer, environment: dict[str, str]) -> None:
        """At the most talkative level neither stream shows a cookie."""
        cookies = [site.cookie]
        environment["HARVESTMOUSE_LOG_LEVEL"] = "debug"
        done = harvestmouse("spend", "--json", "--apply", environment=environment)
        cookies.append(site.cookie)
        assert "Profile: ratio=1.6" in done.stderr
        assert "using the cookie from MAM_ID" in done.stderr
        assert not any(cookie in done.stderr + done.stdout for cookie in cookies)

    def test_a_gateway_that_is_down_changes_nothing(self, environment: dict[str, str]) -> None:
        """Trouble with the figures is a warning, not the run's end."""
        environment |= {"HARVESTMOUSE_METRICS_PUSHGATEWAY_URL": NOBODY, "HARVESTMOUSE_LOG_LEVEL": "warning"}
        done = harvestmouse("spend", environment=environment)
        assert done.returncode == 0
        assert "cannot send the figures" in done.stderr


class TestDemo:
    def test_runs_anywhere(self, tmp_path: Path) -> None:
        """Nothing but the program is needed, and nothing is left behind."""
        done = harvestmouse("demo", environment={"TMPDIR": str(tmp_path)})
        assert (done.returncode, done.stderr) == (0, "")
        assert "466  never_started" in done.stdout
        assert "35  active" in done.stdout
        assert done.stdout.count("    add ") == 5
        assert list(tmp_path.iterdir()) == []


class TestDoctor:
    def test_says_whether_the_site_may_be_asked(
        self, site: MamServer, environment: dict[str, str], tmp_path: Path
    ) -> None:
        """After two cookies were refused nothing asks the site, until the operator says so."""
        assert "signed in" in harvestmouse("doctor", environment=environment).stdout
        for cookie in ("first", "second"):
            refused("spend", code=3, environment={**environment, "MAM_ID": cookie})
        held = {**environment, "MAM_ID": "second"}
        asked = len(site.requests)
        assert "--resume" in refused("spend", code=3, environment=held)
        looked = harvestmouse("doctor", environment=held)
        assert (looked.returncode, "--resume" in looked.stdout) == (3, True)
        assert len(site.requests) == asked
        assert harvestmouse("doctor", "--resume", environment=held).stdout == "The site may be asked again.\n"
        assert harvestmouse("doctor", "--resume", environment=held).stdout == "Nothing was held back.\n"


def test_a_run_has_a_deadline(site: MamServer, environment: dict[str, str]) -> None:
    """A site that hangs holds a run no longer than its deadline, whatever the limits of a request."""
    site.faults.add(Fault("hang", times=None, seconds=20))
    line = refused("spend", code=1, environment={**environment, "HARVESTMOUSE_DEADLINE": "1s"})
    assert "not done within 1 s" in line


class TestNotifications:
    """A run tells the operator what needs a person, once a day."""

    def test_a_purchase_and_a_refused_session_are_told_once(
        self, site: MamServer, environment: dict[str, str], service: Service
    ) -> None:
        """Through the addresses of the configuration, which nothing shows."""
        environment |= {"HARVESTMOUSE_NOTIFY_URLS": service.address, "HARVESTMOUSE_LOG_LEVEL": "debug"}
        done = harvestmouse("spend", "--apply", environment=environment)
        assert done.returncode == 0, done.stderr
        environment["MAM_ID"] = "limburger"
        for _ in range(2):
            refusal = harvestmouse("spend", "--apply", environment=environment)
            assert refusal.returncode == 3
        assert [one["title"] for one in service.taken] == [
            "harvestmouse: points were spent",
            "harvestmouse: the account's state is session_invalid",
        ]
        assert "make a new session" in service.taken[1]["message"]
        assert "s3cr3t-word" not in done.stdout + done.stderr + refusal.stdout + refusal.stderr

    def test_a_dry_run_spends_and_tells_nothing(self, environment: dict[str, str], service: Service) -> None:
        """It would have bought."""
        environment["HARVESTMOUSE_NOTIFY_URLS"] = service.address
        assert harvestmouse("spend", environment=environment).returncode == 0
        assert service.taken == []

    def test_trouble_with_it_fails_no_run(self, environment: dict[str, str]) -> None:
        """It is said, without the address."""
        environment |= {
            "HARVESTMOUSE_NOTIFY_URLS": "json://u:s3cr3t-word@127.0.0.1:9",
            "HARVESTMOUSE_LOG_LEVEL": "info",
        }
        done = harvestmouse("spend", "--apply", environment=environment)
        assert done.returncode == 0
        assert "of 1 address in [notify] urls none took the notification" in done.stderr
        assert "s3cr3t-word" not in done.stderr
