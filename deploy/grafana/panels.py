"""Short ways to the SDK's panels, with what all panels of the dashboard share."""

from collections.abc import Iterable, Mapping
from string import ascii_uppercase
from typing import TypeVar

from attrs import frozen
from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BigValueColorMode,
    BigValueGraphMode,
    BigValueTextMode,
    LegendDisplayMode,
    LegendPlacement,
    LineInterpolation,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMapping,
    ValueMappingResult,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

GOOD, LOOK, ACT, PLAIN = "green", "orange", "red", "blue"

DATASOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")

AnyPanel = stat.Panel | timeseries.Panel | bargauge.Panel | table.Panel | statetimeline.Panel
P = TypeVar("P", stat.Panel, timeseries.Panel, bargauge.Panel, table.Panel, statetimeline.Panel)


@frozen
class Query:
    """One question to Prometheus.

    Attributes:
        legend: What its series are called; labels stand in double braces.
    """

    expression: str
    legend: str = ""


def tiles(title: str, text: str, unit: str, *queries: Query) -> stat.Panel:
    """Return one tile a series: its newest value."""
    panel = _headed(stat.Panel(), title, text, unit).targets(_targets(queries, now=True)).reduce_options(_newest())
    return panel.color_mode(BigValueColorMode.BACKGROUND).graph_mode(BigValueGraphMode.NONE)


def names(title: str, text: str, query: Query) -> stat.Panel:
    """Return one tile a series: what it is called, in red unless it has a colour of its own."""
    return tiles(title, text, "none", query).text_mode(BigValueTextMode.NAME).color_scheme(colour(ACT))


def trend(title: str, text: str, unit: str, *queries: Query) -> stat.Panel:
    """Return one tile a series, with its past behind the newest value."""
    panel = _headed(stat.Panel(), title, text, unit).targets(_targets(queries)).reduce_options(_newest())
    return panel.color_mode(BigValueColorMode.VALUE).graph_mode(BigValueGraphMode.AREA)


def lines(title: str, text: str, unit: str, *queries: Query) -> timeseries.Panel:
    """Return figures over time, one line each."""
    legend = common.VizLegendOptions().show_legend(show_legend=True)
    panel = _headed(timeseries.Panel(), title, text, unit).targets(_targets(queries))
    # Runs are minutes apart and figures stand still between them, so lines are steps.
    panel.line_interpolation(LineInterpolation.STEP_AFTER).line_width(2).fill_opacity(0)
    panel.show_points(VisibilityMode.NEVER).min(0)
    panel.legend(legend.display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM))
    return panel.tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))


def stacked(title: str, text: str, unit: str, *queries: Query) -> timeseries.Panel:
    """Return figures over time that add up."""
    panel = lines(title, text, unit, *queries).line_width(1).fill_opacity(60)
    return panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL).group("A"))


def bars(title: str, text: str, unit: str, *queries: Query) -> bargauge.Panel:
    """Return the newest figures as bars, one below the other."""
    panel = _headed(bargauge.Panel(), title, text, unit).targets(_targets(queries, now=True))
    return (
        panel.reduce_options(_newest())
        .min(0)
        .orientation(VizOrientation.HORIZONTAL)
        .display_mode(BarGaugeDisplayMode.BASIC)
    )


def bands(title: str, text: str, query: Query) -> statetimeline.Panel:
    """Return states over time, one band a series."""
    legend = common.VizLegendOptions().show_legend(show_legend=False)
    panel = _headed(statetimeline.Panel(), title, text, "none").targets(_targets([query]))
    panel.legend(legend.display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM))
    return panel.show_value(VisibilityMode.NEVER).merge_values(merge_values=True).row_height(0.8).fill_opacity(80)


def listing(title: str, text: str, unit: str, *queries: Query, columns: Mapping[str, str]) -> table.Panel:
    """Return the newest figures as a table: a column a label, and one a query, called after its legend.

    *columns* says what the labels are called, in order; every query is to have these and no others.
    """
    letters = ascii_uppercase[: len(queries)]
    values = ["Value"] if len(queries) == 1 else [f"Value #{letter}" for letter in letters]
    called = {**columns, **dict(zip(values, (query.legend for query in queries), strict=True))}
    shape = {
        "excludeByName": {"Time": True},
        "indexByName": {name: position for position, name in enumerate(called)},
        "renameByName": called,
    }
    merge = DataTransformerConfig(id_val="merge", options={})
    organize = DataTransformerConfig(id_val="organize", options=shape)
    targets = _targets(queries, now=True, shape=PromQueryFormat.TABLE)
    return _headed(table.Panel(), title, text, unit).targets(targets).transformations([merge, organize])


def limits(*steps: tuple[float | None, str]) -> dashboard.ThresholdsConfig:
    """Return thresholds: from each value on, a colour."""
    made = [Threshold(value=value, color=colour) for value, colour in steps]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(made)


def words(meanings: Mapping[float, tuple[str, str]]) -> list[ValueMapping]:
    """Return what to show, and in which colour, in place of some values."""
    results = {
        f"{value:g}": ValueMappingResult(text=text, color=colour, index=position)
        for position, (value, (text, colour)) in enumerate(meanings.items())
    }
    return [ValueMap(options=results)]


def colour(name: str) -> dashboard.FieldColor:
    """Return one colour for everything in a panel."""
    return dashboard.FieldColor().mode(FieldColorModeId.FIXED).fixed_color(name)


def coloured(panel: P, colours: Mapping[str, str]) -> P:
    """Give some series, by their legends, colours of their own."""
    for name, shade in colours.items():
        panel.override_by_name(name, [DynamicConfigValue("color", {"mode": "fixed", "fixedColor": shade})])
    return panel


def override(panel: P, name: str, properties: Mapping[str, object]) -> P:
    """Let one series, by its legend, be shown otherwise than its panel says."""
    return panel.override_by_name(name, [DynamicConfigValue(key, value) for key, value in properties.items()])


def _headed(panel: P, title: str, text: str, unit: str) -> P:
    return panel.title(title).description(text).unit(unit).datasource(DATASOURCE)


def _newest() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"])


def _targets(
    queries: Iterable[Query], *, now: bool = False, shape: PromQueryFormat = PromQueryFormat.TIME_SERIES
) -> list[Builder[Dataquery]]:
    return [_target(*pair, now=now).format(shape) for pair in zip(ascii_uppercase, queries, strict=False)]


def _target(letter: str, query: Query, *, now: bool) -> prometheus.Dataquery:
    target = prometheus.Dataquery().ref_id(letter).expr(query.expression).legend_format(query.legend)
    return target.instant() if now else target.range()
