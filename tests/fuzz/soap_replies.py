"""What CE answers, to every duty of every profile that is at hand."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from copy import deepcopy

from lxml import etree

from agentchan.ce.duties import COMPONENT_DUTIES
from agentchan.ce.errors import ExchangeFailed
from agentchan.ce.samples import sample_request
from agentchan.ce.xml_input import XmlRefused, parse_xml
from tests.ce.wsdls import ALL, codec, profile
from tests.fuzz.target import CANARY, Target, tried

STATUSES = (200, 500)
XML = (
    *(
        b"<",
        b">",
        b"/>",
        b"</",
        b"<a>",
        b"</a>",
        b'="',
        b"&amp;",
        b"&#0;",
        b"&#x10ffff;",
        b"<![CDATA[",
        b"]]>",
        b"<!--",
    ),
    *(b"<?xml version='1.0' encoding='utf-16'?>", b"<?xml version='1.1'?>", b" xmlns='urn:x'", b"xsi:nil='true'"),
    *(b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"<!DOCTYPE a SYSTEM '%s'>" % CANARY.encode(), b"&b;", b"xsi:type='x:y'"),
    *(b"<?xml-model href='%s'?>" % CANARY.encode(), b" xsi:schemaLocation='urn:x %s'" % CANARY.encode(), b"\xff\xfe"),
    *(
        b"s:Fault",
        b"s:Body",
        b"s:Header",
        b"true",
        b"2026-11-24T10:15:30Z",
        b"Ready",
        b"Running",
        b"-1",
        b"99999999999",
    ),
)


def _works(data: bytes) -> Iterator[Callable[[], object]]:
    if not is_xml(data):
        # One reader says so as well as all others.
        yield tried(_answer("reference", "gone", 200, data), ExchangeFailed)
        return
    for name in ALL:
        for duty in profile(name).mapped:
            for status in STATUSES:
                yield tried(_answer(name, duty, status, data), ExchangeFailed)


def _answer(name: str, duty: str, status: int, data: bytes) -> Callable[[], object]:
    media_type = "text/xml; charset=utf-8"
    if duty in COMPONENT_DUTIES:
        return lambda: codec_of(name).decode_status(duty, status, media_type, data)
    return lambda: codec_of(name).decode(REQUESTS[name, duty], status, media_type, data)


def is_xml(data: bytes) -> bool:
    """Whether it is XML that is read at all."""
    try:
        parse_xml(data)
    except XmlRefused:
        return False
    return True


def changed_tree(data: bytes, chance: random.Random) -> bytes | None:
    """A document with some elements, texts or attributes changed; None where it is none."""
    try:
        root = parse_xml(data)
    except XmlRefused:
        return None
    for _ in range(chance.randint(1, 4)):
        every = list(root.iter())
        one, other = chance.choice(every), chance.choice(every)
        match chance.randint(0, 6):
            case 0:
                one.text = chance.choice(_TEXTS)
            case 1 if one is not root:
                one.getparent().remove(one)  # type: ignore[union-attr]  only the root has none
            case 2:
                other.append(deepcopy(one))
            case 3:
                one[:] = chance.sample(list(one), len(one))
            case 4:
                one.tag = other.tag
            case 5:
                one.set(chance.choice(_ATTRIBUTES), chance.choice(_TEXTS))
            case _:
                one.extend(deepcopy(list(other)) * chance.choice((1, 2, 50)))
        if len(every) > _MOST_ELEMENTS:
            break
    return etree.tostring(root)


_MOST_ELEMENTS = 500
_TEXTS = (
    "",
    " ",
    "x",
    "Ready",
    "Busy",
    "NotActive",
    "true",
    "-1",
    "9" * 30,
    "2026-11-24T10:15:30Z",
    "0",
    "\ufffd" * 300,
)
_ATTRIBUTES = (
    *(
        "{http://www.w3.org/2001/XMLSchema-instance}nil",
        "{http://www.w3.org/2001/XMLSchema-instance}type",
        "id",
        "href",
    ),
    "{http://schemas.xmlsoap.org/soap/envelope/}mustUnderstand",
)
codec_of = {name: codec(name) for name in ALL}.__getitem__
REQUESTS = {
    (name, duty): sample_request(profile(name), duty)
    for name in ALL
    for duty in profile(name).mapped
    if duty not in COMPONENT_DUTIES
}
TARGET = Target("soap_replies", _works, XML, largest=32 * 1024, mutated=changed_tree)
