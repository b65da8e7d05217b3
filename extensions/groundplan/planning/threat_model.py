"""What ThreatModel.md says: what could go wrong at each boundary, by the categories of STRIDE, and what answers it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..decisions import Resolved, has
from ..domain import Entity, Service
from ..fixture_data import FixtureData
from ..gaps import ProjectView
from ..provenance import cached_property
from ..text import all_of
from .decision_records import Records
from .markdown import Table, cell, code, codes, erased, kept_for, table

SPOOFING, TAMPERING, REPUDIATION = "Spoofing", "Tampering", "Repudiation"
DISCLOSURE, DENIAL, ELEVATION = "Information disclosure", "Denial of service", "Elevation of privilege"
OPEN = "**open**"
"""In place of a control that the project does not have."""

Threat = tuple[str, str, str, str]
"""The category, what could happen, what answers it, and what shows that it does."""


@dataclass(frozen=True)
class ThreatModel:
    """Threats by boundary."""

    view: ProjectView
    records: Records
    tested: FixtureData
    """What the suite knows of the product."""

    @cached_property
    def boundaries(self) -> tuple[tuple[str, str, Table], ...]:
        """The name of each boundary, what crosses it, and its threats."""
        found = (
            ("Callers and services", "From callers", self._callers, self._from_outside()),
            ("Service and service", "Between services", self._calls, self._between_services()),
            ("Services and external APIs", "With APIs", self._apis, self._external()),
            ("Services and what they keep", "In storage", self._kept, self._stored()),
        )
        return tuple(
            (name, crossing, table(f"{where}, What could happen, Answered by, Shown by", threats))
            for name, where, crossing, threats in found
            if crossing
        )

    @property
    def sensitive(self) -> str:
        """Which kinds of data are sensitive, and how they are protected by law or contract."""
        obligations = self.view.items("privacy_obligations")
        return "\n".join(f"- {cell(it.name)}: {cell(it.text, 'no basis is stated')}" for it in obligations)

    @cached_property
    def sensitive_stores(self) -> Table:
        """Where sensitive data are kept, and who else is told them."""
        return table(
            "Kept by, Entity, Sensitive fields, Other services that get it",
            (
                (
                    code(entity.service),
                    code(entity.name),
                    ", ".join(f"{code(it.name)} ({', '.join(it.kinds)})" for it in entity.fields if it.kinds),
                    self._told(entity),
                )
                for entity in self._sensitive_entities
            ),
        )

    @property
    def _sensitive_entities(self) -> list[Entity]:
        return [it for it in self.view.product.entities.values() if any(field.kinds for field in it.fields)]

    def _told(self, entity: Entity) -> str:
        product = self.view.product
        found = [it for it in product.disclosures if it.entity == entity]
        fields = [codes(field.name for field in it.fields) for it in found]
        told = [
            f"{codes(it.services) if it.services else 'nobody so far'}: {names} by {code(it.way)}, because "
            f"{cell(it.because)}"
            for it, names in zip(found, fields, strict=True)
        ]
        if asking := self._asking(entity):
            told.append(f"{codes(asking)}: in answers to calls, of which nothing is stored")
        return "; ".join(told) or "none"

    def _asking(self, entity: Entity) -> list[str]:
        """The services that are told its sensitive data when they call."""
        product = self.view.product
        asking = [it.name for it in product.services if entity in (check.entity for check in product.checks(it))]
        return asking if any(it.kinds for it in entity.shown) else []

    def _shown_by_tests(self) -> str:
        """The test that no log has a sensitive field; nothing tests those that callers do not send."""
        if self.tested.sensitive_fields:
            return _test("integration/test_sensitive")
        return _test("integration/test_secrets") if any(it.secrets for it in self.tested.entities) else OPEN

    @property
    def _public(self) -> list[Service]:
        return [it for it in self.view.product.services if it.exposure == "public"]

    @property
    def _callers(self) -> str:
        names = codes(it.name for it in self._public)
        return f"Requests of callers from outside reach {names}." if self._public else ""

    @property
    def _calls(self) -> str:
        product = self.view.product
        calls = [f"{code(it.name)} calls {codes(to.service for to in product.calls(it))}" for it in product.services]
        calls = [words for it, words in zip(product.services, calls, strict=True) if product.calls(it)]
        events = f"Events with subscribers: {codes(self._heard)}." if self._heard else ""
        return " ".join(filter(None, (f"{'; '.join(calls)}." if calls else "", events)))

    @property
    def _heard(self) -> list[str]:
        """The events that somebody hears."""
        product = self.view.product
        return [it.name for it in product.events.values() if product.subscribers(it.name)]

    @property
    def _apis(self) -> str:
        apis = self.view.product.external_apis
        return "; ".join(f"{code(it.name)} is called by {codes(it.used_by)}" for it in apis) + "." if apis else ""

    @property
    def _kept(self) -> str:
        kept = [it for it in self.view.product.services if it.has_database]
        return f"Records are kept by {codes(it.name for it in kept)}." if kept else ""

    def _decided(self, decision: str) -> tuple[str, str]:
        """What a decision answers a threat by, and the check that confirms it."""
        found: Resolved = next(it for it in self.view.decisions if it.decision.id == decision)
        return f"{self.records.link(found)}: {cell(found.option.label)}", cell(found.option.confirmed_by)

    def _from_outside(self) -> Iterator[Threat]:
        yield SPOOFING, "an attacker poses as a caller that the services know", *self._decided("api_auth")
        if has(self.view.decisions, "own_accounts"):
            yield from self._against_accounts()
        yield TAMPERING, "a request or an answer is changed on its way", *self._decided("encryption")
        yield (
            REPUDIATION,
            "a caller denies what it asked for",
            "each request is logged with its caller and an id",
            _test("unit/test_request_log"),
        )
        if audited := [it.name for service in self._public for it in service.entities if it.audited]:
            yield (
                f"{REPUDIATION}, of changes",
                f"a caller denies that it changed {codes(audited)}",
                "each change is on record with its caller, and no address changes that",
                _test("integration/test_history"),
            )
        if has(self.view.decisions, "no_authentication"):
            for threat, what in (
                (DISCLOSURE, "a program sees records that are not for it"),
                (ELEVATION, "a program changes records that it may only see"),
            ):
                yield threat, what, *self._decided("api_auth")
        elif any(it.operations for service in self._public for it in service.entities):
            matrix = "[who may do what](ArchitectureGuide.md#who-may-do-what)"
            yield DISCLOSURE, "a caller sees records that are not for it", matrix, _test("integration/test_access")
            yield ELEVATION, "a caller changes records that it may only see", matrix, _test("integration/test_access")
        if tenants := self.view.product.tenants:
            apart = [it.name for it in self.view.product.entities.values() if it.of_tenant]
            yield (
                f"{DISCLOSURE}, across the border",
                f"a caller reaches {codes(apart)} of another {cell(tenants)}",
                "records are read and changed through a repository that knows one tenant, which the credentials name",
                _test("integration/test_tenants"),
            )
        yield (
            DENIAL,
            "a body is larger than any record, or never ends",
            f"limits: {codes(('MAX_BODY_BYTES', 'BODY_TIMEOUT_S'))}",
            _test("integration/test_hardening"),
        )
        what = f"one caller sends so much that others of {codes(it.name for it in self._public)} wait"
        yield f"{DENIAL}, by volume", what, *self._limited()

    def _against_accounts(self) -> Iterator[Threat]:
        """What people try who have no account, or want another one than theirs."""
        accounts = _test("integration/identity/test_accounts")
        yield (
            f"{SPOOFING}, by guesses",
            "an attacker guesses the password of an account",
            "attempts are limited by account and by address; a password that is guessed early is refused",
            accounts,
        )
        yield (
            f"{DISCLOSURE}, of accounts",
            "an attacker finds out who has an account",
            "answers and the work for them are the same whether or not there is an account",
            accounts,
        )
        yield (
            f"{DENIAL}, to an owner",
            "an attacker locks the owner of an account out, or makes its mails useless",
            "attempts from elsewhere count apart; each mail counts until it ends, or a password is chosen",
            accounts,
        )
        if has(self.view.decisions, "session_cookies"):
            sessions, forged = _test("integration/identity/test_sessions"), _test("integration/test_forged_requests")
            stolen = "a cookie", "no page reads it; it ends unused, after some hours, and at once for who logs out"
            planted = "each login and each change of a password begins another session, and ends the one before"
            told = "a change needs a token of the session, and no page of another origin may ask for one"
        else:
            sessions, forged = _test("integration/identity/test_login_tokens"), _test("integration/test_cross_origin")
            stolen = "a refresh token", "it is used once, and a second use ends the login"
            planted = "each login has tokens of its own, of which nothing was sent"
            told = "callers send tokens themselves: no browser adds one to a request, and none sends a cookie"
        yield f"{SPOOFING}, by theft", f"an attacker uses {stolen[0]} of another", stolen[1], sessions
        yield f"{SPOOFING}, by fixation", "an attacker has a user log in with a known session", planted, sessions
        yield f"{TAMPERING}, by other sites", "a page of another site sends requests for who reads it", told, forged

    def _limited(self) -> tuple[str, str]:
        """What answers too many requests."""
        topology = self._decided("topology")
        gateway = any(it.decision.id == "topology" and it.option.footprint.gateway_path for it in self.view.decisions)
        return (f"{topology[0]}, which limits the rate", _test("unit/test_rate_limits")) if gateway else (OPEN, OPEN)

    def _between_services(self) -> Iterator[Threat]:
        yield SPOOFING, "a program passes for one of the services", *self._decided("service_auth")
        if has(self.view.decisions, "service_network"):
            what = "a program inside the network passes for any service and any caller, and reads what they send"
            yield f"{SPOOFING}, from inside", what, OPEN, OPEN
        if self._heard:
            what = f"a service sends {codes(self._heard)} in place of the one that publishes it"
            unproved = any(has(self.view.decisions, it) for it in ("shared_service_key", "service_network"))
            proved = has(self.view.decisions, "events_over_http") and not unproved
            answer = "who sends an event over HTTP is compared with its source and its publisher" if proved else OPEN
            yield f"{SPOOFING}, of events", what, answer, _test("integration/test_delivery") if proved else OPEN
        secured = "service_auth" if has(self.view.decisions, "process_certificates") else "encryption"
        yield TAMPERING, "a call or an event is changed on its way", *self._decided(secured)
        if has(self.view.decisions, "user_tokens"):
            yield (
                f"{SPOOFING}, by replay",
                "a service, or who robs it, sends a token on that it was sent",
                "each token is for one receiver, and names the service that got it; no other takes it",
                _test("unit/test_service_identity"),
            )
            yield (
                f"{ELEVATION}, by a confused deputy",
                "somebody has a service ask another for what he may not do himself",
                "a call on behalf of a user has the user's rights, but for what is open to services alone",
                _test("integration/test_user_tokens"),
            )
        traced = has(self.view.decisions, "calls_out")
        yield (
            REPUDIATION,
            "a change in one service cannot be traced to the request that caused it",
            "the id of a request goes on with its calls" if traced else OPEN,
            _test("unit/test_client") if traced else OPEN,
        )
        product = self.view.product
        if len(product.services) > 1 and self.sensitive_stores.rows:
            ways = list(dict.fromkeys(code(it.way) for it in product.disclosures))
            ways += ["answers to calls"] if any(map(self._asking, self._sensitive_entities)) else []
            answer = f"nothing carries any but {all_of(ways)}" if ways else "no service is told any"
            what = "sensitive data is in more services than need it"
            yield f"{DISCLOSURE}, by copies", what, answer, self._shown_by_tests()
        internal = [it.name for it in product.services if it.exposure == "internal"]
        if internal:
            what = f"a caller from outside uses {codes(internal)}"
            yield ELEVATION, what, "internal services refuse callers from outside", _test("unit/test_identification")
        if tenants := self.view.product.tenants:
            yield (
                f"{ELEVATION}, across the border",
                f"an event, a job or a call that is about records of one {cell(tenants)} changes those of another",
                "the tenant goes on in envelopes, rows and calls of services, and counts from nobody else",
                _test("integration/test_tenants"),
            )
        yield DENIAL, "a service that hangs takes those with it that call it", *self._decided("circuit_breaker")

    def _external(self) -> Iterator[Threat]:
        yield SPOOFING, "an attacker calls an API with the key of this product", *self._decided("secrets")
        yield TAMPERING, "an answer is changed on its way", "addresses in `.env.example` begin with `https://`", OPEN
        yield DENIAL, "an API that is slow or unavailable holds up callers", *self._decided("retry_strategy")

    def _stored(self) -> Iterator[Threat]:
        yield SPOOFING, "an attacker opens a database with the secrets of a service", *self._decided("secrets")
        yield TAMPERING, "a service changes records of another", *self._decided("data_ownership")
        if audited := [it.name for service in self.view.product.services for it in service.entities if it.audited]:
            sealed = has(self.view.decisions, "tables")
            redacted = any(it.redacts for it in self.view.product.services)
            taken_out = ", but for taking out what is sensitive" if redacted else ""
            yield (
                REPUDIATION,
                f"code changes what is on record of {codes(audited)}",
                f"the database refuses to change or delete an entry{taken_out}" if sealed else OPEN,
                _test("integration/test_sealed_history") if sealed else OPEN,
            )
        encryption, shown = self._decided("encryption")
        shown = shown if has(self.view.decisions, "encrypted_disks") else OPEN
        yield DISCLOSURE, "an attacker reads a disk or a backup", encryption, shown
        if encrypted := [it.name for it in self.view.product.entities.values() if it.encrypted]:
            yield (
                f"{DISCLOSURE}, by those who run it",
                f"anyone who may read a database sees what is sensitive in {codes(encrypted)}",
                encryption,
                _test("integration/test_encrypted_fields"),
            )
            what = "an attacker who may write to a database moves what is sensitive to another record"
            shown = _test("unit/test_field_keys")
            yield f"{TAMPERING}, of values", what, "a value opens only where it was stored", shown
        if self.sensitive_stores.rows:
            what = "an attacker reads sensitive data in a log or in a problem"
            yield f"{DISCLOSURE}, in logs", what, "no text about a record has such a field", self._shown_by_tests()
        limited = [it for it in self.view.product.entities.values() if it.retention]
        if limited:
            yield (
                f"{DISCLOSURE}, of what is old",
                f"an attacker sees records of {codes(it.name for it in limited)} that are no longer needed",
                f"retention: {kept_for(limited)}",
                _test("integration/test_retention"),
            )
        if forgotten := erased(self.view.product.entities.values()):
            yield (
                f"{DISCLOSURE}, of who asked to be forgotten",
                "an attacker sees records of a person who asked to be forgotten",
                f"the command `person erase`: {forgotten}",
                _test("integration/test_person"),
            )
            if audited := [it.name for it in self.view.product.entities.values() if it.audited]:
                yield (
                    f"{DISCLOSURE}, of who changed what",
                    f"histories of {codes(audited)} tell what somebody did who asked to be forgotten",
                    "histories keep the name that a caller proved to have, as it must be known who changed what",
                    OPEN,
                )
        backup = self.view.details("backup_recovery")
        trial = backup.get("restore_test_every")
        shown = f"a restore is tried every {cell(trial)}" if trial else OPEN
        yield DENIAL, "records are lost", cell(backup.get("method"), OPEN), shown


def _test(name: str) -> str:
    return f"[{name.rpartition('/')[2]}.py](../tests/{name}.py)"
