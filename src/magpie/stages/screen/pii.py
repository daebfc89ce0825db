"""Personal data in a text, found by patterns and, where a number has one, by its check digits.

Finds what has a form: addresses, numbers. Names and streets have none and are not found. Addresses and numbers that
are set aside for examples (RFC 2606, RFC 5737, 555-01xx) are nobody's and are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from ipaddress import ip_address

_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@((?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_]{2,24})(?![\w-])")
_NOBODYS = re.compile(r"(?:^|\.)(?:example(?:\.(?:com|net|org|edu))?|test|invalid|domain\.com)$", re.IGNORECASE)
_PHONE = re.compile(
    r"(?<![\w.+/=-])(?:"
    r"\+\d{1,3}(?:[ .-]?\(0?\d{1,4}\))?(?:[ .-]?\d{2,5}){2,5}"  # +49 30 1234567
    r"|(?:1[ .-])?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[.-]\d{4}"  # (202) 456-1111
    r")(?![\w/=-]|\.\d)"
)
_CARD = re.compile(r"(?<![\w.-])(?:\d[ -]?){12,18}\d(?![\w-]|\.\d)")
_CARD_STARTS = re.compile(r"4|5[1-5]|2[2-7]|3[47]|3[0689]|6(?:011|5|4[4-9])|35|62")
_DIGIT = re.compile(r"\d")
_IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?!\w)")
_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w-]|\.\d)")
_IPV6 = re.compile(r"(?<![\w:.])(?:[0-9a-fA-F]{1,4}:){2,7}(?::|[0-9a-fA-F]{1,4}|(?::[0-9a-fA-F]{1,4}){1,6})(?![\w:])")
_VERSION = re.compile(r"(?:version|release|firmware|\bv)\.? ?$", re.IGNORECASE)
_LONGEST_VERSION = len("firmware. \n")
"""How many characters before an address are read. Reading from the start of the text would take quadratic time."""
_LONG_NUMBER = re.compile(r"\d[\d .()/-]{5,}\d")
_LONG_NUMBERS = frozenset({"phone", "card", "us_ssn"})
"""What has such a number in it: most texts have none, and looking for each takes twenty times as long."""
_SSN = re.compile(r"(?<![\w-])(?!000|666|9)\d{3}-(?!00)\d\d-(?!0000)\d{4}(?![\w-])")
_KNOWN_SSNS = frozenset({"078-05-1120", "219-09-9999", "123-45-6789"})
"""Two that advertisements made famous, and the one that everybody makes up."""

IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28,
    "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18,
    "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22,
    "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LI": 21, "LT": 20, "LU": 20,
    "LV": 21, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18, "NO": 15, "PK": 24,
    "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SE": 24, "SI": 19, "SK": 24, "SM": 27,
    "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}  # fmt: skip
"""Characters in an IBAN of each country (ISO 13616)."""


def find_pii(text: str, kinds: Collection[str] | None = None) -> list[str]:
    """The kinds of personal data in `text`, of those in `kinds`, in the order of `KINDS`."""
    if "@" not in text and _DIGIT.search(text) is None:
        return []
    without: Collection[str] = () if _LONG_NUMBER.search(text) else _LONG_NUMBERS
    wanted = [kind for kind in KINDS if (kinds is None or kind in kinds) and kind not in without]
    return [kind for kind in wanted if _FINDERS[kind](text)]


def _has_email(text: str) -> bool:
    return "@" in text and any(not _NOBODYS.search(found[1]) for found in _EMAIL.finditer(text))


def _has_phone(text: str) -> bool:
    return any(_is_phone(found[0]) for found in _PHONE.finditer(text))


def _is_phone(number: str) -> bool:
    digits = _digits(number)
    return 8 <= len(digits) <= 15 and not re.search(r"5550\d{3}$|55501\d\d$", digits) and len(set(digits)) > 2


def _has_iban(text: str) -> bool:
    return any(_is_iban(found[0].replace(" ", "")) for found in _IBAN.finditer(text))


def _is_iban(number: str) -> bool:
    """Its country's length, and 1 as the rest of the division by 97 (ISO 7064)."""
    length = IBAN_LENGTHS.get(number[:2])
    if length is None or len(number) < length:
        return False
    number = number[:length]
    return int("".join(str(int(character, 36)) for character in number[4:] + number[:4])) % 97 == 1


def _has_card(text: str) -> bool:
    return any(_is_card(_digits(found[0])) for found in _CARD.finditer(text))


def _is_card(digits: str) -> bool:
    """A network's first digits, and check digits as Luhn has them."""
    if not 13 <= len(digits) <= 19 or not _CARD_STARTS.match(digits) or len(set(digits)) < 3:
        return False
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(number - 9 * (number > 9) for number in doubled) % 10 == 0


def _has_ip(text: str) -> bool:
    """Addresses of the open internet: no private, local or documentation ones, and no version numbers."""
    patterns = [pattern for pattern, mark, least in ((_IPV4, ".", 3), (_IPV6, ":", 2)) if text.count(mark) >= least]
    found = [one for pattern in patterns for one in pattern.finditer(text)]
    return any(_is_global(one[0]) and not _is_version(text, one.start()) for one in found)


def _is_version(text: str, start: int) -> bool:
    """Whether a word before `start` says that a version stands there."""
    return _VERSION.search(text, max(0, start - _LONGEST_VERSION), start) is not None


def _is_global(address: str) -> bool:
    try:
        return ip_address(address).is_global
    except ValueError:
        return False


def _has_ssn(text: str) -> bool:
    return any(found[0] not in _KNOWN_SSNS for found in _SSN.finditer(text))


def _digits(text: str) -> str:
    return "".join(character for character in text if character.isdecimal())


_FINDERS: dict[str, Callable[[str], bool]] = {
    "email": _has_email,
    "phone": _has_phone,
    "iban": _has_iban,
    "card": _has_card,
    "ip": _has_ip,
    "us_ssn": _has_ssn,
}
KINDS = tuple(_FINDERS)
"""`email`, `phone`, `iban` and `card` (bank accounts and payment cards, by their check digits), `ip`, `us_ssn`."""
