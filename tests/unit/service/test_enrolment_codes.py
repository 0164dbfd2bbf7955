"""Codes that people type, the authority of the homes, and what it refuses to sign."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from gateway.hub_county import CountyLine
from gateway.hub_identity import IdentityFolder, in_groups
from service.credentials import codes
from service.credentials.authority import (
    AuthorityError,
    HomeAuthority,
    RequestRefusedError,
    Revoked,
    read_request,
)
from service.enrolment.broker_files import access_of
from service.store.enrolment_rows import BrokerTruth

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)


def test_a_code_is_read_however_it_was_typed() -> None:
    code = codes.new_user_code()
    for text in (codes.shown(code), codes.shown(code).lower(), f" {code[:3]} {code[3:]} "):
        assert codes.typed(text) == code
    for text in ("", "BCDF-GHJ", "BCDF-GHJKL", "ABCD-EFGH", "BCDF-GHJ1"):
        assert codes.typed(text) is None


@given(st.text(max_size=30))
def test_no_text_makes_a_code_that_is_none(text: str) -> None:
    found = codes.typed(text)
    assert found is None or (len(found) == 8 and set(found) <= set(codes.ALPHABET))


def test_codes_are_not_given_twice() -> None:
    made = {codes.new_user_code() for _ in range(2000)}
    assert len(made) > 1990
    assert len({codes.new_device_code() for _ in range(2000)}) == 2000
    assert codes.plain_claim(codes.new_claim().lower()).isupper()


def test_the_certificate_says_what_the_county_says_and_ends_after_thirty_days(
    tmp_path: Path,
) -> None:
    authority = HomeAuthority.open(tmp_path / "homes", NOW)
    text, fingerprint = IdentityFolder(tmp_path / "hub").request()
    request = read_request(text)
    assert request.fingerprint == fingerprint
    issued = authority.issue(request, "hub-a", NOW)
    certificate = x509.load_pem_x509_certificate(issued.pem.encode())
    # the request names itself "hub"
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert [name.value for name in names] == ["hub-a"]
    assert certificate.not_valid_after_utc == NOW + timedelta(days=30)
    assert certificate.not_valid_before_utc < NOW
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    again = HomeAuthority.open(tmp_path / "homes", NOW + timedelta(days=9))
    assert again.pem == authority.pem
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(again.pem.encode()))
    assert (tmp_path / "homes" / "homes.key").stat().st_mode & 0o777 == 0o600


def test_the_list_names_the_revoked_and_lasts(tmp_path: Path) -> None:
    authority = HomeAuthority.open(tmp_path / "homes", NOW)
    issued = authority.issue(
        read_request(IdentityFolder(tmp_path / "hub").request()[0]), "hub-a", NOW
    )
    text = authority.revocations([Revoked(serial=issued.serial, revoked_at=NOW)], NOW)
    listed = x509.load_pem_x509_crl(text.encode())
    assert [f"{each.serial_number:x}" for each in listed] == [issued.serial]
    assert listed.next_update_utc is not None
    assert listed.next_update_utc > NOW + timedelta(days=300)


def request_of(key: ec.EllipticCurvePrivateKey) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "core")])
    signed = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


def test_what_is_not_signed() -> None:
    right = request_of(ec.generate_private_key(ec.SECP256R1()))
    lines = right.splitlines()
    lines[-2] = lines[-2][:-8] + "AAAAAA" + lines[-2][-2:]
    for text, why in (
        ("", "not a certificate request"),
        ("x" * 9000, "too long"),
        (request_of(ec.generate_private_key(ec.SECP384R1())), "curve"),
        ("\n".join(lines), "not"),
    ):
        with pytest.raises(RequestRefusedError, match=why):
            read_request(text)


def test_an_authority_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    (tmp_path / "homes.crt").write_text("not one")
    with pytest.raises(AuthorityError, match="PEM"):
        HomeAuthority.open(tmp_path, NOW)


def test_who_is_shut_out_may_do_nothing_whatever_the_patterns_say() -> None:
    truth = BrokerTruth(
        wanted=7, revoked=(), shut_out=("hub-b",), password_lines=(), sessions_to_end=()
    )
    text = access_of(truth, "7-1")
    assert "\nuser hub-b\ntopic deny #\n" in text
    assert "topic write hw/1/access/7-1\n" in text


def test_the_fingerprint_is_shown_in_groups_of_four() -> None:
    assert in_groups("0123456789abcdef" * 4) == "0123 4567 89AB CDEF 0123 4567 89AB CDEF"


@pytest.mark.parametrize("url", ["http://county.example.cn", "county.example.cn", "ftp://x", ""])
def test_a_hub_asks_no_county_over_a_line_anybody_could_answer(url: str) -> None:
    with pytest.raises(ValueError, match="https"):
        CountyLine(url=url)
