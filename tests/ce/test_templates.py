"""Texts with fields: parsed, filled, read back; and lengths of time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from math import inf
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from agentchan.ce.shapes import Kind
from agentchan.ce.templates import Field, Template, TemplateError, seconds_of
from agentchan.rfc3339 import rfc3339

AT = datetime(2026, 11, 24, 10, 15, 30, 123999, tzinfo=UTC)


class TestParsing:
    """What a template is made of."""

    @pytest.mark.parametrize(
        ("text", "parts"),
        [
            ("", ()),
            ("x", ("x",)),
            ("{call_id}", (Field("call_id"),)),
            ("IVR-{call_id}!", ("IVR-", Field("call_id"), "!")),
            ("{ivr}{channel}", (Field("ivr"), Field("channel"))),
            ("{channel.Campaign-2}", (Field("channel.Campaign-2"),)),
            ("{started_at:%H:%M}", (Field("started_at", "%H:%M"),)),
            ("{started_at:}", (Field("started_at"),)),
            ("{{{ivr}}}", ("{", Field("ivr"), "}")),
        ],
    )
    def test_parts(self, text: str, parts: tuple[object, ...]) -> None:
        """Texts and fields in order; doubled braces are braces."""
        assert "".join(map(str, Template.parse(text).parts)) == "".join(map(str, parts))

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("{", "its braces are wrong: Single '{' encountered in format string; a brace itself is written {{ or }}"),
            ("}", "its braces are wrong: Single '}' encountered in format string; a brace itself is written {{ or }}"),
            ("{}", "{} is no field; a field is such as {call_id} or {channel.KEY}"),
            ("{0}", "{0} is no field"),
            ("{IVR}", "{IVR} is no field"),
            ("{ivr }", "{ivr } is no field"),
            ("{ivr!r}", "{ivr!r} is no field"),
            ("{ivr[0]}", "{ivr[0]} is no field"),
            ("{a.b.c}", "{a.b.c} is no field"),
            ("{ivr:10}", "{ivr:10} has a form that is no pattern such as %Y-%m-%dT%H:%M:%S"),
            ("{at:%}", "{at:%} has a form that is no pattern"),
            ("{at:{b}}", "{at:{b}} has a form that is no pattern"),
        ],
    )
    def test_wrong(self, text: str, reason: str) -> None:
        """What is none is refused, with the reason."""
        with pytest.raises(TemplateError) as caught:
            Template.parse(text)
        assert str(caught.value).startswith(reason)

    @given(st.text(st.sampled_from("{}a:.%!_[]0 H"), max_size=12))
    def test_anything(self, text: str) -> None:
        """Any text is a template, or is refused as none; what is one can be filled."""
        try:
            template = Template.parse(text)
        except TemplateError:
            return
        assert isinstance(template.fill({"a": "x", "_": AT}), str)


class TestFilling:
    """What comes out."""

    @pytest.mark.parametrize(
        ("text", "kind", "values", "filled"),
        [
            ("{a}", Kind.TEXT, {"a": "x"}, "x"),
            ("{a}", Kind.TEXT, {}, ""),
            ("{a}", Kind.TEXT, {"a": None}, ""),
            ("{a}", Kind.TEXT, {"a": ""}, ""),
            ("<{a}>", Kind.TEXT, {"a": ""}, ""),
            ("<{a}{b}>", Kind.TEXT, {"b": "x"}, "<x>"),
            ("<{a}{b}>", Kind.TEXT, {}, ""),
            ("x", Kind.TEXT, {}, "x"),
            ("", Kind.TEXT, {}, ""),
            ("{a}", Kind.BOOLEAN, {"a": True}, "true"),
            ("{a}", Kind.BOOLEAN, {"a": False}, "false"),
            ("{a}", Kind.WHOLE, {"a": 7}, "7"),
            ("{a}", Kind.DURATION, {"a": 1.0}, "PT1S"),
            ("{a}", Kind.DURATION, {"a": 0.25}, "PT0.25S"),
            ("{a}", Kind.DURATION, {"a": 0.0}, "PT0S"),
            ("{a}", Kind.DURATION, {"a": 100.0}, "PT100S"),
            ("{a}", Kind.WHOLE, {"a": 0.25}, "1"),
            ("{a}", Kind.WHOLE, {"a": 2.0}, "2"),
            ("{a}", Kind.NUMBER, {"a": 1234567.5}, "1234567.5"),
            ("{a}", Kind.TEXT, {"a": 0.0001}, "0"),
            ("{a}", Kind.TIME, {"a": AT}, "2026-11-24T10:15:30.123Z"),
            ("{a:%d.%m.%y}", Kind.TEXT, {"a": AT}, "24.11.26"),
            ("{a:%H:%M}", Kind.TEXT, {"a": None}, ""),
        ],
    )
    def test_filled(self, text: str, kind: Kind, values: dict[str, Any], filled: str) -> None:
        """Values as XML Schema has them; nothing where no field has a value."""
        assert Template.parse(text, kind, zone=UTC).fill(values) == filled

    def test_words(self) -> None:
        """A site's word stands for ours, where the template is that field and nothing else."""
        template = Template.parse("{ready}", words={"true": "1", "lunch": "Pause"})
        assert [template.fill({"ready": value}) for value in (True, False, "lunch", "x")] == [
            "1",
            "false",
            "Pause",
            "x",
        ]

    def test_zones(self) -> None:
        """A form is written in the template's zone."""
        template = Template.parse("{a:%H:%M %z}", zone=ZoneInfo("Europe/Berlin"))
        assert template.fill({"a": AT}) == "11:15 +0100"

    @pytest.mark.parametrize("edge", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
    @pytest.mark.parametrize("zone", [timezone(timedelta(hours=9)), timezone(timedelta(hours=-9))])
    def test_edges(self, edge: datetime, zone: timezone) -> None:
        """A time that another zone does not have is written as it is."""
        assert Template.parse("{a:%M}", zone=zone).fill({"a": edge}) == f"{edge.minute:02}"
        assert Template.parse("{a}").fill({"a": edge}) == edge.isoformat(timespec="milliseconds")[:-6] + "Z"

    @given(seconds=st.floats(-(10**11) / 2, 10**11 * 2.4), minutes=st.integers(-1439, 1439))
    def test_iso(self, seconds: float, minutes: int) -> None:
        """Any instant is an xs:dateTime, the same to the millisecond."""
        instant = (AT + timedelta(seconds=seconds)).astimezone(timezone(timedelta(minutes=minutes)))
        text = rfc3339(instant)
        assert timedelta(0) <= instant - datetime.fromisoformat(text) < timedelta(milliseconds=1)
        assert DATE_TIME.validate(etree.fromstring(f"<a>{text}</a>"))


DATE_TIME = etree.XMLSchema(
    etree.fromstring(
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="a" type="xs:dateTime"/></xs:schema>'
    )
)
plain = st.text(st.characters(exclude_characters="{}", codec="utf-8"), max_size=10)


class TestReading:
    """A filled template is read back."""

    @pytest.mark.parametrize(
        ("text", "filled", "found"),
        [
            ("{a}", "x", {"a": "x"}),
            ("{a}", "", {"a": ""}),
            ("IVR-{a}", "IVR-7", {"a": "7"}),
            ("IVR-{a}", "ivr-7", None),
            ("IVR-{a}", "x IVR-7", None),
            ("{a}:{b}", "1:2:3", {"a": "1", "b": "2:3"}),
            ("{a}:{b}.", "1:2.3.", {"a": "1", "b": "2.3"}),
            ("{a}:{b}.", "1:2", None),
            ("<{a}>", "<>", {"a": ""}),
            ("<{a}>", "<", None),
            ("ab{a}b", "ab", None),
            ("x", "x", {}),
            ("x", "y", None),
            ("x", "xx", None),
            ("", "", {}),
            ("", "x", None),
            ("{a}{b}", "xy", {"b": "xy"}),
            ("a{a}b{b}c", "a1b2b3c", {"a": "1", "b": "2b3"}),
        ],
    )
    def test_read(self, text: str, filled: str, found: dict[str, str] | None) -> None:
        """The values that the fields must have had; None where it cannot have come from here."""
        assert Template.parse(text).read(filled) == found

    def test_words(self) -> None:
        """A site's word is read as ours."""
        template = Template.parse("{a}", words={"true": "1", "yes": "1"})
        assert template.read("1") == {"a": "true"}
        assert template.read("2") == {"a": "2"}

    @given(before=plain, value=plain, after=plain)
    def test_there_and_back(self, before: str, value: str, after: str) -> None:
        """What was filled in between texts comes back."""
        template = Template.parse(f"{before}{{a}}{after}")
        text = template.fill({"a": value})
        assert template.read(text) == {"a": value} or not value

    def test_long(self) -> None:
        """A long text that does not fit is told at once, however many fields there are."""
        template = Template.parse("{a}x{b}x{c}x{d}x{e}y")
        assert template.read("x" * 1_000_000) is None


class TestSeconds:
    """Lengths of time."""

    @pytest.mark.parametrize(
        ("text", "seconds"),
        [
            ("PT5S", 5),
            ("PT0.5S", 0.5),
            ("PT.5S", 0.5),
            ("PT5.S", 5),
            ("PT1M", 60),
            ("PT1H1M1S", 3661),
            ("P1D", 86400),
            ("P1DT1H", 90000),
            ("P0Y0M1D", 86400),
            ("PT0S", 0),
            ("30", 30),
            ("30.5", 30.5),
            (".5", 0.5),
        ],
    )
    def test_lengths(self, text: str, seconds: float) -> None:
        """Durations of XML Schema, and plain numbers of seconds."""
        assert seconds_of(text) == seconds

    @pytest.mark.parametrize(
        "text",
        [
            *("", "P", "PT", "P1DT", "5S", "P5S", "-PT5S", "P1Y", "P1M", "pt5s", "PT5s", "PT1HPT1H", "PT\u0665S"),
            *("x", "-1", "nan", "inf", "1e5", "1_0", "0x1", "\u0665"),
            " 5",
            "5 ",
            "PT5S\n",
            "9" * 400,
            "P" + "9" * 400 + "D",
        ],
    )
    def test_none(self, text: str) -> None:
        """Anything else is none, and so is one that is negative or has years or months."""
        with pytest.raises(ValueError, match=r"is no length of time|is negative, or has years or months"):
            seconds_of(text)

    @given(st.text(st.sampled_from("PT0123456789.DHMSY-+eE_ "), max_size=30))
    def test_anything(self, text: str) -> None:
        """Any text is a bounded number of seconds, or none."""
        try:
            assert 0 <= seconds_of(text) < inf
        except ValueError as error:
            assert text in str(error) or repr(text) in str(error)  # noqa: PT017 - either is right
