"""``agentchan doctor``: checks everything from here to CE, a line each, and says what to do about each failure.

It uses the daemon's own code to resolve, dial, verify and ask, so that what it finds is what the daemon meets. It asks
CE nothing that changes anything: no NewCall or Gone ever, and no sign-on unless it is told to.
"""
