"""The lab: a reference pair of CE Core Hosts to test and to play against.

It is an independent peer: it shares with the rest of the program nothing but the two WSDL files of the reference
contract, so that a misunderstanding on one side cannot hide on the other.
"""
