"""The installed service in a real systemd, under its whole sandbox, with a CE pair that speaks TLS on the same host."""

from __future__ import annotations

import json

from tests.systemd.site import CONFIGURATION, Site


def test_the_service_runs_as_installed(running: Site) -> None:
    """READY has come, STATUS= tells of the link, and the agent channel stands over TLS: the sandbox lets it."""
    assert running.show("ActiveState") == "active"
    assert running.show("Type") == "notify"
    running.until(lambda: "agent channel up at ce" in running.show("StatusText"), "the state of the link in STATUS=")
    assert running.status()["component_link"]["url"].startswith("https://")
    assert running.show("User") == "agentchan"
    assert running.machine.run("systemctl", "is-enabled", "agentchan.service").strip() == "enabled"


def test_its_folders_are_closed_to_others(running: Site) -> None:
    """State and socket belong to the service's user and group."""
    stat = ("stat", "--format=%U:%G %a")
    assert running.machine.run(*stat, "/var/lib/agentchan", "/run/agentchan").split("\n")[:2] == [
        "agentchan:agentchan 750",
        "agentchan:agentchan 750",
    ]
    assert running.machine.run(*stat, "/run/agentchan/agentchan.sock").strip() == "agentchan:agentchan 660"
    assert running.machine.run(*stat, "/etc/agentchan/credentials").strip() == "root:root 700"


def test_who_may_use_the_command_line(running: Site) -> None:
    """A user of the group may, another may not, and is told why."""
    running.machine.run("useradd", "--groups", "agentchan", "oncall")
    running.machine.run("useradd", "stranger")
    assert running.agentchan("status", user="oncall").returncode == 0
    refused = running.agentchan("status", user="stranger")
    assert refused.returncode != 0
    assert "agentchan.sock" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert running.agentchan("not-ready", "ivr1-001", "--reason", "works", user="oncall").returncode == 0
    assert "oncall" in json.dumps(running.journal())
    assert running.agentchan("ready", "ivr1-001", user="oncall").returncode == 0


def test_a_good_reload_is_applied_when_it_returns(site: Site) -> None:
    """``systemctl reload`` ends when the new configuration is in force; the agent channel is not dropped."""
    since = site.status()["agent_channel"]["since"]
    tables = site.tables()
    tables["ivr"]["channels"] = ["ivr1-{001..100}"]
    site.configure(tables)
    site.machine.run("systemctl", "reload", "agentchan.service")
    assert site.show("ReloadResult") == "success"
    assert site.status()["channels"]["total"] == 100
    assert site.status()["agent_channel"]["since"] == since


def test_a_faulty_reload_changes_nothing_and_says_so(site: Site) -> None:
    """``systemctl reload`` fails; the service goes on with the old configuration; READY has come again."""
    main = site.show("MainPID")
    site.machine.write(CONFIGURATION, "[ivr]\nnam = 1\n")
    assert site.machine.attempt("systemctl", "reload", "agentchan.service").returncode != 0
    assert site.show("ReloadResult") == "exit-code"
    assert site.show("ActiveState") == "active"
    assert site.show("SubState") == "running"
    assert site.show("MainPID") == main
    assert site.is_ready()
    assert site.journal(AGENTCHAN_EVENT="reload-refused")


def test_a_configuration_fault_is_no_reason_to_try_again(site: Site) -> None:
    """The start fails with 78 and every fault in the journal, and systemd leaves it at that."""
    site.machine.write(CONFIGURATION, "[ivr]\nnam = 1\n")
    assert site.machine.attempt("systemctl", "restart", "agentchan.service").returncode != 0
    assert site.show("ExecMainStatus") == "78"
    assert site.show("ActiveState") == "failed"
    assert site.restarts() == 0
    said = " ".join(str(entry["MESSAGE"]) for entry in site.journal())
    assert f"{CONFIGURATION}:2: ivr.nam" in said


def test_stopping_signs_off_and_ends_well(site: Site) -> None:
    """Within TimeoutStopSec, with 0; CE knows that the session is over."""
    site.machine.run("systemctl", "stop", "agentchan.service", timeout=45)
    assert site.show("Result") == "success"
    assert site.show("ExecMainStatus") == "0"
    assert "signed-off" in site.lab("history", "--json") or "CloseSession" in site.lab("requests", "--json")


def test_a_killed_process_is_restarted_and_nothing_is_lost(site: Site) -> None:
    """What was accepted before kill -9 is at CE afterwards, and the channels are ready again."""
    assert site.agentchan("new-call", "ivr1-007", "--call-id", "call-7").returncode == 0
    main, restarts = site.show("MainPID"), site.restarts()
    site.machine.run("kill", "-9", main)
    site.until(lambda: site.restarts() == restarts + 1, "a restart")
    site.until(lambda: site.show("MainPID") not in (main, "0"), "another process")
    site.wait_ready(119)
    (call,) = json.loads(site.agentchan("calls", "--json").stdout)["calls"]
    assert call["call_id"] == "call-7"
    assert site.agentchan("gone", "ivr1-007").returncode == 0
    site.wait_ready()
    site.until(lambda: site.status()["signals"]["pending"] == 0, "delivery")
    assert "Nothing has happened" in site.pair_is_clean()


def watched(site: Site, settings: str) -> None:
    """The service runs, with such settings of its watchdog."""
    site.drop_in(f"[Service]\n{settings}\n")
    site.machine.run("systemctl", "restart", "agentchan.service")
    site.wait_ready()


def restarted_by_the_watchdog(site: Site, signal: str) -> None:
    """After that signal the service is killed, and started again."""
    site.machine.run("kill", signal, site.show("MainPID"))
    site.until(lambda: site.restarts() == 1, "a restart by the watchdog")
    site.wait_ready()


def test_a_stopped_process_is_killed_by_the_watchdog(site: Site) -> None:
    """SIGSTOP: nothing turns any more, so systemd kills it and starts another."""
    watched(site, "WatchdogSec=2s")
    restarted_by_the_watchdog(site, "-STOP")


def test_a_blocked_turn_of_the_reactor_is_ended_by_the_watchdog(site: Site) -> None:
    """The process lives and its loop does not: one signal handler sleeps in the middle of a turn."""
    block = "import signal, time\nsignal.signal(signal.SIGUSR1, lambda *_: time.sleep(3600))\n"
    site.machine.write("/srv/block/sitecustomize.py", block)
    watched(site, "WatchdogSec=2s\nEnvironment=PYTHONPATH=/srv/block")
    restarted_by_the_watchdog(site, "-USR1")


def test_a_dead_timer_in_a_live_loop_is_found(site: Site) -> None:
    """The loop turns, but what looks at the time has ended: the watchdog is not fed, and the journal says why."""
    fault = (
        "import signal\n"
        "def end(*_):\n"
        "    from agentchan.following import Following\n"
        "    Following.passed = None\n"
        "signal.signal(signal.SIGUSR2, end)\n"
    )
    site.machine.write("/srv/fault/sitecustomize.py", fault)
    watched(site, "WatchdogSec=2s\nEnvironment=PYTHONPATH=/srv/fault")
    restarted_by_the_watchdog(site, "-USR2")
    assert "own clock is overdue" in str(site.journal(AGENTCHAN_EVENT="not-live")[-1]["MESSAGE"])


def test_ce_away_is_no_reason_for_the_watchdog(site: Site) -> None:
    """Both hosts are dead for several times its patience: the daemon lives, waits, and goes on when one comes."""
    watched(site, "WatchdogSec=1s")
    for host in ("ce1", "ce2"):
        site.lab("kill", host)
    main = site.show("MainPID")
    site.until(lambda: site.status()["ce"]["verdict"] == "unknown", "the verdict that no host answers")
    site.machine.run("sleep", "5")
    assert (site.show("MainPID"), site.restarts()) == (main, 0)
    assert site.ask("/livez").stdout.splitlines()[-1] == "200"
    assert site.ask("/readyz").stdout.splitlines()[-1] == "503"
    site.lab("start", "ce1")
    site.lab("start", "ce2")
    site.wait_ready()
    assert site.show("MainPID") == main


def test_a_ce_host_on_this_machine_dies_and_comes_back(site: Site) -> None:
    """Co-location needs no other configuration and no ordering: the other host is followed meanwhile."""
    active = site.status()["ce"]["active"]
    site.lab("kill", active)
    site.until(lambda: site.is_ready() and site.status()["ce"]["active"] != active, "the other host")
    site.lab("start", active)
    site.until(lambda: all(host["error"] is None for host in site.status()["ce"]["hosts"]), "the host that comes back")
    assert site.is_ready()
    assert "Nothing has happened" in site.pair_is_clean()


def test_scripts_wait_through_a_restart(site: Site) -> None:
    """With agentchan.socket whoever connects while the daemon restarts is answered by the next one."""
    site.machine.run("systemctl", "stop", "agentchan.service")
    site.machine.run("systemctl", "start", "agentchan.socket", "agentchan.service")
    site.wait_ready()
    asking = (
        "n=0; while [ ! -e /run/enough ]; do curl --silent --fail --max-time 20 -d channel=ivr1-009 -d call_id=c$n "
        "-o /dev/null http://127.0.0.1:8093/v1/new-call || exit 7; n=$((n + 1)); done; echo $n"
    )
    site.machine.run("rm", "-f", "/run/enough")
    site.machine.run("systemd-run", "--quiet", "--unit=script", "--remain-after-exit", "sh", "-c", asking)
    site.machine.run("systemctl", "restart", "agentchan.service")
    killed = site.show("MainPID")
    site.machine.run("kill", "-9", killed)
    site.until(lambda: site.show("MainPID") not in (killed, "0") and site.status() != {}, "the next daemon")
    site.machine.run("touch", "/run/enough")
    site.until(lambda: site.show("SubState", "script.service") != "running", "the script's end")
    assert site.show("ExecMainStatus", "script.service") == "0"
    site.machine.run("systemctl", "stop", "script.service")
    site.agentchan("gone", "ivr1-009")


def test_a_faulty_daemon_behind_the_socket_is_not_started_for_ever(site: Site) -> None:
    """Scripts that go on knocking do not start it again and again; when it is mended, both are started."""
    site.machine.run("systemctl", "stop", "agentchan.service")
    site.machine.run("systemctl", "start", "agentchan.socket")
    site.machine.write(CONFIGURATION, "[ivr]\nnam = 1\n")
    site.ask("/livez", "--retry", "20", "--retry-all-errors", "--retry-delay", "1", "--max-time", "60")
    site.until(lambda: site.show("ActiveState", "agentchan.socket") == "failed", "the socket giving up", timeout=60)
    site.configure(site.tables())
    site.machine.run("systemctl", "restart", "agentchan.socket", "agentchan.service")
    assert site.ask("/livez").stdout.splitlines()[-1] == "200"


def test_secrets_come_as_credentials(site: Site) -> None:
    """A file that only root may read is the API's token."""
    site.machine.write("/etc/agentchan/credentials/token", "s3cret\n", mode="600")
    tables = site.tables()
    tables["api"]["token_file"] = "/run/credentials/agentchan.service/token"
    site.configure(tables)
    site.machine.run("systemctl", "restart", "agentchan.service")
    assert site.ask("/v1/failing-over").stdout.splitlines()[-1] == "401"
    assert site.ask("/v1/failing-over", "-H", "Authorization: Bearer s3cret").stdout.splitlines()[-1] == "200"
    assert "s3cret" not in json.dumps(site.journal())


def test_the_journal_has_priorities_and_fields(site: Site) -> None:
    """Each event is one entry, found by its name, with its fields; no binary lumps."""
    (started, *_) = site.journal(AGENTCHAN_EVENT="started")
    assert started["PRIORITY"] == "6"
    assert started["AGENTCHAN_CHANNELS"] == "120"
    assert started["SYSLOG_IDENTIFIER"] == "agentchan"
    site.machine.write(CONFIGURATION, "[ivr]\nnam = 1\n")
    site.machine.attempt("systemctl", "reload", "agentchan.service")
    refused = site.journal(AGENTCHAN_EVENT="reload-refused")[-1]
    assert refused["PRIORITY"] == "3"
    assert all(isinstance(entry["MESSAGE"], str) for entry in site.journal())


def test_several_ivrs_on_one_host(site: Site) -> None:
    """Each instance has its own configuration, state, socket and listener; what befalls one leaves the other alone."""
    site.machine.run("systemctl", "stop", "agentchan.service")
    site.start_pair("lab-two")
    for name, pair, port in (("one", "lab", 8094), ("two", "lab-two", 8095)):
        tables = site.tables(pair)
        tables["api"] = {"socket": f"/run/agentchan-{name}/agentchan.sock"}
        tables["journal"] = {"path": f"/var/lib/agentchan-{name}/journal.sqlite3"}
        site.configure(tables, f"/etc/agentchan/{name}.toml")
        site.drop_in(f"[Socket]\nListenStream=127.0.0.1:{port}\n", f"agentchan@{name}.socket")
    units = [f"agentchan@{name}.{kind}" for kind in ("socket", "service") for name in ("one", "two")]
    site.machine.run("systemctl", "start", *units)
    for name, port in (("one", 8094), ("two", 8095)):
        site.wait_ready(120, "--config", f"/etc/agentchan/{name}.toml")
        site.machine.run("curl", "--silent", "--fail", f"http://127.0.0.1:{port}/livez")
    site.machine.run("systemctl", "reload", "agentchan@two.service")
    site.machine.run("systemctl", "stop", "agentchan@two.socket", "agentchan@two.service")
    assert site.is_ready(120, ("--config", "/etc/agentchan/one.toml"))
    site.machine.run("systemctl", "stop", *units, "lab-two.service")
