"""Tests of agentchan.ce."""
