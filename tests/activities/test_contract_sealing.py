"""Seals and signatures: both hold, one changed byte is found, and a demonstration says it is one."""

import stat
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st
from pyhanko.pdf_utils.reader import PdfFileReader

from activities.documents.agreement import render_contract
from activities.documents.certificates import SealsMissing, issue_to_signatory, open_seals
from activities.documents.sealing import CUSTOMER, Sealing
from activities.documents.sealing import GRANTOR as GRANTOR_SEAT
from domain.contract import Capacity
from domain.errors import SignatureInvalid
from tests.makers_contract import (
    GRANTOR,
    NOW,
    a_customer,
    a_letter,
    a_signatory,
    text_of,
    the_sealing,
)

LATER = NOW + timedelta(hours=3)


@pytest.fixture(scope="module")
def agreement() -> bytes:
    return render_contract(a_letter(), a_customer(), GRANTOR)


@pytest.fixture(scope="module")
def sealed(agreement: bytes) -> bytes:
    return the_sealing().seal(agreement, NOW)


@pytest.fixture(scope="module")
def signed(sealed: bytes) -> bytes:
    return the_sealing().countersign(sealed, a_signatory(), "示例精密轴承有限公司", LATER)


def test_the_grantor_seals_and_the_customer_signs_and_both_hold(signed: bytes) -> None:
    first, second = the_sealing().verify(signed)

    assert (first.seat, second.seat) == (GRANTOR_SEAT, CUSTOMER)
    assert first.holds
    assert second.holds
    assert not first.covers_all  # the customer's signature came after it
    assert second.covers_all
    assert (first.signed_at, second.signed_at) == (NOW, LATER)
    the_sealing().require(signed, GRANTOR_SEAT, CUSTOMER)


def test_a_document_signed_over_another_one_is_told_apart(agreement: bytes, signed: bytes) -> None:
    another = the_sealing().seal(agreement, LATER)
    changed = bytearray(signed)
    changed[len(agreement) // 2] ^= 0x01

    the_sealing().require(signed, GRANTOR_SEAT, CUSTOMER, over=another)  # compared in full
    with pytest.raises(SignatureInvalid):
        the_sealing().require(bytes(changed), GRANTOR_SEAT, CUSTOMER, over=another)
    with pytest.raises(SignatureInvalid):
        the_sealing().require(bytes(changed), GRANTOR_SEAT, CUSTOMER, over=bytes(changed[:5000]))


def test_what_the_grantor_sealed_is_still_there_byte_by_byte(sealed: bytes, signed: bytes) -> None:
    assert signed.startswith(sealed)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_one_changed_byte_is_found(signed: bytes, data: st.DataObject) -> None:
    covered = [*range(*_covered(signed)[0]), *range(*_covered(signed)[1])]
    position = data.draw(st.sampled_from(covered))
    changed = bytearray(signed)
    changed[position] ^= data.draw(st.integers(1, 255))

    with pytest.raises(SignatureInvalid):
        the_sealing().require(bytes(changed), GRANTOR_SEAT, CUSTOMER)


def test_nothing_can_be_hidden_in_the_room_of_a_signature(signed: bytes) -> None:
    _, (after_room, _) = _covered(signed)
    changed = bytearray(signed)
    changed[after_room - 10 : after_room - 8] = b"41"

    with pytest.raises(SignatureInvalid):
        the_sealing().require(bytes(changed), GRANTOR_SEAT, CUSTOMER)


def _covered(signed: bytes) -> tuple[tuple[int, int], tuple[int, int]]:
    """What the last signature covers: all but the room for itself."""
    last = PdfFileReader(BytesIO(signed)).embedded_signatures[-1]
    start, length, start_after, length_after = map(int, last.byte_range)
    return (start, start + length), (start_after, start_after + length_after)


def test_bytes_added_after_the_last_signature_are_found(signed: bytes) -> None:
    with pytest.raises(SignatureInvalid):
        the_sealing().require(signed + b"\n%", GRANTOR_SEAT, CUSTOMER)


def test_an_agreement_only_sealed_does_not_pass_for_one_that_is_signed(sealed: bytes) -> None:
    with pytest.raises(SignatureInvalid):
        the_sealing().require(sealed, GRANTOR_SEAT, CUSTOMER)


def test_an_agreement_without_any_signature_does_not_pass(agreement: bytes) -> None:
    with pytest.raises(SignatureInvalid):
        the_sealing().require(agreement, GRANTOR_SEAT)


def test_a_seal_of_another_authority_is_not_trusted(agreement: bytes, tmp_path: Path) -> None:
    other = Sealing(open_seals(tmp_path / "pki", GRANTOR, NOW), GRANTOR)

    with pytest.raises(SignatureInvalid, match="unknown authority"):
        the_sealing().require(other.seal(agreement, NOW), GRANTOR_SEAT)


def test_nobody_signs_twice(signed: bytes) -> None:
    with pytest.raises(SignatureInvalid):
        the_sealing().countersign(signed, a_signatory(), "示例精密轴承有限公司", LATER)


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7\n", b"not a document"])
def test_what_is_no_signed_document_is_refused_and_not_a_fault(content: bytes) -> None:
    with pytest.raises(SignatureInvalid):
        the_sealing().require(content, GRANTOR_SEAT)


def test_the_signature_shows_who_signed_in_what_capacity_and_on_what_authority(
    sealed: bytes,
) -> None:
    agent = a_signatory(
        signatory='#panic("x") 昇喆', capacity=Capacity.AUTHORISED_AGENT, authority_hash="cd" * 32
    )
    signed = the_sealing().countersign(sealed, agent, "示例", LATER)

    the_sealing().require(signed, GRANTOR_SEAT, CUSTOMER)
    assert signed.startswith(sealed)


@pytest.mark.parametrize("name", ["长" * 200, "é" * 200, "x" * 200, "昇"])
def test_a_name_of_any_length_can_sign(sealed: bytes, name: str) -> None:
    signed = the_sealing().countersign(sealed, a_signatory(signatory=name), name, LATER)

    the_sealing().require(signed, GRANTOR_SEAT, CUSTOMER)


def test_a_demonstration_authority_says_so_in_every_subject(tmp_path: Path) -> None:
    seals = open_seals(tmp_path / "pki", GRANTOR, NOW)
    signatory = issue_to_signatory(
        seals, "Someone " * 20, Capacity.LEGAL_REPRESENTATIVE, "Company " * 20, NOW
    )

    for pair in (seals.authority, seals.grantor, signatory):
        unit = pair.certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)
        assert "DEMONSTRATION" in str(unit[0].value)
    assert signatory.certificate.issuer == seals.authority.certificate.subject


def test_keys_are_made_once_and_are_nobody_elses_to_read(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "pki"
    first = open_seals(folder, GRANTOR, NOW)
    second = open_seals(folder, GRANTOR, LATER)

    assert first.grantor.certificate == second.grantor.certificate
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    assert list(folder.parent.iterdir()) == [folder]
    assert "PRIVATE" not in repr(first)


def test_a_real_grantor_brings_its_own_seal(tmp_path: Path) -> None:
    with pytest.raises(SealsMissing):
        open_seals(tmp_path / "pki", GRANTOR.model_copy(update={"demonstration": False}), NOW)


def test_sealing_changes_nothing_of_what_is_read(agreement: bytes, signed: bytes) -> None:
    assert text_of(signed) == text_of(agreement)
