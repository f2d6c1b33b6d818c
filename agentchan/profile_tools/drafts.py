"""A site profile that is being begun, as values: what was guessed, and what somebody has to decide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import field, frozen


@frozen
class Line:
    """One key of a table, or what stands for it.

    Attributes:
        path: of the parameter or result.
        value: as it stands in TOML; None: nobody could guess it, and the line is a comment.
        about: what the WSDL says of it.
        decide: what has to be decided; empty if nothing has.
    """

    path: str
    value: str | None
    about: str
    decide: str = ""


@frozen
class OutcomeLine:
    """One outcome.

    Attributes:
        keys: with their values as in TOML.
        decide: what has to be decided; not empty: it is an example, and a comment.
    """

    keys: Mapping[str, str]
    decide: str = ""


@frozen
class DutyDraft:
    """One duty that an operation was found for.

    Attributes:
        values: the site's words and ours, as in TOML, by result or field.
        unusable: why it cannot be used as it is; then all of it is a comment. Empty if it can.
    """

    name: str
    operation: str
    parameters: tuple[Line, ...]
    results: tuple[Line, ...] = ()
    values: Mapping[str, Mapping[str, str]] = field(factory=dict)
    outcomes: tuple[OutcomeLine, ...] = ()
    unusable: str = ""

    @property
    def mapped(self) -> int:
        """How many of its parameters have a value."""
        return sum(line.value is not None for line in self.parameters)


@frozen
class SectionDraft:
    """One service.

    Attributes:
        section: ``ivr_connector`` or ``component_service``.
        wsdl: the name of its file.
        port: which wsdl:port, where there is a choice; None: there is none.
        duties: those that an operation was found for.
        missing: the names of the others.
        settings: further keys, with their values as in TOML.
        outcomes: of all its duties.
        fault_results: what is what in the details of its faults.
        unspoken: ports and operations that cannot be spoken, each with the reason.
        others: operations that no duty needs.
    """

    section: str
    wsdl: str
    port: str | None
    duties: tuple[DutyDraft, ...]
    missing: tuple[str, ...]
    settings: tuple[Line, ...] = ()
    outcomes: tuple[OutcomeLine, ...] = ()
    fault_results: tuple[Line, ...] = ()
    unspoken: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    def duty(self, name: str) -> DutyDraft | None:
        """One duty by name, if it can be used."""
        return next((duty for duty in self.duties if duty.name == name and not duty.unusable), None)


@frozen
class Draft:
    """A whole profile."""

    name: str
    connector: SectionDraft
    component: SectionDraft | None

    def sections(self) -> Iterator[SectionDraft]:
        """Its services."""
        yield self.connector
        if self.component is not None:
            yield self.component
