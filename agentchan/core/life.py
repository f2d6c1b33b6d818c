"""The agent channel's life: dial, sign on, restore, up, suspect, sign off; and again, for ever.

A typed Automat machine: each state has the data that makes sense in it and nowhere else, and an input that a state does
not declare is an error. Here is the table; what happens on an input is in :mod:`~agentchan.core.life_dialing`,
:mod:`~agentchan.core.sign_on`, :mod:`~agentchan.core.signed_on` and :mod:`~agentchan.core.life_ending`. The states:

- *down*: nobody to be signed on to, or waiting for the next attempt;
- *dialing*;
- *signing on*: OpenSession is out;
- *signed on*: shown as restoring, up or suspect;
- *pausing*: connected, asking again later; shown as standing-by or contended;
- *finishing*: told to stop, a reply is still out; *signing off*: CloseSession is out; both shown as signing-off;
- *stopped*.
"""

from __future__ import annotations

from math import inf

from automat import TypeMachineBuilder

from agentchan.core import life_dialing as begin
from agentchan.core import life_ending as end
from agentchan.core import life_shown as look
from agentchan.core import signed_on as session
from agentchan.core.life_parts import Core, Life
from agentchan.core.quick_machine import quick

builder = TypeMachineBuilder(Life, Core)

down = builder.state("down")
dialing = builder.state("dialing")
signing_on = builder.state("signing on", begin.asking)
signed_on = builder.state("signed on", begin.conversing)
pausing = builder.state("pausing", begin.pausing)
finishing = builder.state("finishing", end.leaving)
signing_off = builder.state("signing off", end.leaving)
stopped = builder.state("stopped")

# Where the decisions lead.

down.upon(Life.dial).to(dialing)(begin.dial)
dialing.upon(Life.dial).loop()(begin.dial)
signing_on.upon(Life.dial).to(dialing)(begin.dial_on)
signed_on.upon(Life.dial).to(dialing)(begin.dial_on)

dialing.upon(Life.rest).to(down).returns(None)
signing_on.upon(Life.rest, nodata=True).to(down).returns(None)
signed_on.upon(Life.rest, nodata=True).to(down).returns(None)
pausing.upon(Life.rest, nodata=True).to(down).returns(None)

dialing.upon(Life.ask).to(signing_on).returns(None)
pausing.upon(Life.ask, nodata=True).to(signing_on).returns(None)

dialing.upon(Life.converse).to(signed_on)(begin.signed)
signing_on.upon(Life.converse, nodata=True).to(signed_on)(begin.signed)

signing_on.upon(Life.pause, nodata=True).to(pausing).returns(None)
signed_on.upon(Life.pause, nodata=True).to(pausing).returns(None)

signed_on.upon(Life.finish, nodata=True).to(finishing).returns(None)
finishing.upon(Life.leave, nodata=True).to(signing_off).returns(None)
finishing.upon(Life.end).to(stopped)(end.over)
signing_off.upon(Life.end).to(stopped)(end.over)

# What comes from outside.

down.upon(Life.follow).loop().returns(None)
down.upon(Life.tick).loop()(begin.try_again)
down.upon(Life.retimed).loop().returns(None)
down.upon(Life.stop).to(stopped)(end.stop)

dialing.upon(Life.follow).loop()(begin.follow_another)
dialing.upon(Life.connected).loop()(begin.connected)
dialing.upon(Life.failed).loop()(begin.failed)
dialing.upon(Life.heard).loop().returns(None)
dialing.upon(Life.denied).loop()(begin.denied)
dialing.upon(Life.tick).loop().returns(None)
dialing.upon(Life.retimed).loop().returns(None)
dialing.upon(Life.stop).to(stopped)(end.stop)

signing_on.upon(Life.follow, nodata=True).loop()(begin.follow_another)
signing_on.upon(Life.failed, nodata=True).loop()(begin.failed)
signing_on.upon(Life.heard, nodata=True).loop()(begin.heard)
signing_on.upon(Life.denied, nodata=True).loop()(begin.denied)
signing_on.upon(Life.replied).loop()(begin.asked)
signing_on.upon(Life.tick).loop()(begin.asked_in_vain)
signing_on.upon(Life.retimed, nodata=True).loop().returns(None)
signing_on.upon(Life.stop).to(stopped)(end.stop_without_session)

signed_on.upon(Life.follow).loop()(session.followed)
signed_on.upon(Life.failed).loop()(session.lost)
signed_on.upon(Life.heard).loop()(session.heard)
signed_on.upon(Life.denied).loop()(session.denied)
signed_on.upon(Life.replied).loop()(session.answered)
signed_on.upon(Life.probed).loop()(session.probed)
signed_on.upon(Life.tick).loop()(session.watch)
signed_on.upon(Life.retimed).loop()(session.retimed)
signed_on.upon(Life.stop).loop()(session.sign_off)

pausing.upon(Life.follow).loop()(begin.follow_from_pause)
pausing.upon(Life.failed, nodata=True).loop()(begin.failed)
pausing.upon(Life.heard, nodata=True).loop()(begin.heard)
pausing.upon(Life.denied, nodata=True).loop()(begin.denied)
pausing.upon(Life.tick).loop()(begin.ask_again)
pausing.upon(Life.retimed, nodata=True).loop().returns(None)
pausing.upon(Life.stop).to(stopped)(end.stop_without_session)

finishing.upon(Life.follow, nodata=True).loop()(end.no_goodbye)
finishing.upon(Life.failed, nodata=True).loop()(end.lost)
finishing.upon(Life.heard, nodata=True).loop().returns(None)
finishing.upon(Life.denied, nodata=True).loop()(end.denied)
finishing.upon(Life.replied).loop()(end.last_reply)
finishing.upon(Life.probed).loop()(end.last_probe)
finishing.upon(Life.tick).loop()(end.finish)
finishing.upon(Life.retimed, nodata=True).loop().returns(None)
finishing.upon(Life.stop, nodata=True).loop()(end.at_once)

signing_off.upon(Life.follow, nodata=True).loop()(end.no_goodbye)
signing_off.upon(Life.failed, nodata=True).loop()(end.lost)
signing_off.upon(Life.heard, nodata=True).loop().returns(None)
signing_off.upon(Life.denied, nodata=True).loop()(end.denied)
signing_off.upon(Life.replied, nodata=True).loop()(end.goodbye)
signing_off.upon(Life.tick).loop()(end.goodbye_in_vain)
signing_off.upon(Life.retimed, nodata=True).loop().returns(None)
signing_off.upon(Life.stop, nodata=True).loop()(end.at_once)

stopped.upon(Life.follow).loop().returns(None)
stopped.upon(Life.tick).loop().returns(None)
stopped.upon(Life.retimed).loop().returns(None)
stopped.upon(Life.stop).loop().returns(None)

# What nothing in a state has asked for is counted, and changes nothing.

dialing.upon(Life.replied).loop()(begin.stray_reply)
dialing.upon(Life.probed).loop()(begin.stray)
signing_on.upon(Life.connected, nodata=True).loop()(begin.stray)
signing_on.upon(Life.probed, nodata=True).loop()(begin.stray)
signed_on.upon(Life.connected, nodata=True).loop()(begin.stray)
pausing.upon(Life.connected, nodata=True).loop()(begin.stray)
pausing.upon(Life.replied, nodata=True).loop()(begin.stray_reply)
pausing.upon(Life.probed, nodata=True).loop()(begin.stray)
finishing.upon(Life.connected, nodata=True).loop()(begin.stray)
signing_off.upon(Life.connected, nodata=True).loop()(begin.stray)
signing_off.upon(Life.probed, nodata=True).loop()(begin.stray)

# What people may see, and when time matters next.

down.upon(Life.show).loop()(look.show_down)
dialing.upon(Life.show).loop()(look.show_dialing)
signing_on.upon(Life.show).loop()(look.show_signing_on)
signed_on.upon(Life.show).loop()(look.show_signed_on)
pausing.upon(Life.show).loop()(look.show_pausing)
finishing.upon(Life.show).loop()(look.show_signing_off)
signing_off.upon(Life.show).loop()(look.show_signing_off)
stopped.upon(Life.show).loop()(look.show_stopped)

down.upon(Life.deadline).loop()(look.next_attempt)
dialing.upon(Life.deadline).loop().returns(inf)  # the dialer keeps the deadlines of an attempt
signing_on.upon(Life.deadline).loop()(look.answer_due)
signed_on.upon(Life.deadline).loop()(look.saying_due)
pausing.upon(Life.deadline).loop()(look.asking_due)
finishing.upon(Life.deadline).loop()(look.leaving_due)
signing_off.upon(Life.deadline).loop()(look.leaving_due)
stopped.upon(Life.deadline).loop().returns(inf)

make_life = quick(builder.build())
