"""An agreement is sealed by the grantor, signed by the customer, and both can be verified.

Signatures are PAdES baseline B: the grantor's certifies the document and allows nothing after it
but the customer's signature in the frame kept for it. Times are those of our own clock; a trusted
timestamp needs an authority outside, and none is asked.
"""

from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pyhanko.keys import load_certs_from_pemder_data, load_private_key_from_pemder_data
from pyhanko.pdf_utils.content import PdfContent
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.layout import BoxConstraints
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import fields, signers
from pyhanko.sign.general import SigningError
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.stamp import StaticStampStyle
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

from activities.documents.certificates import Pair, Seals, issue_to_signatory, open_seals
from activities.documents.typesetting import typeset
from domain.calendar import ZONE
from domain.contract import Capacity, Grantor, Signatory
from domain.errors import SignatureInvalid
from domain.value import Value

GRANTOR, CUSTOMER = "grantor", "customer"

# The frames of the signature page, in points from the lower left of an A4 page: where
# `templates/contract/agreement.typ` draws them.
SEATS = {GRANTOR: (57, 512, 289, 672), CUSTOMER: (306, 512, 538, 672)}

# A signature of P-256 with two certificates is below 3 kB; reserved, so that none is made on trial.
_BYTES_RESERVED = 12288

_CAPACITIES = {
    Capacity.LEGAL_REPRESENTATIVE: {"zh": "法定代表人", "en": "Legal representative"},
    Capacity.AUTHORISED_AGENT: {"zh": "授权代理人", "en": "Authorised agent"},
}


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


@dataclass(frozen=True)
class Sealing:
    """The grantor's seal, and the authority that certifies signatories."""

    seals: Seals
    grantor: Grantor

    @classmethod
    def open(cls, folder: Path, grantor: Grantor, now: datetime) -> Self:
        """Read the keys of a folder; a demonstration makes its own on first use."""
        return cls(open_seals(folder, grantor, now), grantor)

    def seal(self, pdf: bytes, signed_at: datetime) -> bytes:
        """The agreement with the grantor's certifying signature, and a frame for the customer's."""
        writer = IncrementalPdfFileWriter(BytesIO(pdf))
        last_page = int(writer.root["/Pages"]["/Count"]) - 1
        for seat, frame in SEATS.items():
            fields.append_signature_field(
                writer, fields.SigFieldSpec(seat, on_page=last_page, box=frame)
            )
        appearance = typeset(
            "contract/seal.typ",
            {
                "letters": list(self.grantor.name_zh or self.grantor.name),
                **self._stamp_facts(self.seals.grantor, signed_at),
            },
            signed_at.date(),
            "1.7",
        )
        return self._signed(writer, GRANTOR, self.seals.grantor, appearance, signed_at)

    def countersign(
        self, pdf: bytes, signatory: Signatory, company: str, signed_at: datetime
    ) -> bytes:
        """The sealed agreement with the customer's signature, by a key that is then forgotten."""
        pair = issue_to_signatory(
            self.seals, signatory.signatory, signatory.capacity, company, signed_at
        )
        appearance = typeset(
            "contract/signature.typ",
            {
                "name": signatory.signatory,
                "size": _size_of(signatory.signatory),
                "capacity": _CAPACITIES[signatory.capacity],
                "authority": (signatory.authority_hash or "")[:24],
                **self._stamp_facts(pair, signed_at),
            },
            signed_at.date(),
            "1.7",
        )
        return self._signed(
            IncrementalPdfFileWriter(BytesIO(pdf)), CUSTOMER, pair, appearance, signed_at
        )

    def verify(self, pdf: bytes) -> tuple[SignatureCheck, ...]:
        """Each signature of a document, in the order they were made.

        Refuses `SignatureInvalid` where the file cannot be read as a signed PDF at all.
        """
        try:
            reader = PdfFileReader(BytesIO(pdf))
            return tuple(
                _check(embedded, self._status(embedded), _room_is_tidy(embedded, pdf))
                for embedded in reader.embedded_signatures
            )
        except (PdfError, SignatureValidationError, ValueError, KeyError) as error:
            raise SignatureInvalid(reason=f"unreadable ({type(error).__name__})") from error

    def require(self, pdf: bytes, *seats: str) -> None:
        """Refuse `SignatureInvalid` unless these seats, and no other, hold, and the last covers all."""
        checks = self.verify(pdf)
        found = tuple(check.seat for check in checks)
        if found != seats:
            raise SignatureInvalid(reason=f"signed by {', '.join(found) or 'nobody'}")
        for check in checks:
            if not check.holds:
                raise SignatureInvalid(reason=f"{check.seat} {_fault(check)}")
        if not checks[-1].covers_all:
            raise SignatureInvalid(reason="something was added after the last signature")

    def _status(self, embedded: Any) -> Any:
        """Against our own authority alone, as of the signing: nothing is fetched from anywhere."""
        context = ValidationContext(
            trust_roots=[_certificate(self.seals.authority)],
            moment=embedded.self_reported_timestamp,
            allow_fetching=False,
        )
        return validate_pdf_signature(embedded, context)

    def _stamp_facts(self, pair: Pair, signed_at: datetime) -> dict[str, Any]:
        local = signed_at.astimezone(ZoneInfo(ZONE))
        return {
            "signed_at": f"{local:%Y-%m-%d %H:%M:%S} {local:%z}",
            "serial": _serial(pair.certificate.serial_number),
            "demonstration": self.grantor.demonstration,
        }

    def _signed(
        self,
        writer: IncrementalPdfFileWriter,
        seat: str,
        pair: Pair,
        appearance: bytes,
        signed_at: datetime,
    ) -> bytes:
        store = SimpleCertificateStore.from_certs(  # type: ignore[no-untyped-call]
            [_certificate(self.seals.authority)]
        )
        signer = _DatedSigner(
            signers.PdfSignatureMetadata(
                field_name=seat,
                md_algorithm="sha256",
                subfilter=fields.SigSeedSubFilter.PADES,
                certify=seat == GRANTOR,
                docmdp_permissions=fields.MDPPerm.FILL_FORMS,
            ),
            signers.SimpleSigner(
                signing_cert=_certificate(pair),
                signing_key=_key(pair),
                cert_registry=store,
            ),
            stamp_style=StaticStampStyle(border_width=0, background=_Appearance(appearance)),
        )
        signer.signed_at = signed_at
        try:
            signed = signer.sign_pdf(
                writer, existing_fields_only=True, bytes_reserved=_BYTES_RESERVED
            )
        except (SigningError, PdfError) as error:
            raise SignatureInvalid(reason=f"cannot be signed ({type(error).__name__})") from error
        return bytes(signed.getbuffer())


class _DatedSigner(signers.PdfSigner):
    """Signs at the instant it is told, which is then also the one on record."""

    signed_at: datetime

    def init_signing_session(self, *args: Any, **options: Any) -> Any:
        session = super().init_signing_session(*args, **options)
        session.system_time = self.signed_at
        return session


class _Appearance(PdfContent):
    """The first page of a PDF in memory, as the look of a signature."""

    def __init__(self, pdf: bytes) -> None:
        self._pdf = pdf
        left, bottom, right, top = SEATS[GRANTOR]
        super().__init__(box=BoxConstraints(width=right - left, height=top - bottom))

    def render(self) -> bytes:
        imported = self._ensure_writer.import_page_as_xobject(PdfFileReader(BytesIO(self._pdf)))
        self.resources.xobject["/Look"] = imported
        return b"/Look Do"


def _size_of(name: str) -> str:
    """Longer names are written smaller, so that each fits its frame."""
    return "large" if len(name) <= 18 else "middle" if len(name) <= 60 else "small"


def _check(embedded: Any, status: Any, tidy: bool) -> SignatureCheck:
    return SignatureCheck(
        seat=embedded.field_name,
        serial=_serial(embedded.signer_cert.serial_number),
        signed_at=status.signer_reported_dt,
        intact=status.intact and status.valid and tidy,
        trusted=status.trusted,
        allowed=bool(status.docmdp_ok),
        covers_all=status.coverage.name == "ENTIRE_FILE",
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


def _serial(number: int) -> str:
    return f"{number:x}"[:16]


def _certificate(pair: Pair) -> Any:
    """The certificate in the form pyHanko takes."""
    return next(load_certs_from_pemder_data(pair.certificate.public_bytes(Encoding.DER)))


def _key(pair: Pair) -> Any:
    content = pair.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return load_private_key_from_pemder_data(content, passphrase=None)
