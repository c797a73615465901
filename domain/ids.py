"""Ids that sort by time and name nobody: UUIDv7 (RFC 9562), made outside the domain's judgements.

Called by programs and activities only; time and chance are arguments.
"""

import uuid


def uuid7(milliseconds: int, randomness: bytes) -> str:
    """The UUIDv7 of an instant and ten random bytes, as lower-case text of 36 characters."""
    chance = int.from_bytes(randomness[:10], "big")
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80
    value |= 0x7 << 76 | (chance >> 62 & 0xFFF) << 64
    value |= 0b10 << 62 | chance & 0x3FFF_FFFF_FFFF_FFFF
    return str(uuid.UUID(int=value))
