"""Tests of agentchan.core."""
