"""What the API may ask of the daemon, done (:class:`agentchan.api.operator.Operator`)."""

from __future__ import annotations

from agentchan.operations.acting import Acting
from agentchan.operations.calls import CallOperations
from agentchan.operations.looking import Looking
from agentchan.operations.questions import Questions
from agentchan.operations.soap_door import SoapDoor

__all__ = ["Operations"]


class Operations(Looking, Questions, Acting, CallOperations, SoapDoor):
    """The daemon's side of the API."""
