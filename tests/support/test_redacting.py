"""What must not leave the site: known secrets anywhere, others by their names, forms and places."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentchan.support.redacting import Redactor, is_secret, place_only

SECRET = "Xy7-plänted/+se cret"
PEM = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\nabc=\n-----END EC PRIVATE KEY-----"


@pytest.mark.parametrize(
    "text",
    [
        "https://ivr:planted@ce1.example.com/C",
        "http://planted@ce1/",
        "ftp://a:planted@host",
        "Authorization: Basic cGxhbnRlZDpwbGFudGVk",
        "authorization: bearer planted-token-1",
        "https://hooks.example.com/x?token=planted&a=1",
        "https://h/x?a=1&api_key=planted#frag",
        "https://h/x?X-Amz-Signature=planted",
        "password=planted",
        "password: planted, next",
        'password = "planted with spaces"',
        "PASSWD='planted'",
        '{"client_secret": "planted"}',
        '"apiKey":"planted"',
        "ce-token=planted",
        "<wsse:Password Type='x'>planted</wsse:Password>",
        "<Token>planted</Token>",
        f"before {PEM.replace('MHcCAQEE', 'planted')} after",
        "-----BEGIN PRIVATE KEY-----\nplanted and cut",
        "cutANDplanted\nabc=\n-----END RSA PRIVATE KEY-----\n",
        "sip:alice:planted@pbx.example.com",
    ],
)
def test_what_looks_like_a_secret(text: str) -> None:
    """By its form, or by the name before it."""
    assert "planted" not in Redactor().text(text)
    assert "cGxhbnRlZDpwbGFudGVk" not in Redactor().text(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://ce1.example.com:8094/ComponentService",
        'password_file = "/etc/agentchan/ce-password"',
        "token_file=/etc/agentchan/token",
        'Token = "{call_token}"',
        "the agent channel is up to ce1 since 14:05",
        "call 1763985600.4711 on ivr1-017",
        "sip:sales@sip1.example.com;transport=tls",
        "no password is set",
    ],
)
def test_what_does_not(text: str) -> None:
    """Stays as it is: a bundle in which everything is hidden helps nobody."""
    assert Redactor().text(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("caller=+4930123456 called=4711", "caller=***56 called=***"),
        ('caller="+49 30 123456"', "caller=***56"),
        ("sip:+4930123456@gw.example.com", "sip:***56@gw.example.com"),
        ("tel:+15550100", "tel:***00"),
    ],
)
def test_numbers_of_people(text: str, expected: str) -> None:
    """At most their last two digits are left."""
    assert Redactor().text(text) == expected


def test_known_secrets() -> None:
    """Wherever they stand, also as URLs have them."""
    redactor = Redactor.of(SECRET, None, "ab")
    text = f"a{SECRET}b https://h/?q={SECRET.replace(' ', '%20')} Xy7-pl%C3%A4nted%2F%2Bse%20cret ab"
    found = redactor.text(text)
    assert SECRET not in found
    assert "Xy7-pl%C3" not in found
    assert found.endswith(" ab")


@given(st.text(alphabet=st.characters(blacklist_characters="*", codec="utf-8"), min_size=3), st.text(), st.text())
def test_a_known_secret_never_comes_through(secret: str, before: str, after: str) -> None:
    """Whatever is around it."""
    assert secret not in Redactor.of(secret).text(f"{before}{secret}{after}".replace("*", ""))


def test_values() -> None:
    """Plain values of any depth, by the names they stand under."""
    value: dict[str, Any] = {
        "ce": {"auth": {"username": "ivr", "password": "planted", "password_file": "/etc/p"}},
        "list": [{"api_token": "planted"}, "https://u:planted@h/", {"pin": 4711}],
        "token_file": None,
        "caller": "+4930123456",
        "password": None,
        "Password": "{channel.password}",
        "https://u:planted@host/": 1,
        "has_password": True,
    }
    found = Redactor().value(value)
    text = json.dumps(found)
    assert "planted" not in text
    assert found["ce"]["auth"] == {"username": "ivr", "password": "***", "password_file": "/etc/p"}
    assert found["list"][2] == {"pin": "***"}
    assert found["caller"] == "***56"
    assert found["password"] is None
    assert found["Password"] == "{channel.password}"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("password", True),
        ("Credentials/Password", True),
        ("ce.auth.password", True),
        ("apiKey", True),
        ("accessToken", True),
        ("PIN", True),
        ("password_file", False),
        ("key_file", False),
        ("channel", False),
        ("spinning", False),
        ("call_token_missing", False),
    ],
)
def test_names(name: str, expected: bool) -> None:
    """That tell of a secret."""
    assert is_secret(name) is expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://hooks.example.com/services/T0/planted?x=1", "https://hooks.example.com/***"),
        ("http://u:planted@h:8080/a", "http://h:8080/***"),
        ("http://h:planted/", "***"),
    ],
)
def test_webhooks(url: str, expected: str) -> None:
    """Only where they lead."""
    assert place_only(url) == expected
