"""The Grafana dashboard: ``python -m deploy.grafana.dashboard`` writes ``harvestmouse.json`` beside this file."""

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import count
from pathlib import Path

from grafana_foundation_sdk.builders.dashboard import Dashboard, DatasourceVariable, Row
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, DynamicConfigValue

from deploy.grafana.panels import (
    ACT,
    GOOD,
    LOOK,
    PLAIN,
    AnyPanel,
    Query,
    bands,
    bars,
    colour,
    coloured,
    limits,
    lines,
    listing,
    names,
    override,
    stacked,
    tiles,
    trend,
    words,
)
from harvestmouse.core.model import AccountClass
from harvestmouse.core.policy import SEED
from harvestmouse.runners.report import Exit

OUTPUT = Path(__file__).with_name("harvestmouse.json")

# When two runs of a job were missed, and when deploy/prometheus alerts.
_ALERT = timedelta(hours=4)
AGES = {
    "grab": (timedelta(hours=1), _ALERT),
    "janitor": (timedelta(minutes=30), _ALERT),
    "spend": (timedelta(hours=12), timedelta(hours=13)),
    "reconcile": (timedelta(minutes=30), _ALERT),
    "monitor": (timedelta(minutes=30), _ALERT),
    "rescue": (timedelta(hours=2), _ALERT),
    "address": (timedelta(hours=2), _ALERT),
}

Meanings = Mapping[float, tuple[str, str]]
"""What values are called, and their colours."""

CLASSES: Meanings = {
    -1: ("not known", LOOK),
    **{code: (one.value, ACT if one is AccountClass.MOUSE else GOOD) for code, one in enumerate(AccountClass)},
}
EXITS: Meanings = {
    Exit.DONE: ("done", GOOD),
    Exit.FAILED: ("failed", ACT),
    Exit.USAGE: ("configuration", ACT),
    Exit.SESSION_REFUSED: ("session refused", ACT),
    Exit.UNAVAILABLE: ("remote unavailable", LOOK),
    Exit.BLOCKED: ("stopped by a guarantee", ACT),
    Exit.LOCKED: ("locked out", LOOK),
    130: ("interrupted", LOOK),
}
MODES: Meanings = {0: ("applied", GOOD), 1: ("dry run", PLAIN)}

# States of account and site that are well or pass by themselves; all others want a person.
STATES = {"ok": GOOD} | dict.fromkeys(("rate_limited", "download_frozen", "unavailable", "maintenance"), LOOK)

Placed = Iterator[tuple[AnyPanel, int, int]]
"""Panels with their widths (the page has 24) and heights."""


def by_job(expression: str) -> str:
    """Return a query whose label ``job`` is the job's name alone."""
    return f'label_replace({expression}, "job", "$1", "job", "harvestmouse_(.+)")'


def glance() -> Placed:
    """Is the account well, is the client well, did every job run?"""
    account = names(
        "Account and site",
        "As the last run that asked the site found it. Orange passes by itself. Red wants a person: the page "
        "Troubleshooting says what to do for each state.",
        Query("harvestmouse_account_state == 1", "{{state}}"),
    )
    yield coloured(account.no_value("not asked yet"), STATES), 4, 5
    connection = names(
        "Client's connection",
        "The client's own word for its connection. Firewalled: peers cannot reach it, so it uploads less; forward its "
        "port. Not connected: it says so itself or does not answer; look at it, and at its network.",
        Query(
            # While the client does not answer, its last word for the connection stands.
            'label_replace(qbt_connected == 0, "status", "not connected", "", "") '
            "or on (job) harvestmouse_client_connection == 1",
            "{{status}}",
        ),
    )
    yield coloured(connection.no_value("not asked yet"), {"connected": GOOD, "firewalled": LOOK}), 4, 5
    ends = tiles(
        "How each job's last run ended",
        "A skipped run is done, too. Orange: the next run tries again. Red: read the job's log; the page Commands "
        "lists the exit codes.",
        "none",
        Query(by_job("harvestmouse_exit_code"), "{{job}}"),
    )
    yield ends.mappings(words(EXITS)), 8, 5
    ages = tiles(
        "Since each job's last success",
        "A Pushgateway repeats the last figures for ever, so this tells whether jobs still run. Orange after two "
        "missed runs, red where an alert comes: look at the scheduler, then at the job's log. A job that is not here "
        "never succeeded.",
        "s",
        # A job that stopped is missed even after its group has gone from the gateway.
        Query(by_job("time() - last_over_time(harvestmouse_last_success_timestamp_seconds[7d])"), "{{job}}"),
    )
    for job, (late, missing) in AGES.items():
        steps = limits((None, GOOD), (late.total_seconds(), LOOK), (missing.total_seconds(), ACT))
        override(ages, job, {"thresholds": steps.build()})
    yield ages.thresholds(limits((None, GOOD))).decimals(0), 8, 5


def profile() -> Placed:
    """The account, as the dashboard of the scripts before had it."""
    account_class = tiles(
        "Class",
        "In class Mouse trackers refuse announces, so nothing uploads, and nothing is grabbed: buy 1 GiB by hand in "
        "the web store.",
        "none",
        Query("mam_class_code", "class"),
    )
    yield account_class.mappings(words(CLASSES)), 4, 6
    balance = trend(
        "Balance",
        "Bonus points, and how many come in an hour. The site keeps no more than 99 999: spend before that.",
        "suffix:BP",
        Query("mam_bp_balance", "points"),
        Query("harvestmouse_bonus_points_per_hour", "an hour"),
    )
    yield balance.color_scheme(colour(PLAIN)).decimals(0), 4, 6
    ratio = trend(
        "Ratio",
        "Upload over download, from the byte counts; green from the target of spend on. Under the policy's floor "
        "nothing is grabbed: keep seeding, and let spend buy.",
        "none",
        Query("mam_ratio", "ratio"),
    )
    yield ratio.thresholds(limits((None, ACT), (1, LOOK), (SEED.spend.target_ratio, GOOD))).decimals(2), 4, 6
    yield _janitor(), 6, 6
    yield _grabber(), 6, 6
    transfer = lines(
        "Transfer",
        "What the site has credited and counted. Downloaded stands still while everything grabbed is free: if it "
        "climbs, something else downloads on this account.",
        "bytes",
        Query("mam_uploaded_bytes", "uploaded"),
        Query("mam_downloaded_bytes", "downloaded"),
    )
    yield transfer, 8, 9
    yield _points(), 8, 9
    deletions = stacked(
        "Janitor deletions by reason",
        "Torrents deleted by each run, or that a dry run would delete; the page Decisions explains every reason. Many "
        "unregistered ones at once: look at the site before the next run.",
        "short",
        # A run's figure stands for a quarter of an hour: between two points of a month it would be missed.
        Query("max_over_time(mam_janitor_deleted_per_run[$__rate_interval])", "{{reason}}"),
        Query("mam_janitor_dry_run_candidates", "dry run: {{reason}}"),
    )
    yield deletions.decimals(0), 8, 9


def _janitor() -> AnyPanel:
    panel = tiles(
        "Janitor",
        "What the last run of the janitor kept. Several hundred others for hours: nothing finishes and nothing is "
        "due; look at the class, and whether the client downloads at all.",
        "short",
        Query("mam_janitor_dry_run", "mode"),
        Query("time() - mam_janitor_last_run_timestamp", "since the last run"),
        Query("mam_janitor_preserved_hnr", "owe seed time"),
        Query("mam_janitor_preserved_recovery", "in recovery"),
        Query("mam_janitor_skipped_active", "kept otherwise"),
    )
    override(panel, "mode", {"mappings": words(MODES)})
    override(panel, "since the last run", {"unit": "s"})
    return panel.color_scheme(colour(PLAIN)).decimals(0)


def _grabber() -> AnyPanel:
    skip = (
        'label_replace(sum(mam_grabber_skipped_reason) == 0, "reason", "not skipped", "", "") '
        "or mam_grabber_skipped_reason == 1"
    )
    panel = tiles(
        "Grabber",
        "The last run of grab: why it was skipped, what it added, and how full the managed category is. The page "
        "Decisions says what each reason waits for.",
        "short",
        Query(skip, "{{reason}}"),
        Query("time() - mam_grabber_last_run_timestamp", "since the last run"),
        Query("mam_farming_grabbed", "grabbed"),
        Query("mam_farming_total_seeding", "in the category"),
        Query("mam_farming_size_bytes", "their size"),
    )
    panel.override_by_query("A", [DynamicConfigValue("mappings", words({0: ("ran", GOOD), 1: ("skipped", LOOK)}))])
    override(panel, "since the last run", {"unit": "s"})
    override(panel, "their size", {"unit": "bytes"})
    return panel.color_scheme(colour(PLAIN)).decimals(0)


def _points() -> AnyPanel:
    reserve = "harvestmouse_spend_reserve_bp"
    panel = lines(
        "Points against reserve",
        "Points under the red line are never spent, and the site sells automated buyers no less than 50 GiB: below "
        "the orange line only a purchase by hand helps.",
        "suffix:BP",
        Query("mam_bp_balance", "points"),
        Query(reserve, "reserve"),
        Query(f"{reserve} + {SEED.spend.tiers[0] * SEED.spend.price_per_gib}", "reserve and 50 GiB"),
    )
    return coloured(panel, {"points": PLAIN, "reserve": ACT, "reserve and 50 GiB": LOOK}).decimals(0)


def decisions() -> Placed:
    """What the jobs decided, and why."""
    results = bars(
        "Search results by reason",
        "What the last grab thought of everything it found. Where one rule refuses nearly all, its figure does not "
        "fit the catalogue: the plan names it, and the page Configuration its key.",
        "short",
        Query('sort_desc(sum by (reason) (harvestmouse_decisions{decision=~"pick|reject"}) > 0)', "{{reason}}"),
    )
    yield results.no_value("the last grab was skipped").color_scheme(colour(PLAIN)).decimals(0), 8, 9
    last = listing(
        "Decisions of the last runs",
        "Every item that the last run of each job looked at, by verdict and reason. The page Decisions explains each; "
        "a run's plan (--json) has the single items.",
        "short",
        Query(f"sum by (job, decision, reason) ({by_job('harvestmouse_decisions > 0')})", "count"),
        columns={"job": "job", "decision": "verdict", "reason": "reason"},
    )
    yield last.decimals(0), 8, 9
    credit = lines(
        "Upload credit",
        "What spend would need for the target ratio, and what the points pay for. Needed while under 50 are "
        "affordable: spend cannot help, and its advice names the purchase by hand that does.",
        "gbytes",
        Query("mam_bp_needed_gib", "needed"),
        Query("mam_bp_affordable_gib", "affordable"),
        Query("mam_bp_spent_gb", "bought by the run"),
    )
    yield credit, 8, 9
    skips = bands(
        "Skipped runs",
        "When runs were skipped, and why. A band that does not end says what keeps a job from working; the page "
        "Decisions says what each reason waits for. Empty: no run was skipped.",
        Query(by_job("harvestmouse_skipped_reason == 1"), "{{job}}: {{reason}}"),
    )
    yield skips.mappings(words({1.0: ("skipped", LOOK)})), 24, 7


def obligations() -> Placed:
    """What is owed to the site."""
    count = tiles(
        "Hit-and-runs",
        "On the account. If there is one: find it on the site, seed it again, and tag it recovery in the client.",
        "short",
        Query("harvestmouse_hit_and_runs", "hit-and-runs"),
    )
    yield count.thresholds(limits((None, GOOD), (1, ACT))), 4, 8
    unsatisfied = lines(
        "Unsatisfied torrents",
        "Snatched and not yet seeded for 72 hours. At the limit the site refuses downloads; grab stops before it, and "
        "goes on as torrents are satisfied.",
        "short",
        Query("harvestmouse_unsatisfied_torrents", "unsatisfied"),
        Query("harvestmouse_unsatisfied_limit", "limit of the class"),
    )
    yield coloured(unsatisfied, {"unsatisfied": PLAIN, "limit of the class": ACT}).decimals(0), 10, 8
    owed = lines(
        "Torrents that owe seed time",
        "What is queued or stopped does not announce, and becomes a hit-and-run. If red is above 0 for hours: more "
        "upload slots, or force_start in [reconcile].",
        "short",
        Query("harvestmouse_owed_torrents", "owe seed time"),
        Query("harvestmouse_owed_not_announcing", "of them queued or stopped"),
        Query("harvestmouse_unseen_torrents", "not seen for a day"),
        Query("harvestmouse_rescue_late", "too late"),
    )
    colours = {"owe seed time": PLAIN, "of them queued or stopped": ACT, "not seen for a day": LOOK, "too late": ACT}
    yield coloured(owed, colours).decimals(0), 10, 8


def client() -> Placed:
    """The torrent client."""
    speed = lines(
        "Speed",
        "At the moments when monitor looked. Nothing up for days: look at the connection, and whether anybody wants "
        "what is seeded.",
        "binBps",
        Query("qbt_ul_speed_bytes", "up"),
        Query("qbt_dl_speed_bytes", "down"),
    )
    yield speed, 6, 8
    states = stacked(
        "Torrents by state",
        "All torrents in the client. Many queued: too few slots, see reconcile. Any in error: look at disk and "
        "mounts. Unknown: this version does not know the state, and leaves such torrents alone.",
        "short",
        Query("sum by (state) (harvestmouse_tracker_torrents)", "{{state}}"),
    )
    yield states.decimals(0), 6, 8
    rows = {
        "torrents": "torrents_total",
        "seeding": "seeding",
        "downloading": "downloading",
        "unsatisfied": "unsatisfied",
        "ratio": "ratio",
        "uploaded": "uploaded_bytes",
        "downloaded": "downloaded_bytes",
        "size": "size_bytes",
        "seeding time": "seed_time_total_seconds",
    }
    trackers = listing(
        "By tracker",
        "The client's own figures; mam is the managed category, and its ratio is not the account's. Unknown: torrents "
        "that have neither a category nor a tracker.",
        "short",
        *(Query(f"sum by (tracker) (qbt_tracker_{name})", legend) for legend, name in rows.items()),
        columns={"tracker": "tracker"},
    )
    for legend in ("uploaded", "downloaded", "size"):
        override(trackers, legend, {"unit": "bytes"})
    override(trackers, "seeding time", {"unit": "s"})
    override(trackers, "ratio", {"unit": "none", "decimals": 2})
    yield trackers, 12, 8


def jobs() -> Placed:
    """The health of the jobs."""
    ends = bands(
        "How runs ended",
        "Each job until its next run. A red piece is no worry where the next is green; the page Troubleshooting has "
        "every message.",
        Query(by_job("harvestmouse_exit_code"), "{{job}}"),
    )
    yield ends.mappings(words(EXITS)), 12, 8
    durations = lines(
        "How long runs took",
        "Requests to the site are three seconds apart, so a grab takes half a minute. The deadline ends a run after "
        "ten minutes: if one comes near, look which remote is slow.",
        "s",
        Query(by_job("harvestmouse_run_duration_seconds"), "{{job}}"),
    )
    yield durations, 8, 8
    modes = tiles(
        "Dry or applied",
        "Jobs change nothing without --apply (or apply = true). If a job that is to act runs dry, look at its "
        "configuration and for DRY_RUN.",
        "none",
        Query(by_job('harvestmouse_dry_run{job!="harvestmouse_monitor"}'), "{{job}}"),
    )
    yield modes.mappings(words(MODES)), 4, 8


def errors() -> Placed:
    """What went wrong."""
    states = bands(
        "State of account and site",
        "As runs that asked the site found it. Orange passes by itself. Red wants a person: see Troubleshooting.",
        Query("harvestmouse_account_state == 1", "{{state}}"),
    )
    yield coloured(states.color_scheme(colour(ACT)), STATES), 8, 8
    day = timedelta(days=1).total_seconds()
    session = tiles(
        "Session",
        "Every use prolongs the session. Refused, or near its end: make a new session under Preferences -> Security, "
        "and set MAM_ID to it.",
        "s",
        Query("mam_farming_cookie_expired", "cookie"),
        Query("harvestmouse_session_expiry_timestamp_seconds - time()", "expires unused in"),
    )
    override(session, "cookie", {"mappings": words({0.0: ("accepted", GOOD), 1.0: ("refused", ACT)})})
    yield session.thresholds(limits((None, ACT), (day, LOOK), (3 * day, GOOD))).decimals(0), 4, 8
    requests = lines(
        "Requests without a good answer",
        "In the last run of each job; single ones are tried again. Refused by the site: see Session; by the client: "
        "look at its password. No answer: look whether it is up, and at its address.",
        "short",
        Query('sum by (service, result) (harvestmouse_requests{result!="ok"})', "{{service}}: {{result}}"),
    )
    yield requests.decimals(0), 6, 8
    not_done = 'harvestmouse_actions{status!="done"} unless on (job) harvestmouse_dry_run == 1'
    actions = lines(
        "Actions that were not done",
        "In the last run of each job, dry ones apart. Failed: the log says why, and the next run tries again. "
        "Blocked: a guarantee refused the plan; please report it, with the plan.",
        "short",
        Query(f"sum by (action, status) ({not_done}) > 0", "{{action}}: {{status}}"),
    )
    yield actions.decimals(0), 6, 8


def serve() -> Placed:
    """Where `serve` starts the jobs."""
    up = tiles(
        "Serve",
        "Whether serve starts jobs when they are due. It says so until it is told to end; no value: it is gone, or not "
        "scraped, or cron starts the jobs.",
        "none",
        Query("max(harvestmouse_serve_up)", "serve"),
    )
    yield up.mappings(words({0.0: ("ends", LOOK), 1.0: ("starts jobs", GOOD)})), 4, 8
    due = bars(
        "Until the next run",
        "By the schedule of each job. None for a job: it has no line under [serve], or none of its dates comes again.",
        "s",
        Query(f"sort({by_job('harvestmouse_serve_next_run_timestamp_seconds')} - time())", "{{job}}"),
    )
    yield due.color_scheme(colour(PLAIN)).decimals(0), 8, 8
    going = bands(
        "Runs that go on",
        "When serve had a run of each job going on. One without an end: look at the log, and at the deadline.",
        Query(by_job("harvestmouse_serve_running"), "{{job}}"),
    )
    yield going.mappings(words({0.0: ("waits", PLAIN), 1.0: ("runs", GOOD)})), 12, 8
    ended = stacked(
        "Runs since the start, by exit code",
        "What serve has started since it was started itself. 0 is done, and the page Commands has the others; from 128 "
        "on a signal ended the run.",
        "short",
        Query("sum by (exit_code) (harvestmouse_serve_runs_total)", "{{exit_code}}"),
    )
    yield coloured(ended, {"0": GOOD}).decimals(0), 12, 8
    lost = lines(
        "Runs of a day that were left out",
        "Too late: serve or its host was stopped when they were due. Last one went on: the job takes longer than its "
        "schedule allows, or hangs. One now and then is no worry.",
        "short",
        Query(by_job("increase(harvestmouse_serve_missed_total[1d])"), "{{job}}: too late"),
        Query(by_job("increase(harvestmouse_serve_left_out_total[1d])"), "{{job}}: last one went on"),
    )
    yield lost.decimals(0), 12, 8


ROWS = {
    "At a glance": glance,
    "MAM Profile": profile,
    "Decisions": decisions,
    "Hit-and-runs and unsatisfied torrents": obligations,
    "Client": client,
    "Jobs": jobs,
    "Errors": errors,
}
# Shown when it is opened; it comes last, so that those who use cron do not see it empty.
FOLDED = {"Serve's schedule": serve}


def build() -> str:
    """Return the dashboard as JSON; the same source gives the same text."""
    board = Dashboard("Harvestmouse").uid("harvestmouse").tags(["harvestmouse", "mam", "qbittorrent"])
    board.description("The account, the client and the jobs of harvestmouse; every panel says what to do.")
    board.time("now-7d", "now").timezone("browser").refresh("1m").tooltip(DashboardCursorSync.CROSSHAIR)
    board.with_variable(DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
    numbers = count(1)
    for title, row in ROWS.items():
        board.with_row(Row(title).id(next(numbers)))
        for panel, width, height in row():
            board.with_panel(panel.id(next(numbers)).span(width).height(height))
    for title, row in FOLDED.items():
        folded = Row(title).id(next(numbers))
        for panel, width, height in row():
            folded.with_panel(panel.id(next(numbers)).span(width).height(height))
        board.with_row(folded)
    return json.dumps(board.build(), cls=JSONEncoder, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    OUTPUT.write_text(build(), encoding="utf-8")
