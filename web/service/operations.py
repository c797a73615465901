"""What keeps the programs' insides readable to operators, and to nobody else."""

from cryptography.exceptions import InvalidTag
from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import Payload

from domain.errors import Malformed
from domain.identity import Person
from web.service.permissions import Action, permit
from workflows.codec import Codec


class OperationsService:
    """The codec as the Temporal UI and command line ask for it."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    def encode(self, person: Person, payloads: list[Payload]) -> list[Payload]:
        """Payloads as Temporal stores them."""
        permit(person, Action.OPERATIONS_CODEC)
        return [self._codec.encoded(payload) for payload in payloads]

    def decode(self, person: Person, payloads: list[Payload]) -> list[Payload]:
        """Payloads in clear; what was not encrypted comes back as it is."""
        permit(person, Action.OPERATIONS_CODEC)
        try:
            return [self._codec.decoded(payload) for payload in payloads]
        except (InvalidTag, DecodeError, LookupError, ValueError):
            raise Malformed(reason="a payload was not encrypted with a key of ours") from None
