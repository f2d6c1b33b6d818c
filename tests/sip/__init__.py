"""Tests of agentchan.sip."""
