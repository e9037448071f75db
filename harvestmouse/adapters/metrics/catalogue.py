"""Every metric there is: its name, HELP, type and labels, and whose it is.

Names beginning with ``mam_`` and ``qbt_`` are those of the scripts this program replaces, so that their dashboards and
alerts go on; they keep their names where today's conventions would have chosen another.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from attrs import frozen


class Owner(StrEnum):
    """Who tells a metric, and so when it is replaced."""

    RUN = "run"  # every job, each for itself, whatever its end
    GRAB = "grab"
    JANITOR = "janitor"
    SPEND = "spend"
    RECONCILE = "reconcile"
    MONITOR = "monitor"
    RESCUE = "rescue"
    ADDRESS = "address"
    ACCOUNT = "account"  # runs that have read the profile
    SESSION = "session"  # runs that have learnt how the site takes the session, refused ones too

    @property
    def group(self) -> str:
        """Return the group it is told with; what every job tells is in the group of each."""
        return "account" if self is Owner.SESSION else self.value


@frozen
class Metric:
    """One metric.

    Attributes:
        help: Its HELP text: what the figure is, with its unit.
        labels: The names of its labels; the metrics of `Owner.RUN` carry ``job`` besides.
        type: Its TYPE; a run is over when its figures are sent, so nearly all are gauges.
    """

    name: str
    owner: Owner
    help: str
    labels: tuple[str, ...] = ()
    type: str = "gauge"


def _by_name(metrics: Iterable[Metric]) -> Mapping[str, Metric]:
    return {metric.name: metric for metric in metrics}


CATALOGUE: Mapping[str, Metric] = _by_name(
    (
        Metric(
            "harvestmouse_last_run_timestamp_seconds",
            Owner.RUN,
            "When the job last ended, whatever its end, in unix seconds.",
        ),
        Metric(
            "harvestmouse_last_success_timestamp_seconds",
            Owner.RUN,
            "When the job last ended with exit code 0, in unix seconds.",
        ),
        Metric(
            "harvestmouse_exit_code",
            Owner.RUN,
            "Exit code of the last run: 0 done, 1 failed, 2 configuration, 3 session refused, 4 remote unavailable, "
            "5 stopped by a guarantee, 6 locked out.",
        ),
        Metric("harvestmouse_run_duration_seconds", Owner.RUN, "How long the last run took, in seconds."),
        Metric("harvestmouse_dry_run", Owner.RUN, "1 where the last run was a dry run."),
        Metric(
            "harvestmouse_client_up",
            Owner.RUN,
            "1 for a client that answered the run, of several; 0 for one that did not.",
            ("client",),
        ),
        Metric(
            "harvestmouse_requests",
            Owner.RUN,
            "Requests of the last run to the site and the client, by endpoint and result.",
            ("service", "endpoint", "result"),
        ),
        Metric(
            "harvestmouse_skipped_reason",
            Owner.RUN,
            "1 for the reason why the last run was skipped.",
            ("reason",),
        ),
        Metric(
            "harvestmouse_decisions",
            Owner.RUN,
            "Decisions of the last run, by verdict and reason; those of grab with verdict reject are the rejections.",
            ("decision", "reason"),
        ),
        Metric(
            "harvestmouse_actions",
            Owner.RUN,
            "Actions of the last run, by how they ended; blocked where a guarantee refused the plan.",
            ("action", "status"),
        ),
        Metric(
            "harvestmouse_plan_age_seconds",
            Owner.RUN,
            "Seconds from the snapshot of the last run to the end of carrying its plan out.",
        ),
        Metric("mam_ratio", Owner.ACCOUNT, "Upload over download, from the byte counts."),
        Metric(
            "mam_class_code",
            Owner.ACCOUNT,
            "Class of the account: 0 Mouse, 1 User, 2 Power User, 3 VIP, 4 Elite VIP; -1 one that is not known.",
            ("classname",),
        ),
        Metric("mam_bp_balance", Owner.ACCOUNT, "Bonus points."),
        Metric("mam_uploaded_bytes", Owner.ACCOUNT, "Credited upload in bytes."),
        Metric("mam_downloaded_bytes", Owner.ACCOUNT, "Counted download in bytes."),
        Metric(
            "harvestmouse_unsatisfied_torrents",
            Owner.ACCOUNT,
            "Torrents the site counts as unsatisfied: snatched and not yet seeded for 72 hours.",
        ),
        Metric("harvestmouse_unsatisfied_limit", Owner.ACCOUNT, "How many unsatisfied torrents the class may have."),
        Metric("harvestmouse_wedges", Owner.ACCOUNT, "Freeleech wedges that may be spent."),
        Metric("harvestmouse_hit_and_runs", Owner.ACCOUNT, "Hit-and-runs on the account."),
        Metric(
            "harvestmouse_bonus_points_per_hour",
            Owner.ACCOUNT,
            "Bonus points earned an hour, estimated from earlier balances.",
        ),
        Metric(
            "harvestmouse_points_at_cap",
            Owner.ACCOUNT,
            "1 where the balance is at the site's cap, so that further points are lost.",
        ),
        Metric(
            "harvestmouse_account_state",
            Owner.SESSION,
            "1 for the state in which the last run that asked the site found account and site.",
            ("state",),
        ),
        Metric(
            "mam_farming_cookie_expired",
            Owner.SESSION,
            "1 where the site does not accept the cookie; 0 where the account may be disabled.",
        ),
        Metric(
            "harvestmouse_session_expiry_timestamp_seconds",
            Owner.SESSION,
            "When the session would expire if nothing used it, in unix seconds; an estimate by the cookie's age.",
        ),
        Metric("mam_farming_grabbed", Owner.GRAB, "Torrents added by the last run."),
        Metric("mam_farming_total_seeding", Owner.GRAB, "Torrents in the managed category."),
        Metric("mam_farming_size_bytes", Owner.GRAB, "Size of the torrents in the managed category, in bytes."),
        Metric(
            "harvestmouse_unsat_resume_seconds",
            Owner.GRAB,
            "Seconds until enough unsatisfied slots have freed themselves to grab again; 0 where grab waits for none.",
        ),
        Metric(
            "mam_grabber_skipped_reason", Owner.GRAB, "1 for the reason why the last grab was skipped.", ("reason",)
        ),
        Metric(
            "mam_grabber_last_run_timestamp", Owner.GRAB, "When grab last ended, whatever its end, in unix seconds."
        ),
        Metric(
            "mam_janitor_deleted_per_run", Owner.JANITOR, "Torrents deleted by the last run, by reason.", ("reason",)
        ),
        Metric(
            "mam_janitor_dry_run_candidates",
            Owner.JANITOR,
            "Torrents the last run would delete, by reason; 0 where it was no dry run.",
            ("reason",),
        ),
        Metric("mam_janitor_preserved_hnr", Owner.JANITOR, "Torrents kept because they owe seed time."),
        Metric("mam_janitor_preserved_recovery", Owner.JANITOR, "Torrents kept to repair a hit-and-run."),
        Metric("mam_janitor_skipped_active", Owner.JANITOR, "Torrents kept for any other reason."),
        Metric(
            "harvestmouse_seed_clock_drift_seconds",
            Owner.JANITOR,
            "How far the client's seed clock is ahead of what the tracker can have seen, at the most, in seconds.",
        ),
        Metric(
            "harvestmouse_unseen_torrents",
            Owner.JANITOR,
            "Torrents that owe seed time and have not been seen announcing for more than a day.",
        ),
        Metric("mam_janitor_dry_run", Owner.JANITOR, "1 where the last run of the janitor was a dry run."),
        Metric(
            "mam_janitor_last_run_timestamp",
            Owner.JANITOR,
            "When the janitor last ended, whatever its end, in unix seconds.",
        ),
        Metric("mam_bp_needed_gib", Owner.SPEND, "Upload credit needed, in GiB."),
        Metric("mam_bp_affordable_gib", Owner.SPEND, "Upload credit the budget pays for, in GiB."),
        Metric("mam_bp_spent_gb", Owner.SPEND, "Upload credit bought by the last run, in GiB."),
        Metric(
            "harvestmouse_spend_next_useful_seconds",
            Owner.SPEND,
            "Seconds from the last run to when one can buy something, at the recent income; absent where none can.",
        ),
        Metric("harvestmouse_spend_reserve_bp", Owner.SPEND, "Bonus points that are never spent."),
        Metric("harvestmouse_owed_torrents", Owner.RECONCILE, "Torrents that owe seed time, in any category."),
        Metric(
            "harvestmouse_owed_not_announcing",
            Owner.RECONCILE,
            "Torrents of the managed category that owe seed time but are queued or stopped, so do not announce.",
        ),
        Metric(
            "harvestmouse_rescue_not_announcing",
            Owner.RESCUE,
            "Torrents of the managed category that owe seed time and are not seeding it: queued, stopped, refused, or "
            "in an error.",
        ),
        Metric(
            "harvestmouse_rescue_late",
            Owner.RESCUE,
            "Torrents that cannot be seeded for the site's time before their deadline any more.",
        ),
        Metric(
            "harvestmouse_address_shared",
            Owner.ADDRESS,
            "1 where the client leaves by the address that the site sees, 0 where by another; absent where unknown.",
        ),
        Metric("qbt_connected", Owner.MONITOR, "1 where the client answers and is connected, firewalled included."),
        Metric(
            "harvestmouse_client_connection",
            Owner.MONITOR,
            "1 for the client's own word for its connection.",
            ("status",),
        ),
        Metric("qbt_dht_nodes", Owner.MONITOR, "DHT nodes the client knows."),
        Metric("qbt_dl_speed_bytes", Owner.MONITOR, "Download speed of the client, in bytes a second."),
        Metric("qbt_ul_speed_bytes", Owner.MONITOR, "Upload speed of the client, in bytes a second."),
        # A gauge by its nature; as one it would be faulted for its name.
        Metric("qbt_tracker_torrents_total", Owner.MONITOR, "Torrents, by tracker.", ("tracker",), "untyped"),
        Metric("qbt_tracker_seeding", Owner.MONITOR, "Torrents that seed, by tracker.", ("tracker",)),
        Metric("qbt_tracker_downloading", Owner.MONITOR, "Torrents that download, by tracker.", ("tracker",)),
        Metric(
            "harvestmouse_tracker_torrents",
            Owner.MONITOR,
            "Torrents, by tracker and state: seeding, downloading, queued, stopped, checking, error, unknown.",
            ("tracker", "state"),
        ),
        Metric("qbt_tracker_ratio", Owner.MONITOR, "Upload over download in the client, by tracker.", ("tracker",)),
        Metric("qbt_tracker_uploaded_bytes", Owner.MONITOR, "Bytes uploaded in the client, by tracker.", ("tracker",)),
        Metric(
            "qbt_tracker_downloaded_bytes", Owner.MONITOR, "Bytes downloaded in the client, by tracker.", ("tracker",)
        ),
        Metric("qbt_tracker_size_bytes", Owner.MONITOR, "Size of the torrents, by tracker, in bytes.", ("tracker",)),
        Metric(
            "qbt_tracker_seed_time_total_seconds",
            Owner.MONITOR,
            "Seeding time of the torrents together, by tracker, in seconds.",
            ("tracker",),
        ),
        Metric(
            "qbt_tracker_unsatisfied",
            Owner.MONITOR,
            "Torrents that have completed and seeded for less than the site asks, by tracker.",
            ("tracker",),
        ),
    )
)
