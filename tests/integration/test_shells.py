"""Completion in real shells, and the manual page in a real man."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harvestmouse.runners.cli import cli
from harvestmouse.runners.manual import _EXIT_CODES, manual
from harvestmouse.runners.report import Exit
from tests.support.components import require
from tests.support.qbittorrent import MissingComponentError
from tests.support.world import harvestmouse


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise MissingComponentError(f"there is no {name} here; as root, scripts/prepare-shells gets it")
    return found


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return an environment with the command on its path, and a home without anybody's start-up files."""
    home = tmp_path_factory.mktemp("home")
    command = home / "bin" / "harvestmouse"
    command.parent.mkdir()
    # A shell runs it by its name for every press of the key.
    command.write_text(
        f'#!/bin/sh\nexec "{sys.executable}" -c "from harvestmouse.runners.cli import main; main()" "$@"\n'
    )
    command.chmod(0o755)
    path = f"{command.parent}:{os.environ['PATH']}"
    return {"PATH": path, "HOME": str(home), "TERM": "dumb", "LC_ALL": "C.UTF-8", "PYTHONPATH": str(Path.cwd())}


def output(environment: dict[str, str], *command: str) -> str:
    done = subprocess.run(command, capture_output=True, encoding="utf-8", env=environment, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


class TestCompletion:
    """What a press of the key offers, with the script as the start-up file has it."""

    def test_in_bash(self, environment: dict[str, str]) -> None:
        """Commands by their beginning, and the choices of an option."""
        script = """
            eval "$(harvestmouse completion bash)"
            press() {
              COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
              _harvestmouse_completion "$1"
              echo "${COMPREPLY[@]}"
            }
            complete -p harvestmouse
            press harvestmouse re
            press harvestmouse --log-format ""
        """
        registered, commands, formats = output(environment, require(lambda: program("bash")), "-c", script).splitlines()
        assert registered.endswith("_harvestmouse_completion harvestmouse")
        assert {"reconcile", "recover", "replay", "rescue"} <= set(commands.split())
        assert all(name.startswith("re") for name in commands.split())
        assert formats == "auto text json"

    def test_in_zsh(self, environment: dict[str, str]) -> None:
        """The function offers commands with their summaries."""
        script = """
            autoload -Uz compinit && compinit -u -D
            eval "$(harvestmouse completion zsh)"
            _describe() { print -rl -- ${(P)3}; }
            words=(harvestmouse rec) CURRENT=2
            print -r -- $_comps[harvestmouse]
            _harvestmouse_completion
        """
        registered, *offered = output(environment, require(lambda: program("zsh")), "-fc", script).splitlines()
        assert registered == "_harvestmouse_completion"
        assert {line.partition(":")[0] for line in offered} == {"reconcile", "record", "recover"}

    def test_in_fish(self, environment: dict[str, str]) -> None:
        """The shell itself says what it would offer."""
        script = "harvestmouse completion fish | source; complete --do-complete 'harvestmouse config '"
        offered = output(environment, require(lambda: program("fish")), "--no-config", "-c", script).splitlines()
        assert {line.split("\t")[0] for line in offered} == {"check", "init", "show"}


class TestManual:
    """One page with every command."""

    def test_is_shown_without_a_warning(self, environment: dict[str, str], tmp_path: Path) -> None:
        """Commands, options and exit codes are there as they are typed."""
        page = tmp_path / "harvestmouse.1"
        page.write_text(harvestmouse("man").stdout)
        shown = output(
            {**environment, "MANWIDTH": "300"}, require(lambda: program("man")), "--warnings", "-l", str(page)
        )
        for name in ("janitor [OPTIONS]", "config init [OPTIONS] [FILE]", "--log-format", "MAM_ID_FILE", "EXIT STATUS"):
            assert name in shown
        assert "Delete torrents that are stuck, unregistered or redundant; never one that owes seed time." in shown

    def test_has_every_command_option_and_exit_code(self) -> None:
        """None is forgotten."""
        page = manual(cli).replace("\\", "")
        assert {f'.SS "{name} ' for name in cli.commands if name != "config"} <= {
            line[: line.index(" ", 5) + 1] for line in page.splitlines() if line.startswith(".SS")
        }
        acting = [command for command in cli.commands.values() if "apply_" in {one.name for one in command.params}]
        assert page.count("\n.B --apply\n") == len(acting) > 5
        assert len(_EXIT_CODES) == len(Exit)
