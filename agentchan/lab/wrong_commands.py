"""How a running lab is made to answer wrongly from the command line: ``agentchan lab wrong`` and its kind."""

from __future__ import annotations

from typing import Any

import click

from agentchan.lab.commands import HOST, with_lab
from agentchan.lab.misbehaviour import KINDS

SERVICE = click.option(
    "--service", type=click.Choice(["component", "connector", "*"]), default="*", help="Only this service."
)
OPERATION = click.option("--operation", metavar="NAME", default="*", help="Only this operation, such as NewCall.")
TIMES = click.option("--times", type=click.IntRange(min=1), help="So often, then no more; else until 'behave'.")


@click.command()
@HOST
@click.argument("seconds", type=click.FloatRange(0, 3600))
@SERVICE
@OPERATION
@TIMES
@click.option("--when", type=click.Choice(["before", "after"]), default="before", help="Than the request is applied.")
@with_lab
def slow(lab: Any, host: str, **rule: Any) -> None:
    """Make a host answer so many SECONDS late.

    \b
    Examples:
      agentchan lab slow ce1 2.5
      agentchan lab slow ce1 10 --operation Heartbeat --times 1
      agentchan lab behave ce1               quick again
    """  # noqa: D301
    lab.order("slow", name=host, **rule)
    click.echo(f"{host} is slow; 'agentchan lab behave {host}' ends it.")


@click.command()
@HOST
@click.argument("kind", metavar="KIND", type=click.Choice(sorted(KINDS - {"slow"})))
@SERVICE
@OPERATION
@TIMES
@click.option("--applied", is_flag=True, help="Carry the request out, and then answer wrongly.")
@with_lab
def wrong(lab: Any, host: str, kind: str, **rule: Any) -> None:
    """Make a host answer wrongly.

    Of several orders the newest counts.

    \b
    KIND is one of
      faults without cause  not-active unavailable unknown-session unknown-ivr
                            session-already-open invalid-request
      no answer of CE       http-401 http-404 http-503 html empty garbage
                            oversized
      a spoilt answer       truncated dtd wrong-namespace wrong-operation
                            wrong-types
      a broken connection   reset-before reset-after close-mid-reply
      no answer yet         hold ('behave' sends it)

    \b
    Examples:
      agentchan lab wrong ce1 unavailable --operation NewCall --times 5
      agentchan lab wrong ce1 truncated --service component
      agentchan lab behave ce1
    """  # noqa: D301
    lab.order("wrong", name=host, kind=kind, **rule)
    click.echo(f"{host} answers wrongly ({kind}); 'agentchan lab behave {host}' ends it.")


@click.command()
@HOST
@click.option("--role", type=click.Choice(["Active", "Standby"]), help="Say this role.")
@click.option("--generation", type=click.IntRange(min=0), help="Say this generation.")
@click.option("--obey", is_flag=True, help="Act by the claimed role, too: a split brain.")
@with_lab
def claim(lab: Any, host: str, role: str | None, generation: int | None, obey: bool) -> None:
    """Make a host say wrong words of itself.

    \b
    Examples:
      agentchan lab claim ce2 --role Active --generation 99
      agentchan lab claim ce2 --role Active --obey
      agentchan lab behave ce2               the truth again
    """  # noqa: D301
    claims = {name: value for name, value in (("role", role), ("generation", generation)) if value is not None}
    lab.order("claim", name=host, obey=obey, **claims)
    click.echo(f"{host} claims it; 'agentchan lab behave {host}' ends it.")


@click.command()
@HOST
@SERVICE
@with_lab
def cut(lab: Any, host: str, service: str) -> None:
    """Cut the network to a host without a word.

    Connections stay open, and nothing comes through until 'heal'.
    """
    lab.order("blackhole", name=host, service=service)
    click.echo(f"{host} is cut off; 'agentchan lab heal {host}' ends it.")


@click.command()
@HOST
@SERVICE
@with_lab
def heal(lab: Any, host: str, service: str) -> None:
    """Make a network that was cut whole again."""
    lab.order("heal", name=host, service=service)
    click.echo(f"{host} is connected again.")


@click.command()
@HOST
@with_lab
def behave(lab: Any, host: str) -> None:
    """End wrong and slow answers and wrong claims."""
    lab.order("behave", name=host)
    click.echo(f"{host} behaves.")


WRONG = (slow, wrong, claim, cut, heal, behave)
