"""The tests of agentchan."""
