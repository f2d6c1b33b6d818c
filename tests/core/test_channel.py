"""The channels: what is wanted, what was said, what CE reports, and so what must be said next."""

from __future__ import annotations

from attrs import define
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from agentchan.core.channel import Wish
from agentchan.core.channels import Channels
from agentchan.vocabulary import ChannelReport, ChannelState, ReadinessChange

READY = Wish(ready=True)
OUT = Wish(ready=False, reason="by hand")
NAMES = ("c1", "c2", "c3", "c4")


def signed_on(*names: str, wish: Wish = READY) -> Channels:
    """Channels of a session that has just begun, all of them NotReady."""
    channels = Channels(names, wish, 0.0)
    channels.opening()
    channels.signed_on([ChannelReport(name, ChannelState.NOT_READY) for name in names], names, 1.0)
    return channels


def told(channels: Channels, limit: int = 500, ready_limit: int = 500) -> list[str]:
    """What would be told next."""
    return [f"{each.channel} {each.ready}" for each in channels.next_changes(limit, ready_limit)]


def test_a_few_of_many() -> None:
    """At most so many in all, and at most so many that make ready; those that are to be not ready come first."""
    channels = signed_on("c1", "c2", "c3", "c4")
    channels.wished("c3", OUT)
    assert told(channels) == ["c3 False", "c1 True", "c2 True", "c4 True"]
    assert told(channels, limit=2) == ["c3 False", "c1 True"]
    assert told(channels, ready_limit=1) == ["c3 False", "c1 True"]
    assert told(channels, ready_limit=0) == ["c3 False"]
    assert told(channels, limit=1) == ["c3 False"]


def test_the_collection() -> None:
    """Channels are found by name, in order."""
    channels = signed_on("c1", "c2")
    assert len(channels) == 2
    assert "c1" in channels
    assert "c9" not in channels
    assert [channel.name for channel in channels.all()] == ["c1", "c2"]
    assert channels["c1"].since == 1.0


def test_reports_of_strangers_are_dropped() -> None:
    """CE may name what was not asked; that says nothing to us."""
    channels = Channels(("c1",), READY, 0.0)
    strange = ChannelReport("x", ChannelState.BUSY, "1")
    mine = ChannelReport("c1", ChannelState.NOT_READY)
    assert channels.signed_on([strange, mine], ("c1",), 0.0) == (mine,)
    assert channels.extended([strange, mine], ("c1",), 0.0) == (mine,)


def test_a_channel_that_is_out_of_the_list_is_forgotten() -> None:
    """What was put off or refused for a channel that is not there any more troubles nobody."""
    channels = signed_on("c1", "c2")
    change = ReadinessChange("c2", ready=True)
    channels.asked([change])
    channels.listed(["c1"], READY, 2.0)
    channels.put_off(change, 5.0)
    channels.not_said([change])
    channels.say_again(10.0)
    assert channels.told_again_at == float("inf")
    assert channels.answered([change], [ChannelReport("c2", ChannelState.READY)], 2.0, 3.0)[1] == ()


def test_a_wish_that_was_put_off_and_taken_out() -> None:
    """The list changes while a wish is put off: its time comes for nobody."""
    channels = signed_on("c1", "c2")
    channels.put_off(ReadinessChange("c2", ready=True), 5.0)
    assert channels.told_again_at == 5.0
    channels.listed(["c1"], READY, 2.0)
    assert channels.told_again_at == float("inf")


def test_a_wish_that_ce_did_not_take_comes_back() -> None:
    """Wanted otherwise and again as before, with nothing said in between: it is told at once; CE has not got it."""
    channels = signed_on("c1")
    change = ReadinessChange("c1", ready=True)
    channels.asked([change])
    channels.put_off(change, 5.0)
    assert told(channels) == []
    channels.wished("c1", OUT)
    channels.wished("c1", READY)
    assert told(channels) == ["c1 True"]
    assert not channels["c1"].not_taken


def test_whether_ce_has_taken_the_wish() -> None:
    """It has not from when a wish was put off until CE has answered it well, or the session or the channel is gone."""
    change = ReadinessChange("c1", ready=True)
    ready, busy = (ChannelReport("c1", state, None) for state in (ChannelState.READY, ChannelState.BUSY))
    for ends in (
        lambda channels: channels.answered([change], [ready], 6.0, 7.0),
        lambda channels: channels.answered([change], [busy], 6.0, 7.0),
        lambda channels: channels.answered([change], [], 6.0, 7.0),
        lambda channels: channels.signed_off(6.0),
        lambda channels: channels.signed_on([], ("c1",), 6.0),
        lambda channels: channels.exclude(["c1"]),
    ):
        channels = signed_on("c1")
        channels.put_off(change, 5.0)
        channels.say_again(5.0)
        channels.asked([change])
        assert channels["c1"].not_taken
        ends(channels)
        assert not channels["c1"].not_taken


def test_channels_that_are_tried_again() -> None:
    """CE does not know them until it has taken them; one that it names once more is left out once more."""
    channels = signed_on("c1", "c2", "c3")
    assert channels.exclude(["c2", "c3"]) == ("c2", "c3")
    assert channels.exclude(["c2"]) == ()
    channels.include_all()
    assert (channels.known(), channels.unknown()) == (("c1", "c2", "c3"), ("c2", "c3"))
    assert channels.exclude(["c3"]) == ("c3",)
    assert (channels.known(), channels.unknown()) == (("c1", "c2"), ("c2", "c3"))
    channels.extended([], ("c1", "c2"), 2.0)
    assert channels.unknown() == ("c3",)
    assert channels["c3"].left_out
    # CE may forget again what it has known.
    channels.include_all()
    channels.signed_on([], ("c1", "c2", "c3"), 3.0)
    assert channels.unknown() == ()
    assert channels.exclude(["c3"]) == ("c3",)
    assert channels.known() == ("c1", "c2")


def test_a_channel_that_ce_believes_ready() -> None:
    """One that is not wanted so is told, with or without a reason: only what CE says to be NotReady counts as said."""
    for state, expected in (
        (ChannelState.READY, ["c1 False"]),
        (ChannelState.BUSY, ["c1 False"]),
        (ChannelState.NOT_READY, []),
    ):
        channels = Channels(("c1",), Wish(ready=False), 0.0)
        channels.signed_on([ChannelReport("c1", state)], ("c1",), 1.0)
        assert told(channels) == expected


def test_another_list_tells_of_the_old_channels_too() -> None:
    """What CE reports of a channel in both lists is its newest word; one that it does not report stays as it was."""
    channels = signed_on("c1", "c2")
    channels.opening()
    channels.extended([ChannelReport("c1", ChannelState.BUSY, "1")], ("c1", "c2"), 2.0)
    assert (channels["c1"].reported, channels["c1"].call_id) == (ChannelState.BUSY, "1")
    assert channels["c2"].reported is ChannelState.NOT_READY


def test_since_when_a_channel_is_so() -> None:
    """Since its state, or its call, has changed; the same news again changes nothing."""
    channels = signed_on("c1")
    for now, state, call_id, since in (
        (2.0, ChannelState.BUSY, "1", 2.0),
        (3.0, ChannelState.BUSY, "1", 2.0),
        (4.0, ChannelState.BUSY, "2", 4.0),
        (5.0, ChannelState.WRAPUP, "2", 5.0),
    ):
        channels.reported_by_signal(ChannelReport("c1", state, call_id), now)
        assert (channels["c1"].call_id, channels["c1"].since) == (call_id, since)


def test_held_back_over_a_reload() -> None:
    """A channel that leaves the list with signals pending, and comes back, is still held back."""
    channels = signed_on("c1", "c2")
    channels.hold_back("c2")
    channels.listed(["c1"], READY, 2.0)
    channels.hold_back("c3")
    channels.listed(["c1", "c2", "c3"], READY, 3.0)
    channels.extended([], ("c1", "c2", "c3"), 3.0)
    assert told(channels) == ["c1 True"]
    channels.let_go("c2")
    channels.let_go("c3")
    channels.let_go("c9")
    assert told(channels) == ["c1 True", "c2 True", "c3 True"]


def test_the_list_of_the_session() -> None:
    """Whether CE is to be given another list is decided by what it was given last."""
    channels = Channels(("c1", "c2"), READY, 0.0)
    channels.signed_on([], ("c1",), 0.0)
    assert channels.list_changed
    channels.exclude(["c2", "c9"])
    assert channels.known() == ("c1",)
    channels.compare_list()
    assert not channels.list_changed
    channels.include_all()
    assert channels.list_changed


@define
class CeChannel:
    """What CE believes of a channel: its call, and the wish of this session."""

    call: str | None = None
    ready: bool = False

    def report(self, name: str) -> ChannelReport:
        """CE's report."""
        if self.call is not None:
            return ChannelReport(name, ChannelState.BUSY, self.call)
        return ChannelReport(name, ChannelState.READY if self.ready else ChannelState.NOT_READY)


class ChannelsMachine(RuleBasedStateMachine):
    """Channels against a CE that keeps the contract, but may lose a wish."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.channels = Channels(NAMES, READY, self.now)
        self.ce = {name: CeChannel() for name in NAMES}
        self.held_back: set[str] = set()
        self.session: tuple[str, ...] = ()
        self.asked: tuple[ReadinessChange, ...] = ()
        self.blurred: set[str] = set()

    @rule()
    def sign_on(self) -> None:
        """A session begins: idle channels are NotReady, wishes are over."""
        self.session, self.asked = self.channels.known(), ()
        for name in self.session:
            self.ce[name].ready = False
        self.channels.opening()
        self.channels.signed_on([self.ce[name].report(name) for name in self.session], self.session, self.now)

    @rule()
    def sign_off(self) -> None:
        """A session ends."""
        self.session, self.asked = (), ()
        self.channels.signed_off(self.now)

    @rule(name=st.sampled_from(NAMES), wish=st.sampled_from([READY, OUT, Wish(ready=False)]))
    def wish(self, name: str, wish: Wish) -> None:
        """Somebody wants something else."""
        if name in self.channels:
            self.channels.wished(name, wish)

    @rule(name=st.sampled_from(NAMES))
    def unknown(self, name: str) -> None:
        """CE does not know a channel."""
        self.channels.exclude([name])

    @rule(names=st.lists(st.sampled_from(NAMES), min_size=1, unique=True))
    def reload(self, names: list[str]) -> None:
        """Another list, told to the live session."""
        self.channels.listed(names, READY, self.now)
        self.channels.include_all()
        if self.session:
            before, self.session, self.asked = self.session, self.channels.known(), ()
            for name in set(self.session) - set(before):
                self.ce[name].ready = False
            self.channels.extended([self.ce[name].report(name) for name in self.session], self.session, self.now)

    @precondition(lambda self: self.session and not self.asked)
    @rule(limit=st.integers(1, 4), ready_limit=st.integers(0, 4))
    def ask(self, limit: int, ready_limit: int) -> None:
        """A request goes out, and CE applies it."""
        self.asked = self.channels.next_changes(limit, ready_limit)
        assert len(self.asked) <= limit
        for change in self.asked:
            assert change.channel in self.session
            assert not self.channels[change.channel].unknown_to_ce
            assert not (change.ready and change.channel in self.held_back), "a channel was made ready that is held back"
            self.ce[change.channel].ready = change.ready
        self.blurred = set()
        self.channels.asked(self.asked)

    @precondition(lambda self: self.asked)
    @rule(how=st.sampled_from(["good", "refused", "not taken"]))
    def answer(self, how: str) -> None:
        """It is answered: as asked, refused as a whole after all, or without effect for the first channel."""
        changes, self.asked = self.asked, ()
        if how == "refused":
            for change in changes:
                self.ce[change.channel].ready = False
            self.channels.not_said(changes)
            return
        first = self.ce[changes[0].channel]
        if how == "not taken":
            first.ready = not first.ready
        reports = [self.ce[change.channel].report(change.channel) for change in changes]
        clear, stubborn = self.channels.answered(changes, reports, self.now, self.now + 5.0)
        assert {report.channel for report in clear}.isdisjoint(self.blurred)
        assert set(stubborn) <= ({changes[0].channel} if how == "not taken" else set())

    @rule(name=st.sampled_from(NAMES))
    def signal_out(self, name: str) -> None:
        """A signal is pending, and goes out."""
        self.channels.hold_back(name)
        self.channels.signal_sent(name)
        self.held_back.add(name)
        self.blurred.add(name)

    @precondition(lambda self: self.held_back)
    @rule(data=st.data(), kind=st.sampled_from(["new call", "gone", "gone, wish lost"]))
    def signal_answered(self, data: st.DataObject, kind: str) -> None:
        """It is answered, and nothing is pending any more."""
        name = data.draw(st.sampled_from(sorted(self.held_back)))
        self.held_back.discard(name)
        channel = self.ce[name]
        channel.call = "call" if kind == "new call" else None
        if kind == "gone, wish lost":
            channel.ready = False
        self.channels.signal_answered(name)
        self.channels.reported_by_signal(channel.report(name), self.now)
        self.channels.let_go(name)

    @rule(name=st.sampled_from(NAMES))
    def ask_for_a_report(self, name: str) -> None:
        """Somebody wants to know what CE believes of a channel."""
        self.channels.tell_again(name)

    @rule()
    def time_passes(self) -> None:
        """What was put off comes back."""
        self.now += 10.0
        self.channels.say_again(self.now)
        assert self.channels.told_again_at > self.now

    @invariant()
    def restored_means_nothing_to_tell(self) -> None:
        """Restored is when nothing may be told."""
        assert self.channels.restored == (not self.channels.next_changes(9, 9))

    def teardown(self) -> None:
        """Told everything, CE believes what is wanted of each channel that it knows, at the latest by its Gone."""
        if self.asked:
            self.answer("good")
        for name in sorted(self.held_back):
            self.channels.reported_by_signal(self.ce[name].report(name), self.now)
            self.channels.let_go(name)
        self.held_back.clear()
        for name, channel in self.ce.items():
            # Every call ends; what CE answers then shows a wish that it has lost.
            channel.call = None
            self.channels.reported_by_signal(channel.report(name), self.now)
        self.time_passes()
        for _ in range(4 * len(NAMES)):
            if self.session:
                self.ask(4, 4)
            if not self.asked:
                break
            self.answer("good")
        for name in self.session:
            if name in self.channels and not self.channels[name].unknown_to_ce:
                assert self.ce[name].ready == self.channels[name].wish.ready, name


TestChannels = ChannelsMachine.TestCase
TestChannels.settings = settings(max_examples=60, stateful_step_count=40)
