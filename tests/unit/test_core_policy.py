"""The policy holds the presets' figures and refuses what would be dangerous, naming the figure."""

from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve, fields
from attrs.exceptions import FrozenInstanceError

from harvestmouse.core.errors import PolicyError
from harvestmouse.core.policy import (
    FIELD,
    PRESETS,
    SEED,
    CleanupPolicy,
    ClientPolicy,
    GrabPolicy,
    MonitorPolicy,
    Policy,
    ReconcilePolicy,
    SpendPolicy,
    figures,
    show,
)
from harvestmouse.core.units import MIB

# A second copy of the published figures, so that an accidental edit shows.
SEED_FIGURES: dict[str, dict[str, Any]] = {
    "client": {"category": "mam-farming", "save_path": "/downloads/mam-farming", "tags": ["mam", "freeleech"]},
    "grab": {
        "ratio_floor": 1.2,
        "min_size": "50 MiB",
        "max_size": "1 GiB",
        "leecher_floor": 1,
        "seeder_ceiling": 50,
        "leecher_weight": 3.0,
        "seeder_weight": 0.5,
        "wedge_bonus": 200.0,
        "per_run": 5,
        "max_torrents": 500,
        "unsat_reserve": 10,
        "disk_reserve": "10 GiB",
        "max_pages": 5,
        "require_unsat": True,
        "hold_on_hit_and_run": False,
    },
    "cleanup": {
        "seed_time": "72h",
        "seed_time_margin": "24h",
        "recovery_tag": "recovery",
        "recovery_hold": "7d",
        "protect_tags": [],
        "never_started_age": "24h",
        "stalled_age": "72h",
        "keep_partials": False,
        "satisfied_seed_time": "72h",
        "satisfied_seeder_floor": 5,
        "graceful_seed_time": "14d",
        "zero_demand_age": "7d",
        "max_data_deletions": 50,
        "max_data_share": 0.5,
        "always_allowed": 50,
    },
    "spend": {
        "target_ratio": 2.0,
        "reserve": 500,
        "price_per_gib": 500,
        "tiers": [50, 100, 200, 500],
        "vip": False,
        "overflow": False,
    },
    "reconcile": {
        "queueing_enabled": True,
        "max_active_downloads": 20,
        "max_active_uploads": 150,
        "max_active_torrents": 150,
        "dont_count_slow_torrents": True,
        "force_start": False,
    },
}


@pytest.mark.parametrize("section", sorted(SEED_FIGURES))
def test_the_seed_preset_has_the_published_figures(section: str) -> None:
    """Every published figure of the default preset is the policy's own."""
    shown = figures(getattr(SEED, section))
    assert {name: shown[name] for name in SEED_FIGURES[section]} == SEED_FIGURES[section]


def test_the_field_preset_differs_only_where_its_operators_measured_otherwise() -> None:
    """Six figures differ from the seed's, and no other."""
    differing = {
        f"{section.name}.{name}": value
        for section in fields(Policy)
        for name, value in figures(getattr(FIELD, section.name)).items()
        if value != figures(getattr(SEED, section.name))[name]
    }
    assert differing == {
        "grab.ratio_floor": 0.5,
        "grab.seeder_ceiling": 200,
        "cleanup.keep_partials": True,
        "reconcile.max_active_downloads": 5,
        "reconcile.max_active_uploads": 500,
        "reconcile.max_active_torrents": 505,
    }


def test_the_presets_are_known_by_name() -> None:
    """A preset is found under the name the configuration uses."""
    assert PRESETS == {"seed": SEED, "field": FIELD}
    assert Policy() == SEED


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        (GrabPolicy, "ratio_floor", -0.1),
        (GrabPolicy, "ratio_floor", float("nan")),
        (GrabPolicy, "ratio_floor", float("inf")),
        (GrabPolicy, "ratio_floor", True),
        (GrabPolicy, "ratio_floor", "1.2"),
        (GrabPolicy, "per_run", -1),
        (GrabPolicy, "per_run", 1.5),
        (GrabPolicy, "per_run", True),
        (GrabPolicy, "min_size", -1),
        (GrabPolicy, "min_size", "50 MiB"),
        (GrabPolicy, "max_pages", 0),
        (GrabPolicy, "max_pages", 51),
        (GrabPolicy, "require_unsat", 1),
        (GrabPolicy, "regrab_after", timedelta(seconds=-1)),
        (GrabPolicy, "strategy", "random"),
        (GrabPolicy, "strategy", 1),
        (GrabPolicy, "wedges", 1),
        (CleanupPolicy, "seed_time", timedelta(hours=72) - timedelta(seconds=1)),
        (CleanupPolicy, "seed_time", 72),
        (CleanupPolicy, "seed_time_margin", timedelta(seconds=-1)),
        (CleanupPolicy, "recovery_tag", ""),
        (CleanupPolicy, "recovery_tag", "  "),
        (CleanupPolicy, "protect_tags", ("keep", "")),
        (CleanupPolicy, "protect_tags", "keep"),
        (CleanupPolicy, "max_shrink", 1.1),
        (CleanupPolicy, "max_data_deletions", -1),
        (SpendPolicy, "price_per_gib", 0),
        (SpendPolicy, "reserve", -1),
        (SpendPolicy, "target_ratio", -1.0),
        (SpendPolicy, "tiers", ()),
        (SpendPolicy, "tiers", (49, 100)),
        (SpendPolicy, "tiers", (50.5,)),
        (SpendPolicy, "tiers", ("50",)),
        (SpendPolicy, "tiers", 50),
        (ReconcilePolicy, "max_active_uploads", -2),
        (ReconcilePolicy, "queueing_enabled", "yes"),
        (ClientPolicy, "category", ""),
        (ClientPolicy, "save_path", " "),
        (ClientPolicy, "tags", (1,)),
    ],
)
def test_a_figure_out_of_range_is_refused_by_its_name(section: type, name: str, value: object) -> None:
    """The error tells which figure is wrong, so that the operator finds it."""
    with pytest.raises(PolicyError, match=f"^{name} = "):
        section(**{name: value})


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        (GrabPolicy, "ratio_floor", 0.0),
        (GrabPolicy, "per_run", 0),
        (GrabPolicy, "max_pages", 1),
        (GrabPolicy, "max_pages", 50),
        (GrabPolicy, "strategy", "demand"),
        (GrabPolicy, "strategy", "new"),
        (CleanupPolicy, "seed_time", timedelta(hours=72)),
        (CleanupPolicy, "seed_time_margin", timedelta(0)),
        (CleanupPolicy, "max_shrink", 1.0),
        (CleanupPolicy, "max_data_deletions", 0),
        (SpendPolicy, "price_per_gib", 1),
        (SpendPolicy, "tiers", (50,)),
        (ReconcilePolicy, "max_active_uploads", -1),
    ],
)
def test_a_figure_at_its_limit_is_taken(section: type, name: str, value: object) -> None:
    """Limits are inclusive."""
    assert getattr(section(**{name: value}), name) == value


def test_seed_time_is_never_under_the_site_s_72_hours() -> None:
    """The message shows the figure and the limit as the configuration writes them."""
    with pytest.raises(PolicyError, match=r"seed_time = 71h is too low; at least 72h"):
        CleanupPolicy(seed_time=timedelta(hours=71))


def test_a_size_band_that_nothing_fits_is_refused() -> None:
    """Both sizes are in the message."""
    with pytest.raises(PolicyError, match=r"min_size = 51 MiB is above max_size = 50 MiB"):
        GrabPolicy(min_size=51 << 20, max_size=50 << 20)
    assert GrabPolicy(min_size=50 << 20, max_size=50 << 20).max_size == 50 << 20


def test_whole_numbers_are_taken_where_fractions_are_meant() -> None:
    """A configuration file says 2 where it means 2.0."""
    assert SpendPolicy(target_ratio=2).target_ratio == 2.0
    assert isinstance(GrabPolicy(ratio_floor=1).ratio_floor, float)


def test_tiers_are_sorted_and_each_is_there_once() -> None:
    """The order in the configuration means nothing."""
    assert SpendPolicy(tiers=[200, 50, 200, 100]).tiers == (50, 100, 200)


def test_a_list_is_taken_where_several_words_are_meant() -> None:
    """A configuration file knows no tuples, and a policy that can change is none."""
    assert ClientPolicy(tags=["a", "b"]).tags == ("a", "b")
    assert CleanupPolicy(protect_tags=["keep"]).protect_tags == ("keep",)


def test_what_is_owed_is_seed_time_and_margin_together() -> None:
    """By default 96 hours."""
    assert SEED.cleanup.owed_seconds == 96 * 3600
    assert evolve(SEED.cleanup, seed_time_margin=timedelta(0)).owed_seconds == 72 * 3600


def test_a_policy_is_frozen() -> None:
    """Nothing can change the figures a plan was made with."""
    with pytest.raises(FrozenInstanceError):
        SEED.grab.per_run = 6  # type: ignore[misc]


@pytest.mark.parametrize(
    ("section", "figures", "message"),
    [
        (GrabPolicy, {"per_run": "5"}, "per_run = '5' is of the wrong kind"),
        (GrabPolicy, {"ratio_floor": float("inf")}, "ratio_floor = inf is no finite number"),
        (GrabPolicy, {"max_pages": 0}, "max_pages = 0 is too low; at least 1"),
        (GrabPolicy, {"max_pages": 51}, "max_pages = 51 is too high; at most 50"),
        (GrabPolicy, {"strategy": "old"}, "strategy = 'old' is not one of demand, new"),
        (GrabPolicy, {"disk_reserve": -MIB}, "disk_reserve = -1 MiB is too low; at least 0 B"),
        (CleanupPolicy, {"max_shrink": 1.5}, "max_shrink = 1.5 is too high; at most 1.0"),
        (CleanupPolicy, {"recovery_tag": " "}, "recovery_tag = ' ' is empty; every job needs it"),
        (CleanupPolicy, {"protect_tags": ("keep", " ")}, "protect_tags = ['keep', ' '] is no list of words"),
        (
            MonitorPolicy,
            {"labels": ("mam-farming",)},
            "labels: 'mam-farming' is no label; write it as 'category=label' or 'domain=label'",
        ),
        (SpendPolicy, {"tiers": (49, 50)}, "tiers = [49, 50] is no list of whole GiB, each at least 50"),
    ],
)
def test_a_refusal_says_figure_value_and_limit(section: type, figures: dict[str, object], message: str) -> None:
    """As the configuration file writes them."""
    with pytest.raises(PolicyError) as caught:
        section(**figures)
    assert str(caught.value) == message


def test_a_whole_number_is_no_size_unless_it_is_one() -> None:
    """A figure is written with a unit only where its unit is bytes."""
    assert show(MIB) == MIB
    assert show(MIB, is_size=True) == "1 MiB"


# The lowest value of a figure where that is not nought, and the highest where there is one.
_LOWEST: dict[str, Any] = {
    "max_pages": 1,
    "seed_time": timedelta(hours=72),
    "price_per_gib": 1,
    "max_active_downloads": -1,
    "max_active_uploads": -1,
    "max_active_torrents": -1,
}
_HIGHEST: dict[str, Any] = {"max_pages": 50, "max_data_share": 1.0, "max_shrink": 1.0}
_MEASURED = [
    (section, one.name, one.default)
    for section in (GrabPolicy, CleanupPolicy, SpendPolicy, ReconcilePolicy)
    for one in fields(section)
    if isinstance(one.default, int | float | timedelta) and not isinstance(one.default, bool)
]


@pytest.mark.parametrize(("section", "name", "default"), _MEASURED, ids=[name for _, name, _ in _MEASURED])
def test_every_figure_has_its_limits(section: type, name: str, default: Any) -> None:
    """They are inclusive, and where there is no highest value any is taken."""
    step: Any = timedelta(seconds=1) if isinstance(default, timedelta) else 1
    others = {"min_size": 0} if name == "max_size" else {}
    lowest = _LOWEST.get(name, type(default)())
    assert getattr(section(**{name: lowest}, **others), name) == lowest
    with pytest.raises(PolicyError, match=f"^{name} = .* is too low; at least "):
        section(**{name: lowest - step}, **others)
    highest = _HIGHEST.get(name, default * 1000 if default else step)
    others = {"max_size": highest} if name == "min_size" else {}
    assert getattr(section(**{name: highest}, **others), name) == highest
    if name in _HIGHEST:
        with pytest.raises(PolicyError, match=f"^{name} = .* is too high; at most "):
            section(**{name: highest + step})
