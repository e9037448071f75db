"""The manual page, made from the commands themselves."""

import re
from collections.abc import Iterator

import click

from harvestmouse import __version__

_NAME = "harvestmouse"

_EXIT_CODES = (
    "Done; a job that a guard skipped is done too.",
    "An action failed, or something unexpected happened.",
    "Wrong usage, configuration or snapshot file.",
    "The site refused the session.",
    "The site or the client is not available.",
    "Stopped by a guarantee, or by a torrent list that cannot be believed.",
    "Another run holds the lock.",
)
_ENVIRONMENT = (
    ("HARVESTMOUSE_CONFIG", "The configuration file."),
    ("HARVESTMOUSE_SECTION_KEY", "Any key of it, such as HARVESTMOUSE_GRAB_RATIO_FLOOR; secrets with _FILE too."),
    ("MAM_ID, MAM_ID_FILE", "The site's session, or a file with it."),
    ("DRY_RUN", "Where it is on, every run is a dry run, whatever else says to act."),
)


def manual(group: click.Group) -> str:
    """Return the page in the language of man(7)."""
    return "\n".join(_lines(group)) + "\n"


def _lines(group: click.Group) -> Iterator[str]:
    first, rest = _sentences(group)
    context = click.Context(group, info_name=_NAME)
    yield f'.TH HARVESTMOUSE 1 "" "{_NAME} {__version__}" "User Commands"'
    yield from (".SH NAME", f"{_NAME} \\- {_text(first).rstrip('.')}")
    yield from (".SH SYNOPSIS", f".B {_NAME}", _text(" ".join(group.collect_usage_pieces(context))))
    yield from (".SH DESCRIPTION", _text(rest), ".SH OPTIONS", *_options(group, context), ".SH COMMANDS")
    for path, command in _commands(group):
        yield from _command(path, command, context)
    yield ".SH EXIT STATUS"
    for code, meaning in enumerate(_EXIT_CODES):
        yield from _item(str(code), meaning)
    yield ".SH ENVIRONMENT"
    for name, meaning in _ENVIRONMENT:
        yield from _item(name, meaning)


def _commands(group: click.Group, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from _commands(command, *path, name)
        else:
            yield (*path, name), command


def _command(path: tuple[str, ...], command: click.Command, parent: click.Context) -> Iterator[str]:
    context = click.Context(command, parent=parent, info_name=" ".join(path))
    yield from (f'.SS "{_text(" ".join((*path, *command.collect_usage_pieces(context))))}"', *_sentences_of(command))
    yield from _options(command, context)


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    for parameter in command.get_params(context):
        # A command's arguments are in its text, and --help is told once, with the options of all.
        if isinstance(parameter, click.Option) and (context.parent is None or parameter.name != "help"):
            yield from _item(*(parameter.get_help_record(context) or ("", "")))


def _item(term: str, meaning: str) -> Iterator[str]:
    yield from (".TP", f".B {_text(term)}", _text(meaning))


def _sentences(command: click.Command) -> tuple[str, str]:
    first, _, rest = (command.help or "").partition("\n\n")
    return first, rest


def _sentences_of(command: click.Command) -> Iterator[str]:
    first, rest = _sentences(command)
    yield _text(first)
    if rest:
        yield from (".PP", _text(rest))


def _text(text: str) -> str:
    """Return *text* as one line that means nothing to troff but itself."""
    line = " ".join(text.split()).replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq")
    return re.sub(r"^([.'])", r"\\&\1", line)
