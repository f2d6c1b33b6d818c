"""A WSDL and all that it imports, fetched and bundled: from wherever, within bounds, and complete in one folder."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed

from agentchan.ce.profile_loader import load_profile
from agentchan.ce.service_url import ServiceUrl
from agentchan.ce.wsdl import read_service
from agentchan.profile_tools import download
from agentchan.profile_tools.download import Bundle, Download, DownloadError
from agentchan.profile_tools.http_get import GetFailed, Got
from tests.profile_tools.serving import MINIMUM, REFERENCE, WSDLS, wcf

HOST = "http://ce1.example.com:8095"
WSDL = MINIMUM.joinpath("ivr_connector.wsdl").read_bytes()
SCHEMA = '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:x">{}</xs:schema>'


class Web:
    """Pages by URL; what is not there cannot be reached."""

    def __init__(self, pages: dict[str, Any]) -> None:
        self.pages = pages
        self.asked: list[tuple[str, bool]] = []

    def fetch(self, url: ServiceUrl, ours: bool) -> Deferred[Got]:
        """One page."""
        self.asked.append((url.text, ours))
        page = self.pages.get(url.text)
        if page is None:
            return fail(GetFailed(f"{url.where}: name {url.host} does not resolve"))
        if isinstance(page, Got):
            return succeed(page)
        return succeed(Got(200, "text/xml", None, None, page))


def bundled(pages: dict[str, Any], source: str, main: str | None = None, taken: tuple[str, ...] = ()) -> Bundle:
    """What comes of a download."""
    outcome: list[Any] = []
    Deferred.fromCoroutine(Download(Web(pages).fetch, set(taken)).bundle(source, main)).addBoth(outcome.append)
    (found,) = outcome
    if isinstance(found, Bundle):
        return found
    found.raiseException()
    raise AssertionError


def refused(pages: dict[str, Any], source: str) -> str:
    """Why a download came to nothing."""
    with pytest.raises(DownloadError) as error:
        bundled(pages, source)
    return str(error.value)


def importing(*locations: str) -> bytes:
    """A schema that includes others."""
    return SCHEMA.format("".join(f'<xs:include schemaLocation="{each}"/>' for each in locations)).encode()


def wsdl(*locations: str) -> bytes:
    """A WSDL that imports schemas."""
    text = "".join(f'<xs:import namespace="urn:{n}" schemaLocation="{each}"/>' for n, each in enumerate(locations))
    types = f'<w:types><xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">{text}</xs:schema></w:types>'
    return f'<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/">{types}</w:definitions>'.encode()


def status(number: int, location: str | None = None) -> Got:
    """An answer without a page."""
    return Got(number, "text/html", None, location, b"<html/>")


# -- what is bundled --------------------------------------------------------------------------------------------------


def test_one_file(tmp_path: Path) -> None:
    """Named like its URL, and as it was."""
    found = bundled({f"{HOST}/IVRConnector.asmx?wsdl": WSDL}, f"{HOST}/IVRConnector.asmx?wsdl")
    assert found.main == "ivrconnector.wsdl"
    assert found.origins == {"ivrconnector.wsdl": f"{HOST}/IVRConnector.asmx?wsdl"}
    found.write(tmp_path)
    assert set(read_service(tmp_path, found.main).operations) == {"NewCall", "Gone"}


def test_many_files_of_one_address(tmp_path: Path) -> None:
    """As WCF has them: one address, told apart by queries, which refer to each other by whole URLs."""
    address = f"{HOST}/Connector.svc"
    pages = {f"{HOST}{path}": body for path, body in wcf(address).items()}
    found = bundled(pages, f"{address}?wsdl", "service.wsdl")
    assert sorted(found.files) == [
        "connector-wsdl0.wsdl",
        "connector-xsd0.xsd",
        "connector-xsd1.xsd",
        "connector-xsd2.xsd",
        "connector-xsd3.xsd",
        "service.wsdl",
    ]
    found.write(tmp_path)
    (tmp_path / "profile.toml").write_bytes((WSDLS / "wcf/profile.toml").read_bytes())
    assert load_profile(f"{tmp_path}/").name == "wcf"


def test_a_name_that_only_the_server_knows() -> None:
    """What cannot be reached under the server's own name is taken from where the WSDL came from, and that is said."""
    pages = {f"{HOST}{path}": body for path, body in wcf("http://CE-INTERNAL/Connector.svc").items()}
    found = bundled(pages, f"{HOST}/Connector.svc?wsdl")
    assert len(found.files) == 6
    assert len(found.notes) == 5
    assert "http://CE-INTERNAL/Connector.svc?wsdl=wsdl0 cannot be fetched" in found.notes[0]
    assert f"taken from {HOST}/Connector.svc?wsdl=wsdl0 instead" in found.notes[0]


def test_relative_references() -> None:
    """Start from the file in which they stand."""
    pages = {
        f"{HOST}/a/s.wsdl": wsdl("xsd/one.xsd"),
        f"{HOST}/a/xsd/one.xsd": importing("../two.xsd", "/three.xsd"),
        f"{HOST}/a/two.xsd": importing(),
        f"{HOST}/three.xsd": importing("#nothing"),
    }
    found = bundled(pages, f"{HOST}/a/s.wsdl")
    assert set(found.files) == {"s.wsdl", "one.xsd", "two.xsd", "three.xsd"}
    assert b'schemaLocation="two.xsd"' in found.files["one.xsd"]


def test_circles() -> None:
    """Files that refer to each other are fetched once."""
    pages = {f"{HOST}/s.wsdl": wsdl("a.xsd"), f"{HOST}/a.xsd": importing("b.xsd"), f"{HOST}/b.xsd": importing("a.xsd")}
    assert len(bundled(pages, f"{HOST}/s.wsdl").files) == 3


def test_equal_names_are_told_apart() -> None:
    """Also from names that are taken already."""
    pages = {
        f"{HOST}/s.wsdl": wsdl("a/types.xsd", "b/types.xsd"),
        f"{HOST}/a/types.xsd": importing(),
        f"{HOST}/b/types.xsd": importing(),
    }
    found = bundled(pages, f"{HOST}/s.wsdl", taken=("s.wsdl",))
    assert found.main == "s-2.wsdl"
    assert set(found.files) == {"s-2.wsdl", "types.xsd", "types-2.xsd"}


def test_the_schema_of_xml_lang(tmp_path: Path) -> None:
    """Is the same everywhere, and is not fetched from the other end of the world."""
    folder = WSDLS / "shapes"
    for place in ("", ' schemaLocation="http://www.w3.org/2001/xml.xsd"'):
        text = (folder / "types/shapes.xsd").read_text(encoding="utf-8")
        extra = f'<xs:import namespace="http://www.w3.org/XML/1998/namespace"{place}/>'
        head, mark, rest = text.partition("<xs:i")
        pages = {
            f"{HOST}/connector.wsdl": (folder / "connector.wsdl").read_bytes(),
            f"{HOST}/types/shapes.xsd": (head + extra + mark + rest).encode(),
            f"{HOST}/types/common.xsd": (folder / "types/common.xsd").read_bytes(),
            f"{HOST}/types/tags.xsd": (folder / "types/tags.xsd").read_bytes(),
        }
        found = bundled(pages, f"{HOST}/connector.wsdl")
        assert "xml.xsd" in found.files
        assert "xml.xsd" not in found.origins
        place_here = tmp_path / ("somewhere" if place else "nowhere")
        place_here.mkdir()
        found.write(place_here)
        assert read_service(place_here, found.main).operations


@pytest.mark.parametrize("name", ["ivr_connector.wsdl", "component_service.wsdl"])
def test_a_file(name: str, tmp_path: Path) -> None:
    """A WSDL that is on disk already is taken from there, with what it imports."""
    found = bundled({}, str(REFERENCE / name))
    found.write(tmp_path)
    assert read_service(tmp_path, found.main).operations
    assert len(bundled({}, str(WSDLS / "wcf/service.wsdl")).files) == 6


# -- where it is looked for -------------------------------------------------------------------------------------------


def test_the_service_itself() -> None:
    """Whoever names the service gets its WSDL, and is told where that was."""
    for answer in (status(405), Got(200, "text/html", None, None, b"<html>hello</html>"), b"hello, no XML"):
        pages = {f"{HOST}/IVRConnector": answer, f"{HOST}/IVRConnector?wsdl": WSDL}
        found = bundled(pages, f"{HOST}/IVRConnector")
        assert found.origins == {"ivrconnector.wsdl": f"{HOST}/IVRConnector?wsdl"}
        assert "is the service itself" in found.notes[0]


def test_redirections_are_followed() -> None:
    """A few; and who asks is told only at the place that was named."""
    web = Web(
        {
            f"{HOST}/s?wsdl": status(302, "https://ce1.example.com/s?wsdl"),
            "https://ce1.example.com/s?wsdl": status(301, "/t?wsdl"),
            "https://ce1.example.com/t?wsdl": WSDL,
        }
    )
    outcome: list[Any] = []
    Deferred.fromCoroutine(Download(web.fetch).bundle(f"{HOST}/s?wsdl")).addBoth(outcome.append)
    assert isinstance(outcome[0], Bundle)
    assert [ours for _, ours in web.asked] == [True, False, False]
    assert "HTTP status 302" in refused({f"{HOST}/s?wsdl": status(302, "/s?wsdl")}, f"{HOST}/s?wsdl")


# -- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "why"),
    [
        (status(401), "HTTP status 401: it wants to know who asks: --username and --password-file"),
        (status(404), "HTTP status 404: there is nothing at this URL"),
        (status(500), "HTTP status 500"),
        (b"<html>An error</html>", "is no WSDL: its root element is html"),
        (b"plain text", "cannot be read: it is not well-formed XML"),
        (b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "it has a document type declaration"),
        (b'<d:description xmlns:d="http://www.w3.org/ns/wsdl"/>', "is a WSDL 2.0; only WSDL 1.1 can be read"),
        (wsdl("http://elsewhere.example.com/a.xsd"), "http://elsewhere.example.com/a.xsd cannot be fetched"),
        (wsdl("file:///etc/passwd"), "imports file:///etc/passwd, a file, which is not read for it"),
        (wsdl("ftp://ce1.example.com/a.xsd"), "is neither an http nor an https URL"),
        (wsdl("http://user:secret@ce1.example.com/a.xsd"), "a URL with a user name in it is not allowed"),
        (wsdl("none.xsd"), "http://ce1.example.com:8095/none.xsd cannot be fetched"),
    ],
)
def test_refused(page: Any, why: str) -> None:
    """With the URL and the cause."""
    said = refused({f"{HOST}/s?wsdl": page}, f"{HOST}/s?wsdl")
    assert why in said
    assert "secret" not in said
    assert "\n" not in said


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """Is named."""
    assert "none.wsdl" in refused({}, str(tmp_path / "none.wsdl"))


def test_too_many_files() -> None:
    """Somebody serves imports without end."""
    numbers = itertools.count()

    class Endless(dict[str, Any]):
        def get(self, key: str, _default: Any = None) -> Any:
            return wsdl("0.xsd") if key.endswith("?wsdl") else importing(f"{next(numbers)}a.xsd")

    assert "imports more than 200 files" in refused(Endless(), f"{HOST}/s?wsdl")


def test_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or files that are too large together."""
    monkeypatch.setattr(download, "LARGEST_BUNDLE", 1024 * 1024)
    large = {f"{HOST}/{n}.xsd": importing(f"{n + 1}.xsd") + b" " * 300_000 for n in range(9)}
    pages = {f"{HOST}/s?wsdl": wsdl("0.xsd"), **large}
    assert "have more than 1 MiB" in refused(pages, f"{HOST}/s?wsdl")
