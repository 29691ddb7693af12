"""`chirp-trio dictionary`: make a dictionary for compressed streams from what an app sends."""

from collections.abc import Sequence
from compression import zstd
from pathlib import Path

import click
import trio

from ..compression import CompressionDictionary
from ..errors import ConfigurationError, LifespanError, TemplateError
from .kinds import Checked, count, seconds
from .options import Command, app_argument, env_file_option


@click.command(cls=Command, help="Make a dictionary for compressed streams, of an app's templates, or of a topic's newest "
    "events. Everybody can read it: nothing that is secret may be in these.",
    short_help="Make a dictionary for compressed streams.")  # fmt: skip
@app_argument
@env_file_option
@click.option("--topic", metavar="NAME", help="Take the newest events of this topic. The app runs for it, with no server.")
@click.option("--events", type=Checked("integer", count(1)), default=8, metavar="COUNT", help="How many of them, at most.")
@click.option("--timeout", type=Checked("number", seconds), default=10.0, metavar="SECONDS", help="How long to wait for "
    "those that are not there yet.")  # fmt: skip
@click.option("--template", multiple=True, metavar="FILE", help="Take the text of this template, without what it computes. "
    "May be given several times.")  # fmt: skip
@click.option("--output", "-o", required=True, type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="Where to write it.")  # fmt: skip
def command(app: str | None, topic: str | None, events: int, timeout: float, template: Sequence[str], output: Path) -> int:
    """Make a dictionary for compressed streams."""
    if topic is None and not template:
        raise ConfigurationError(
            "neither --topic nor --template is given; --topic NAME takes events, --template FILE takes templates"
        )
    from ..web import App
    from ..web.samples import recent_events, template_event
    from .find import find, told
    from .load import article

    found, name = find(app, is_checked=False)
    if not isinstance(found, App):
        raise ConfigurationError(f"{name} is {article(found)}; a dictionary can be made of a chirp_trio.App only")
    try:
        text = b"".join(template_event(found, file) for file in template)
    except TemplateError as error:
        raise ConfigurationError(str(error)) from error
    sent: list[bytes] = []
    if topic is not None:
        try:
            sent = trio.run(recent_events, found, topic, events, timeout)
        except ConfigurationError:
            raise
        except Exception as error:
            raise LifespanError(f"{name} cannot be run: {told(error)}") from error
    try:
        dictionary = CompressionDictionary(text + b"".join(sent))
        output.write_bytes(dictionary.content)
    except ValueError as error:
        raise ConfigurationError(f"no dictionary can be made of that: {error}") from error
    except OSError as error:
        raise ConfigurationError(f"{str(output)!r} cannot be written: {error.strerror or error}") from error
    made_of = f"{_counted(len(template), 'template')}, {_counted(len(sent), 'event')}"
    print(f"{output}: {len(dictionary.content):,} bytes of {made_of}")
    if sent and (others := text + b"".join(sent[:-1])):
        prefix = zstd.ZstdDict(others, is_raw=True).as_prefix
        alone, helped = len(zstd.compress(sent[-1])), len(zstd.compress(sent[-1], zstd_dict=prefix))
        print(f"with the rest of it as the dictionary, the newest event takes {helped:,} bytes, and {alone:,} without")
    return 0


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
