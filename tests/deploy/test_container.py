"""What can be said of the image without building it; scripts/try-container builds and runs it."""

import json
import re
import subprocess
from fnmatch import fnmatch

from harvestmouse import __version__
from tests.deploy.manifests import DEPLOY, ROOT, tool

DOCKERFILE = DEPLOY / "container" / "Dockerfile"
TEXT = re.sub(r"\\\n\s*", "", DOCKERFILE.read_text(encoding="utf-8"))
STAGES = re.split(r"^FROM ", TEXT, flags=re.MULTILINE)


def words(instruction: str, stage: int = -1) -> list[str]:
    """Return what follows an instruction, each time that it stands in a stage."""
    return re.findall(rf"^{instruction} +(.*)$", STAGES[stage], re.MULTILINE)


class TestDockerfile:
    """Small, without privileges, and the same each time."""

    def test_hadolint_has_nothing_against_it(self) -> None:
        """With all of its rules."""
        done = subprocess.run(
            [tool("hadolint"), str(DOCKERFILE)], capture_output=True, text=True, check=False, timeout=60
        )
        assert (done.returncode, done.stdout) == (0, "")

    def test_both_stages_have_one_base_with_a_version(self) -> None:
        """Which may be another: the environment is made for its Python."""
        assert re.findall(r"^FROM (\S+)", TEXT, re.MULTILINE) == ["${BASE}", "${BASE}"]
        (base,) = words("ARG", 0)
        assert re.fullmatch(r"BASE=docker\.io/library/python:3\.\d+-slim-\w+", base)

    def test_it_runs_as_a_user_by_number(self) -> None:
        """Kubernetes cannot tell that a name is not root; the manifests have the same number."""
        assert words("USER") == ["10001:10001"]
        (made,) = words("RUN")
        assert "--uid 10001" in made
        assert "-o 10001 -g 10001" in made

    def test_nothing_is_installed_in_what_is_shipped(self) -> None:
        """No compiler, no package manager's leavings, no source tree: one environment is copied."""
        assert words("COPY") == ["--from=build /opt/harvestmouse /opt/harvestmouse"]
        assert not re.search(r"\b(apt-get|pip|curl|wget)\b", STAGES[-1])

    def test_its_label_is_the_version(self) -> None:
        """And so is the tag in the command at its top."""
        assert words("ARG") == [f"VERSION={__version__}"]
        assert f"harvestmouse:{__version__} ." in TEXT

    def test_health_is_asked_where_it_serves(self) -> None:
        """The port of the command, of the check and of EXPOSE are one."""
        (command,), (port,), (health,) = (words(one) for one in ("CMD", "EXPOSE", "HEALTHCHECK"))
        assert json.loads(command) == ["serve", "--listen", f"0.0.0.0:{port}"]
        check = json.loads(health.partition("CMD ")[2])
        assert check[:2] == ["python3", "-c"]
        compile(check[2], "HEALTHCHECK", "exec")
        assert f"('127.0.0.1', {port}, " in check[2]

    def test_the_check_of_health_can_fail(self) -> None:
        """Nothing listens there: the check says so by its code."""
        (health,) = words("HEALTHCHECK")
        check = json.loads(health.partition("CMD ")[2])[2].replace("9798", "1")
        done = subprocess.run([tool("python3"), "-c", check], capture_output=True, check=False, timeout=60)
        assert done.returncode != 0


class TestContext:
    """What a builder is given."""

    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = tuple(one for one in lines if one and not one.startswith("#"))

    def test_is_what_the_dockerfile_copies(self) -> None:
        """Anything else would only be sent, and could slip in."""
        copied = {name for one in words("COPY", 1) for name in one.split()[:-1]}
        assert self.rules[0] == "*"
        assert {one[1:] for one in self.rules if one.startswith("!")} == copied
        assert all((ROOT / name).exists() for name in copied)

    def test_leaves_out_compiled_modules(self) -> None:
        """Those are of this machine's Python."""
        (pattern,) = (one for one in self.rules[1:] if not one.startswith("!"))
        assert fnmatch("harvestmouse/core/__pycache__", pattern)
