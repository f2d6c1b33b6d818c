"""Tools for site profiles: begin one from a live WSDL, prove one, show one.

Nothing of this is used by the daemon, and :mod:`agentchan.profile_tools.download` is the only place that ever fetches a
WSDL.
"""
