"""What replies and faults tell, by tables of elements."""

from __future__ import annotations

import pytest
from lxml import etree

from agentchan.ce.replies import FaultReader, Found, Outcome, ReplyReader, texts_at
from agentchan.ce.shapes import AttributeShape, Content, Kind, Shape
from agentchan.vocabulary import Meaning

TOKEN, TEXT = Content(Kind.TOKEN), Content(Kind.TEXT)
REPORT = Content(
    children=(Shape("{urn:a}Name", TOKEN), Shape("{urn:a}State", TOKEN, required=False)),
    attributes=(AttributeShape("id", "id", required=False, kind=Kind.TOKEN),),
)
SHAPE = Shape(
    "{urn:a}R",
    Content(
        children=(
            Shape("{urn:a}A", TOKEN),
            Shape("{urn:a}B", TEXT),
            Shape("{urn:a}In", Content(children=(Shape("{urn:a}Report", REPORT, repeated=True),))),
        ),
        attributes=(AttributeShape("{urn:x}k", "k", required=False, kind=Kind.TOKEN),),
    ),
)


def element(inside: str, attributes: str = "") -> etree._Element:
    """A reply."""
    return etree.fromstring(f'<R xmlns="urn:a" xmlns:x="urn:x" {attributes}>{inside}</R>')


def reader(results: dict[str, str], reports: str | None = None, *outcomes: Outcome) -> ReplyReader:
    """What reads it."""
    return ReplyReader.compile(SHAPE, results, reports, outcomes)


class TestResults:
    """What is found."""

    def test_texts(self) -> None:
        """Texts by path, with their white space where it counts; attributes, too."""
        read = reader({"A": "state", "B": "call_token", "@k": "call_id"}).read
        assert read(element("<A> a \n b </A><B> a \n b </B>", 'x:k=" 7 "')) == Found(
            {"state": "a b", "call_token": " a \n b ", "call_id": "7"}
        )

    @pytest.mark.parametrize("inside", ["", "<A/>", "<A></A>", "<A> </A>", "<A><A>x</A></A>", '<A xmlns="urn:b">x</A>'])
    def test_empty(self, inside: str) -> None:
        """What is empty, or elsewhere, or in another namespace, is not there."""
        assert reader({"A": "state"}).read(element(inside)) == Found()

    def test_first(self) -> None:
        """Of several the first that is not empty counts."""
        assert reader({"A": "state"}).read(element("<A/><A>1</A><A>2</A>")).texts == {"state": "1"}

    def test_reports(self) -> None:
        """Each report has results of its own, in order, even if it is empty."""
        results = {"A": "state", "In/Report/Name": "channel", "In/Report/State": "state", "In/Report/@id": "call_id"}
        reports = "<Report id='7'><Name>a</Name><State>1</State></Report><Report/><Report><Name>b</Name></Report>"
        found = reader(results, "In/Report").read(element(f"<A>0</A><In>{reports}</In>"))
        assert found.texts == {"state": "0"}
        assert found.reports == [{"channel": "a", "state": "1", "call_id": "7"}, {}, {"channel": "b"}]

    def test_itself(self) -> None:
        """The body's element itself may be the result."""
        read = ReplyReader.compile(Shape("{urn:a}R", TEXT), {".": "call_token"}, None, ())
        assert read.read(etree.fromstring('<R xmlns="urn:a">t 1</R>')).texts == {"call_token": "t 1"}

    def test_nothing_expected(self) -> None:
        """Where there is no reply, nothing is found in one."""
        assert ReplyReader.compile(None, {}, None, ()).read(element("<A>1</A>")) == Found()

    def test_too_long(self) -> None:
        """A text of more than 2,000 characters is no result, wherever it is; others may be as long as they like."""
        read = reader({"A": "state"}).read
        assert read(element(f"<A>{'x' * 2000}</A><B>{'x' * 9999}</B>")).texts == {"state": "x" * 2000}
        with pytest.raises(ValueError, match="its state has 2001 characters"):
            read(element(f"<A>{'x' * 2001}</A>"))


class TestMeanings:
    """What a good reply means."""

    @pytest.mark.parametrize(
        ("inside", "meaning"),
        [
            ("<A>1</A>", Meaning.DUPLICATE),
            ("<A> 1 </A>", Meaning.DUPLICATE),
            ("<A>2</A>", Meaning.REFUSED),
            ("<A>3</A>", None),
            ("<A>3</A><A>1</A>", Meaning.DUPLICATE),
            ("<A>3</A><B/>", Meaning.RETRY),
            ('<A xmlns="urn:b">1</A>', None),
            ("", None),
            ("<In><Report/><Report><Name>x</Name></Report></In>", Meaning.NOT_ACTIVE),
        ],
    )
    def test_first(self, inside: str, meaning: Meaning | None) -> None:
        """The first outcome that matches counts; with nothing to equal, that there is one is enough."""
        read = reader(
            {},
            None,
            Outcome(Meaning.DUPLICATE, path="A", equals=("1",)),
            Outcome(Meaning.REFUSED, path="A", equals=("2", "1")),
            Outcome(Meaning.UNKNOWN_IVR, fault="*"),
            Outcome(Meaning.RETRY, path="B"),
            Outcome(Meaning.NOT_ACTIVE, path="In/Report/Name", equals=("x",)),
        )
        assert read.meaning(read.read(element(inside))) is meaning


def test_booleans() -> None:
    """Both forms of a boolean are one, in the profile and in the reply."""
    shape = Shape("R", Content(children=(Shape("A", Content(Kind.BOOLEAN)),)))
    for said in ("true", "1"):
        read = ReplyReader.compile(shape, {}, None, (Outcome(Meaning.DUPLICATE, path="A", equals=(said,)),))
        for text, meaning in (("true", Meaning.DUPLICATE), (" 1 ", Meaning.DUPLICATE), ("0", None), ("false", None)):
            assert read.meaning(read.read(etree.fromstring(f"<R><A>{text}</A></R>"))) is meaning


DETAIL = etree.fromstring('<detail><P xmlns="urn:p" k="v"><Code> 17 </Code><Who/><Who>a</Who><Who>b</Who></P></detail>')


class TestFaults:
    """What a fault means and tells."""

    @pytest.mark.parametrize(
        ("outcome", "matches"),
        [
            (Outcome(Meaning.RETRY, fault="Server"), True),
            (Outcome(Meaning.RETRY, fault="server"), False),
            (Outcome(Meaning.RETRY, fault="Serv"), False),
            (Outcome(Meaning.RETRY, fault="S*[rx]"), True),
            (Outcome(Meaning.RETRY, fault="*is bus*"), True),
            (Outcome(Meaning.RETRY, fault="P"), True),
            (Outcome(Meaning.RETRY, fault="detail"), False),
            (Outcome(Meaning.RETRY, fault="17"), True),
            (Outcome(Meaning.RETRY, fault="v"), False),
            (Outcome(Meaning.RETRY, path="P/Code"), False),
            (Outcome(Meaning.RETRY, fault="P", path="P/Code", equals=("17",)), True),
            (Outcome(Meaning.RETRY, fault="P", path="P/Code", equals=("18",)), False),
            (Outcome(Meaning.RETRY, fault="P", path="P/@k", equals=("v",)), True),
            (Outcome(Meaning.RETRY, fault="P", path="P/None"), False),
            (Outcome(Meaning.RETRY, fault="Q", path="P/Code"), False),
        ],
    )
    def test_matches(self, outcome: Outcome, matches: bool) -> None:
        """By code, text, or the names and texts in the detail; with a path, by what stands there, too."""
        meaning = FaultReader((outcome,), {}).meaning(("Server", "it is busy"), DETAIL)
        assert (meaning is Meaning.RETRY) == matches

    def test_no_detail(self) -> None:
        """A fault may have no detail; then nothing in it matches."""
        read = FaultReader(
            (Outcome(Meaning.RETRY, fault="*", path="P"), Outcome(Meaning.REFUSED, fault="*")), {"P": "channel"}
        )
        assert read.meaning(("Server", ""), None) is Meaning.REFUSED
        assert read.read(None) == {}

    def test_results(self) -> None:
        """Every text at a path that is not empty; paths know no namespaces."""
        read = FaultReader((), {"P/Who": "channel", "P/Code": "call_id", "P/None": "active_server"}).read
        assert read(DETAIL) == {"channel": ["a", "b"], "call_id": ["17"]}

    def test_bounded(self) -> None:
        """Only the first 200 elements of a detail are looked at for words; texts too long are refused."""
        many = etree.fromstring(f"<detail>{'<a/>' * 300}<b/></detail>")
        read = FaultReader((Outcome(Meaning.RETRY, fault="b"),), {"a": "channel"})
        assert read.meaning((), many) is None
        with pytest.raises(ValueError, match="its channel has 3000 characters"):
            read.read(etree.fromstring(f"<detail><a>{'x' * 3000}</a></detail>"))


@pytest.mark.parametrize(
    ("path", "texts"),
    [
        (".", [""]),
        ("P/Code", ["17"]),
        ("P/Who", ["", "a", "b"]),
        ("P/@k", ["v"]),
        ("P/@x", []),
        ("X/Y", []),
        ("@k", []),
    ],
)
def test_texts_at(path: str, texts: list[str]) -> None:
    """The texts at a path, whatever the namespaces."""
    assert list(texts_at(DETAIL, path)) == texts
