"""Write rules.yaml, the alerts of deploy/prometheus in the form that the Prometheus Operator takes.

After a change of the alerts: ``python deploy/kubernetes/prometheus-operator/rules.py``.
"""

from pathlib import Path

OUTPUT = Path(__file__).with_suffix(".yaml")
SOURCE = OUTPUT.parents[2] / "prometheus" / "harvestmouse.rules.yaml"
HEAD = """\
# Made by rules.py from deploy/prometheus/harvestmouse.rules.yaml; change that file, and make this one again.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: harvestmouse
spec:
"""


def build() -> str:
    """Return the alerts as a PrometheusRule, comments included."""
    _, groups, rest = SOURCE.read_text(encoding="utf-8").partition("groups:\n")
    return HEAD + "".join(f"  {line}" if line.strip() else line for line in (groups + rest).splitlines(keepends=True))


if __name__ == "__main__":
    OUTPUT.write_text(build(), encoding="utf-8")
