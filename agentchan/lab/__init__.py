"""The lab: a reference pair of CE Core Hosts to test and to play against, and what runs it beside a daemon.

The hosts (:mod:`agentchan.lab.host` and what it imports) are an independent peer: they share with the rest of the
program nothing but the WSDL files, so that a misunderstanding on one side cannot hide on the other.
"""
