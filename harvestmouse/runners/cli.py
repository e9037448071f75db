"""The command line."""

import gc
import json
import os
import sys
from typing import Any, NoReturn

import click

from harvestmouse import __version__

JOBS = ("grab", "janitor", "spend", "reconcile", "monitor", "rescue", "address")
_SUMMARIES = {
    "grab": "Grab the best freeleech torrents, if the account may.",
    "janitor": "Delete torrents that are stuck, unregistered or redundant; never one that owes seed time.",
    "spend": "Buy upload credit for the deficit, if a tier fits the budget.",
    "reconcile": "Set the client's queue so that everything owing seed time can seed.",
    "monitor": "Count what the client holds for each tracker; changes nothing.",
    "cycle": "Do all of monitor, janitor, spend, reconcile, rescue and grab in one run, as one plan.",
    "address": "Tell the site the client's address when it changes, if register_address is on.",
    "rescue": "Get torrents seeding that owe seed time and are queued, stopped or refused; most urgent first.",
}


def main() -> NoReturn:
    """Run the command line; every error a user can cause is one line on stderr and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        # Names may hold what a terminal cannot show; that must not end a run.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        code = cli.main(prog_name="harvestmouse", standalone_mode=False)
    except click.exceptions.Abort:
        _stop("interrupted", 130)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help(), err=True)
        sys.exit(2)
    except click.ClickException as error:
        hint = "" if error.exit_code == 1 else "; harvestmouse --help lists the commands"
        _stop(error.format_message().rstrip(".") + hint, 2)
    except BrokenPipeError:
        # The reader of stdout has gone; there is nobody left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        from harvestmouse.core.errors import HarvestmouseError  # noqa: PLC0415 - --version must not pay for it

        if not isinstance(error, HarvestmouseError):
            raise
        _stop(str(error), int(getattr(error, "exit_code", 2)))
    # The interpreter would look through all that was loaded for circles once more.
    gc.freeze()
    sys.exit(int(code or 0))


def _stop(message: str, code: int) -> NoReturn:
    click.echo(f"harvestmouse: {' '.join(message.split())}", err=True)
    sys.exit(code)


class _Command(click.Command):
    """A command whose line in the list is its first paragraph, and not as much of it as a line holds."""

    def get_short_help_str(self, limit: int = 45) -> str:  # noqa: ARG002 - the library's shape
        return " ".join((self.help or "").partition("\n\n")[0].split())


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="harvestmouse", message="%(prog)s %(version)s")
@click.option("--config", metavar="FILE", help="TOML file to read; also HARVESTMOUSE_CONFIG.")
@click.option("--preset", metavar="NAME", help="Figures to start from: seed or field.")
@click.option("--set", "pairs", metavar="KEY=VALUE", multiple=True, help="Set one key, such as grab.ratio_floor=0.5.")
@click.option(
    "--log-level",
    type=click.Choice(("debug", "info", "warning", "error")),
    envvar="HARVESTMOUSE_LOG_LEVEL",
    help="Log nothing below this level.",
)
@click.option(
    "--log-format",
    type=click.Choice(("auto", "text", "json")),
    envvar="HARVESTMOUSE_LOG_FORMAT",
    help="auto is text on a terminal, and JSON anywhere else.",
)
@click.pass_context
def cli(context: click.Context, /, **options: Any) -> None:
    """Grow a MyAnonamouse ratio with qBittorrent, and never hurt the account while doing so.

    Every job is a dry run: it deletes, buys, adds and changes nothing without --apply.
    """
    context.obj = options


cli.command_class = _Command


def _job_command(job: str) -> click.Command:
    @click.command(job, cls=_Command, help=_SUMMARIES[job])
    @click.option("--apply", "apply_", is_flag=True, help="Act; without it nothing is changed. DRY_RUN=1 wins over it.")
    @click.option("--json", "as_json", is_flag=True, help="Print the plan with its outcome as JSON.")
    @click.option("--deadline", metavar="SPAN", help="End the run after this time, such as 5m; by default 10m.")
    @click.pass_obj
    def command(options: dict[str, Any], apply_: bool, as_json: bool, deadline: str | None) -> int:  # noqa: FBT001
        # What a run loads and makes refers to nothing in circles, and is let go with the process.
        gc.disable()
        from harvestmouse.runners.commands import run_job  # noqa: PLC0415 - as are all below: --help must be quick

        if deadline is not None:
            options["pairs"] = (*options["pairs"], f"deadline={deadline}")
        return run_job(job, options, apply=apply_, as_json=as_json)

    return command


for _job in (*JOBS, "cycle"):
    cli.add_command(_job_command(_job))


@cli.command()
@click.argument("job", type=click.Choice((*JOBS, "cycle")))
@click.argument("snapshot", metavar="SNAPSHOT")
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
@click.pass_obj
def plan(options: dict[str, Any], job: str, snapshot: str, as_json: bool) -> int:  # noqa: FBT001
    """Decide JOB from a snapshot file or a recording (.json or .json.gz, - for stdin), offline."""
    gc.disable()
    from harvestmouse.runners.commands import plan_offline  # noqa: PLC0415

    return plan_offline(job, snapshot, options, as_json=as_json)


@cli.command()
@click.argument("job", type=click.Choice((*JOBS, "cycle")))
@click.option("--torrent", metavar="HASH|NAME", help="Explain one torrent, of janitor, reconcile, rescue or cycle.")
@click.option("--result", metavar="ID|TITLE", help="Explain one search result, of grab or cycle.")
@click.option("--snapshot", metavar="FILE", help="Decide from a snapshot file or recording; - is stdin.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_obj
def explain(options: dict[str, Any], /, job: str, **asked: Any) -> int:
    """Say why JOB decides as it does, and what would change that; nothing is changed.

    Without --torrent or --result: whether the job runs, and its purchases or preferences.
    """
    from harvestmouse.runners import explain as explaining  # noqa: PLC0415

    return explaining.explain(job, options, explaining.Asked(**asked))


@cli.command()
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@click.option(
    "--policy", "policies", metavar="NAME|FILE", multiple=True, help="A preset, or a configuration file; two or more."
)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_obj
def compare(options: dict[str, Any], /, paths: tuple[str, ...], **how: Any) -> int:
    """Decide recorded runs again under two or more policies, and say how they differ and what cannot be told.

    PATH is a recording, a folder of them or a pattern.
    """
    from harvestmouse.runners import compare as comparing  # noqa: PLC0415

    return comparing.run_compare(options, paths, **how)


@cli.command()
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.option("-o", "--output", metavar="FILE", help="Write the suggested figures to this new file.")
@click.pass_obj
def learn(options: dict[str, Any], /, paths: tuple[str, ...], **how: Any) -> int:
    """Say what recorded picks uploaded, by what was known of them, and suggest figures; nothing is applied.

    PATH is a recording, a folder of them or a pattern.
    """
    from harvestmouse.runners import learn as learning  # noqa: PLC0415

    return learning.run_learn(options, paths, **how)


@cli.command()
@click.option("-o", "--output", metavar="FILE", help="Write to this file instead of stdout.")
@click.pass_obj
def record(options: dict[str, Any], output: str | None) -> int:
    """Write a snapshot of all that is decided from, without secrets, for plan and explain; nothing is changed."""
    from harvestmouse.runners import record as recording  # noqa: PLC0415

    return recording.record(options, output)


@cli.command()
@click.option("--snapshot", metavar="FILE", help="Look at a snapshot file or recording; - is stdin.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_obj
def recover(options: dict[str, Any], snapshot: str | None, as_json: bool) -> int:  # noqa: FBT001
    """Lay out the way back of an account in trouble: who does what, when, and with which result; nothing is changed."""
    from harvestmouse.runners import recover as recovering  # noqa: PLC0415

    return recovering.recover(options, snapshot, as_json=as_json)


@cli.command()
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.option("--junit", metavar="FILE", help="Write the result to FILE as JUnit XML too.")
@click.option("--update", is_flag=True, help="Write what is decided today into the recordings, as their plans.")
@click.pass_obj
def replay(options: dict[str, Any], /, paths: tuple[str, ...], **how: Any) -> int:
    """Decide recordings again, and say what differs.

    PATH is a recording, a folder of them or a pattern. The exit code is 0 if nothing differs, and 1 otherwise.
    """
    from harvestmouse.runners import replay as replaying  # noqa: PLC0415

    return replaying.replay(options, paths, **how)


@cli.command()
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@click.option("-o", "--output", metavar="FILE", help="Write to this file instead of stdout.")
@click.option("--policy", "policies", metavar="NAME|FILE", multiple=True, help="Compare policies as well; two or more.")
@click.pass_obj
def report(options: dict[str, Any], /, paths: tuple[str, ...], **how: Any) -> int:
    """Write recordings as one page for a browser; each PATH is a file, a folder or a pattern."""
    from harvestmouse.runners import html_report  # noqa: PLC0415

    return html_report.write(options, paths, **how)


@cli.command(name="import-legacy")
@click.argument("directory", metavar="DIR")
@click.pass_obj
def import_legacy(options: dict[str, Any], directory: str) -> int:
    """Take over mam_id and grabbed_ids.txt of the scripts' DIR; what state_dir has already stays."""
    from harvestmouse.runners import import_legacy as importing  # noqa: PLC0415

    return importing.import_legacy(options, directory)


@cli.command()
@click.option("--resume", is_flag=True, help="Only let jobs ask the site again after it was held back.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_obj
def doctor(options: dict[str, Any], resume: bool, as_json: bool) -> int:  # noqa: FBT001
    """Check configuration, state directory, site, client, clock and metrics, and say what to do; changes nothing."""
    from harvestmouse.runners import doctor as examining  # noqa: PLC0415

    return examining.resume(options) if resume else examining.diagnose(options, as_json=as_json)


@cli.command()
@click.option("--listen", metavar="HOST:PORT", help="Where the page is; by default 127.0.0.1:9798.")
@click.option("--apply", "apply_", is_flag=True, help="Let the jobs act. DRY_RUN=1 wins over it.")
@click.option("--run-at-start", is_flag=True, help="Run every scheduled job once at the start, one after the other.")
@click.pass_obj
def serve(options: dict[str, Any], listen: str | None, apply_: bool, run_at_start: bool) -> int:  # noqa: FBT001
    """Run the jobs on the schedules of [serve], with a page, /metrics, /healthz and /readyz, until told to stop."""
    from harvestmouse.runners.serve import command as serving  # noqa: PLC0415

    if listen is not None:
        options["pairs"] = (*options["pairs"], f"serve.listen={listen}")
    return serving.serve(options, apply=apply_, run_at_start=run_at_start)


@cli.command()
def demo() -> int:
    """Show an account's death spiral and its recovery in an embedded world; no network, nothing on disk."""
    from harvestmouse.runners.demo import demonstrate  # noqa: PLC0415

    demonstrate(click.echo)
    return 0


@cli.command()
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
def completion(shell: str) -> int:
    """Print what makes SHELL complete commands and options, for its start-up file."""
    from click.shell_completion import get_completion_class  # noqa: PLC0415

    maker = get_completion_class(shell)
    assert maker is not None
    click.echo(maker(cli, {}, "harvestmouse", "_HARVESTMOUSE_COMPLETE").source())
    return 0


@cli.command()
def man() -> int:
    """Print the manual page; harvestmouse man | man -l - shows it."""
    from harvestmouse.runners.manual import manual  # noqa: PLC0415

    click.echo(manual(cli), nl=False)
    return 0


@cli.group()
def config() -> None:
    """Show, check or start a configuration."""


config.command_class = _Command


@config.command()
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_obj
def show(options: dict[str, Any], as_json: bool) -> int:  # noqa: FBT001
    """Print every value with its source; secrets are masked."""
    from harvestmouse.runners import commands, config, words  # noqa: PLC0415

    rows = config.explain(commands.load_settings(options))
    if as_json:
        click.echo(json.dumps([{"key": key, "value": value, "source": source} for key, value, source in rows]))
    else:
        click.echo(words.table(rows))
    return 0


@config.command()
@click.pass_obj
def check(options: dict[str, Any]) -> int:
    """Read the whole configuration and say whether it can be used."""
    from harvestmouse.runners.commands import load_settings  # noqa: PLC0415

    settings = load_settings(options)
    cookie = "set" if settings.mam.mam_id else "not set: grab and spend need MAM_ID, or a cookie in state_dir"
    click.echo(f"The configuration can be used. apply = {str(settings.general.apply).lower()}, MAM_ID is {cookie}.")
    return 0


@config.command()
@click.argument("file", required=False)
def init(file: str | None) -> int:
    """Write a commented sample to FILE, or to stdout (also -); an existing file is left alone."""
    from harvestmouse.runners.config import ConfigError, sample  # noqa: PLC0415

    if file is None or file == "-":
        click.echo(sample(), nl=False)
        return 0
    try:
        with open(file, "x", encoding="utf-8") as stream:  # noqa: PTH123 - x refuses to overwrite
            stream.write(sample())
    except FileExistsError:
        raise ConfigError(f"{file} exists already; it was left alone") from None
    except OSError as error:
        raise ConfigError(f"cannot write {file}: {error.strerror}") from None
    click.echo(f"Wrote {file}.")
    return 0
