"""What is wanted of each channel: by hand, in a drain, and for the IVR's own health."""

from __future__ import annotations

import pytest

from agentchan.core.channel import Wish
from agentchan.core.readiness import DRAINING, IVR_DOWN, READY, ByHand, Readiness


@pytest.mark.parametrize(
    ("draining", "ivr_down", "by_hand", "wish"),
    [
        (False, False, False, READY),
        (False, False, True, Wish(False, "mended")),
        (False, True, False, Wish(False, IVR_DOWN)),
        (False, True, True, Wish(False, IVR_DOWN)),
        (True, False, False, Wish(False, DRAINING)),
        (True, True, True, Wish(False, DRAINING)),
    ],
)
def test_which_wish_outweighs_which(draining: bool, ivr_down: bool, by_hand: bool, wish: Wish) -> None:
    """A drain before a dead IVR before an operator; ready is what nobody is against."""
    readiness = Readiness(draining=draining, ivr_down=ivr_down)
    if by_hand:
        readiness.take_out(["c1"], ByHand("mended"))
    assert readiness.wish("c1") == wish


def test_what_was_wanted_by_hand_comes_back() -> None:
    """None of the sources forgets what the others want."""
    readiness = Readiness()
    readiness.take_out(["c1", "c2"], ByHand("mended"))
    readiness.draining = readiness.ivr_down = True
    readiness.bring_back(["c2", "c9"])
    readiness.draining = readiness.ivr_down = False
    assert readiness.wish("c1") == Wish(False, "mended")
    assert readiness.wish("c2") == READY


def test_wishes_that_end_by_themselves() -> None:
    """The next end is known; those that are over are told."""
    readiness = Readiness()
    assert readiness.expires_at == float("inf")
    readiness.take_out(["c1"], ByHand("for ever"))
    readiness.take_out(["c2"], ByHand("an hour", until=3600.0))
    readiness.take_out(["c3"], ByHand("a minute", until=60.0))
    assert readiness.expires_at == 60.0
    assert readiness.expire(59.9) == ()
    assert readiness.expire(60.0) == ("c3",)
    assert readiness.wish("c3") == READY
    assert readiness.expires_at == 3600.0
    assert readiness.expire(1e9) == ("c2",)
    assert readiness.wish("c1") == Wish(False, "for ever")
