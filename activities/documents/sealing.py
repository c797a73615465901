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
from pyhanko.keys import load_private_key_from_pemder_data
from pyhanko.pdf_utils.content import PdfContent
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.layout import BoxConstraints
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import fields, signers
from pyhanko.sign.general import SigningError
from pyhanko.stamp import StaticStampStyle
from pyhanko_certvalidator.registry import SimpleCertificateStore

from activities.documents.certificates import Pair, Seals, issue_to_signatory, open_seals
from activities.documents.typesetting import typeset
from activities.documents.verifying import (
    SignatureCheck,
    certificate_of,
    checks_of,
    require_seats,
    serial_of,
)
from domain.calendar import ZONE
from domain.contract import Capacity, Grantor, Signatory
from domain.errors import SignatureInvalid
from domain.reasons import because

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
        self._frame(writer, *SEATS)
        return self._signed(writer, GRANTOR, self.seals.grantor, self._stamp(signed_at), signed_at)

    def certify(self, pdf: bytes, signed_at: datetime) -> bytes:
        """A document of the grantor's alone with its certifying signature, on the last page."""
        writer = IncrementalPdfFileWriter(BytesIO(pdf))
        self._frame(writer, GRANTOR)
        return self._signed(writer, GRANTOR, self.seals.grantor, self._stamp(signed_at), signed_at)

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

    def verify(self, pdf: bytes, *, over: bytes | None = None) -> tuple[SignatureCheck, ...]:
        """Each signature of a document, in the order they were made; see `checks_of`."""
        return checks_of(pdf, self.seals.authority, over=over)

    def require(self, pdf: bytes, *seats: str, over: bytes | None = None) -> None:
        """Refuse `SignatureInvalid` unless these seats alone signed, all hold, the last over all."""
        require_seats(self.verify(pdf, over=over), seats)

    def _frame(self, writer: IncrementalPdfFileWriter, *seats: str) -> None:
        """A frame on the last page for each signature that is to come."""
        last_page = int(writer.root["/Pages"]["/Count"]) - 1
        for seat in seats:
            field = fields.SigFieldSpec(seat, on_page=last_page, box=SEATS[seat])
            fields.append_signature_field(writer, field)

    def _stamp(self, signed_at: datetime) -> bytes:
        return typeset(
            "contract/seal.typ",
            {
                "letters": list(self.grantor.name_zh or self.grantor.name),
                **self._stamp_facts(self.seals.grantor, signed_at),
            },
            signed_at.date(),
            "1.7",
        )

    def _stamp_facts(self, pair: Pair, signed_at: datetime) -> dict[str, Any]:
        local = signed_at.astimezone(ZoneInfo(ZONE))
        return {
            "signed_at": f"{local:%Y-%m-%d %H:%M:%S} {local:%z}",
            "serial": serial_of(pair.certificate.serial_number),
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
            [certificate_of(self.seals.authority)]
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
                signing_cert=certificate_of(pair),
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
            raise SignatureInvalid(
                **because("seal_impossible", error=type(error).__name__)
            ) from error
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


def _key(pair: Pair) -> Any:
    content = pair.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return load_private_key_from_pemder_data(content, passphrase=None)
