"""What Temporal stores of us is encrypted: AES-256-GCM over every payload, failures included.

Search attributes, workflow ids and names of steps stay readable, so they carry ids and codes only.
The key's id travels with each payload, so that keys can be changed and old histories still read.
"""

import base64
import hashlib
import hmac
import os
from collections.abc import Sequence
from dataclasses import replace

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import (
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    PayloadCodec,
)

_ENCODING = b"binary/encrypted-aes256gcm"
_NONCE_BYTES = 12


class Codec(PayloadCodec):
    """Encrypts with `key` (32 bytes); decrypts with it and with `retired` keys."""

    def __init__(self, key: bytes, retired: Sequence[bytes] = ()) -> None:
        self._key_id = _key_id(key)
        self._key = key
        self._ciphers = {_key_id(each): AESGCM(each) for each in (key, *retired)}

    def pseudonym(self, name: str) -> str:
        """Another name for a name: the same under the same key, and none to be guessed without."""
        return hmac.new(self._key, b"pseudonym/" + name.encode(), hashlib.sha256).hexdigest()[:16]

    def sealed(self, clear: bytes) -> str:
        """A secret of ours as it may be kept: encrypted as payloads are, and read back by `opened`."""
        return base64.b64encode(self.encoded(Payload(data=clear)).SerializeToString()).decode()

    def opened(self, sealed: str) -> bytes:
        """What was sealed; `LookupError` without its key."""
        try:
            return self.decoded(Payload.FromString(base64.b64decode(sealed))).data
        except InvalidTag:
            raise LookupError("it was sealed with another key") from None

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self.encoded(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self.decoded(payload) for payload in payloads]

    def encoded(self, payload: Payload) -> Payload:
        nonce = os.urandom(_NONCE_BYTES)
        cipher = self._ciphers[self._key_id]
        sealed = cipher.encrypt(nonce, payload.SerializeToString(), self._key_id)
        return Payload(
            metadata={"encoding": _ENCODING, "key-id": self._key_id}, data=nonce + sealed
        )

    def decoded(self, payload: Payload) -> Payload:
        """The payload in clear; one we did not encrypt is returned as it came."""
        if payload.metadata.get("encoding") != _ENCODING:
            return payload
        key_id = payload.metadata["key-id"]
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise LookupError(f"no key {key_id.decode()} to read this payload with")
        clear = cipher.decrypt(payload.data[:_NONCE_BYTES], payload.data[_NONCE_BYTES:], key_id)
        return Payload.FromString(clear)


def data_converter(codec: PayloadCodec | None) -> DataConverter:
    """Pydantic values as JSON, encrypted by `codec`; failures carry nothing in clear."""
    return replace(
        pydantic_data_converter,
        payload_codec=codec,
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"creditflow codec key" + key).hexdigest()[:12].encode()
