"""The configuration reference as a page: what is said of all keys together, and the table of each section."""

from __future__ import annotations

COMMAND = "agentchan config reference > docs/configuration.md"
"""What makes the page in the repository anew."""

_HEAD = f"""\
# Configuration

<!-- Made by "{COMMAND}"; not to be edited. -->

One TOML file, mostly `/etc/agentchan/agentchan.toml`. Daemon and command line look for it at `--config`, else at
`$AGENTCHAN_CONFIG`, else there. [etc/agentchan.toml](../etc/agentchan.toml) has every key with a comment, ready to be
copied.

- Durations are strings such as `"250ms"`, `"2s"`, `"5m"`, `"1h30m"`, `"7d"`.
- Paths that do not begin with `/` start from the file's folder.
- Values are taken strictly: `"no"` is not false, `5` is not `"5s"`.
- An unknown key is a fault. `agentchan config check` lists every fault at once, as `file:line: key: what is wrong (what
  is allowed)`, and ends with 78. A daemon that is started with a faulty file ends with 78, too, and systemd does not
  start it again.
- `agentchan config show` shows what the file comes to, defaults and all; `agentchan config show --running` what the
  daemon has in force.
- No secret stands in the file itself. It names files, which are read anew by a reload, or credentials of systemd
  (`/run/credentials/agentchan.service/NAME`), of which a changed one needs a restart.

**A change needs** says what applies a changed key: *reload* (`agentchan reload`, `systemctl reload agentchan`, SIGHUP)
keeps the agent channel and all calls; *restart* takes effect when the daemon is started again, and a reload names it. A
reload with a faulty file changes nothing.
"""


def configuration_page() -> str:
    """docs/configuration.md."""
    from agentchan.config import reference  # noqa: PLC0415  costs 50 ms that other commands need not pay

    return f"{_HEAD}\n{reference()}"
