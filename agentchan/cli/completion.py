"""``agentchan completion``."""

from __future__ import annotations

import click

_HINTS = {
    "bash": "agentchan completion bash > /etc/bash_completion.d/agentchan",
    "zsh": 'agentchan completion zsh > "${fpath[1]}/_agentchan"',
    "fish": "agentchan completion fish > ~/.config/fish/completions/agentchan.fish",
}


@click.command()
@click.argument("shell", type=click.Choice(list(_HINTS)))
def completion(shell: str) -> None:
    """Print what makes a shell complete commands, options and names of channels.

    \b
    Examples:
      source <(agentchan completion bash)
      agentchan completion bash > /etc/bash_completion.d/agentchan
      agentchan completion fish > ~/.config/fish/completions/agentchan.fish
    """  # noqa: D301  \b is click's mark for text that is not to be wrapped
    from click.shell_completion import ShellComplete, get_completion_class  # noqa: PLC0415  only while completing

    from agentchan.cli.program import program  # noqa: PLC0415  it is loaded already, and loads this

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"{shell} is not known")
    # The class's own source() runs the shell to see its version; this one may not even be installed here.
    click.echo(ShellComplete.source(kind(program, {}, "agentchan", "_AGENTCHAN_COMPLETE")))
