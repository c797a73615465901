"""Whether the signatures of a document hold, and what they cover.

A signature is checked against one authority, ours, as of the instant it states; nothing is fetched
from anywhere.
"""

from collections.abc import Sequence
from datetime import datetime
from io import BytesIO
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.keys import load_certs_from_pemder_data
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

from activities.documents.certificates import Pair
from domain.errors import SignatureInvalid
from domain.reasons import because
from domain.value import Value


class SignatureCheck(Value):
    """What verifying one signature of a document found."""

    seat: str  # grantor or customer
    serial: str  # of the certificate, in hex
    signed_at: datetime | None
    intact: bool  # not one byte of what it covers was changed
    trusted: bool  # the certificate comes from our authority
    allowed: bool  # what was added after it is what it permits
    covers_all: bool  # nothing at all was added after it

    @property
    def holds(self) -> bool:
        return self.intact and self.trusted and self.allowed


def checks_of(
    pdf: bytes, authority: Pair, *, over: bytes | None = None
) -> tuple[SignatureCheck, ...]:
    """Each signature of a document, in the order they were made.

    What was added after a signature is compared object by object with what it permits, which takes
    most of the time; `over` is a sealed document that we ourselves have just signed over, and where
    it is still there byte by byte the comparison is not needed. Refuses `SignatureInvalid` where
    the file cannot be read as a signed PDF at all.
    """
    try:
        reader = PdfFileReader(BytesIO(pdf))
        return tuple(
            _check(embedded, pdf, authority, over) for embedded in reader.embedded_signatures
        )
    except (PdfError, SignatureValidationError, ValueError, KeyError) as error:
        raise SignatureInvalid(**because("unreadable", error=type(error).__name__)) from error


def require_seats(checks: Sequence[SignatureCheck], seats: Sequence[str]) -> None:
    """Refuse `SignatureInvalid` unless these seats alone signed, all hold, the last over all."""
    found = [check.seat for check in checks]
    if found != list(seats):
        raise SignatureInvalid(**because("signed_by", found=", ".join(found) or "nobody"))
    for check in checks:
        if not check.holds:
            raise SignatureInvalid(
                **because("signature_fault", seat=check.seat, fault=_fault(check))
            )
    if not checks[-1].covers_all:
        raise SignatureInvalid(reason="something was added after the last signature")


def certificate_of(pair: Pair) -> Any:
    """The certificate in the form pyHanko takes."""
    return next(load_certs_from_pemder_data(pair.certificate.public_bytes(Encoding.DER)))


def serial_of(number: int) -> str:
    """A certificate's serial number as documents show it."""
    return f"{number:x}"[:16]


def _check(embedded: Any, pdf: bytes, authority: Pair, over: bytes | None) -> SignatureCheck:
    _, _, start_after, length_after = map(int, embedded.byte_range)
    known = over is not None and pdf.startswith(over) and start_after + length_after == len(over)
    context = ValidationContext(
        trust_roots=[certificate_of(authority)],
        moment=embedded.self_reported_timestamp,
        allow_fetching=False,
    )
    status = validate_pdf_signature(embedded, context, skip_diff=known)
    return SignatureCheck(
        seat=embedded.field_name,
        serial=serial_of(embedded.signer_cert.serial_number),
        signed_at=status.signer_reported_dt,
        intact=status.intact and status.valid and _room_is_tidy(embedded, pdf),
        trusted=status.trusted,
        allowed=known or bool(status.docmdp_ok),
        covers_all=status.coverage is SignatureCoverageLevel.ENTIRE_FILE,
    )


def _room_is_tidy(embedded: Any, pdf: bytes) -> bool:
    """Whether the room reserved for a signature holds it, plainly written, and otherwise zeros.

    A signature cannot cover itself; what is left of its room must not become a hiding place.
    """
    start, length, after, _ = map(int, embedded.byte_range)
    room: bytes = embedded.pkcs7_content
    # DER: one byte says SEQUENCE, the next how many bytes tell its length.
    told_by = room[1] & 0x7F if room[1] & 0x80 else 0
    size = int.from_bytes(room[2 : 2 + told_by], "big") if told_by else room[1]
    written = pdf[start + length : after]
    return written == b"<" + room.hex().upper().encode() + b">" and not room[
        2 + told_by + size :
    ].strip(b"\x00")


def _fault(check: SignatureCheck) -> str:
    if not check.intact:
        return "was changed after signing"
    return "was followed by a change it forbids" if check.trusted else "is by an unknown authority"
