"""Ids that sort by time and name nobody: UUIDv7 (RFC 9562), made outside the domain's judgements.

Called by programs and activities only; time and chance are arguments.
"""


def uuid7(milliseconds: int, randomness: bytes) -> str:
    """The UUIDv7 of an instant and ten random bytes, as lower-case text of 36 characters."""
    chance = int.from_bytes(randomness[:10], "big")
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80
    value |= 0x7 << 76 | (chance >> 62 & 0xFFF) << 64
    value |= 0b10 << 62 | chance & 0x3FFF_FFFF_FFFF_FFFF
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def uuid7_in_order(nanoseconds: int, randomness: bytes) -> str:
    """A UUIDv7 that sorts after those of any earlier quarter of a microsecond.

    Its first twelve bits of chance are the fraction of the millisecond (RFC 9562, 6.2, method 3),
    so that what one program records one after the other is listed so.
    """
    milliseconds, rest = divmod(nanoseconds, 1_000_000)
    fraction = rest * 4096 // 1_000_000
    chance = int.from_bytes(randomness[:10], "big") & (1 << 62) - 1
    return uuid7(milliseconds, (fraction << 62 | chance).to_bytes(10, "big"))
