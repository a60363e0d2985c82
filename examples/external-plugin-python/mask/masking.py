"""What a secret looks like. Nothing here knows of a desk."""

import re

MASK = "[masked]"


def mask(text, words, cards=True):
    """Returns text with its secrets masked, and how many there were.

    A secret is what follows one of words and a sign, as in "password: hunter2",
    or, with cards, the number of a payment card.
    """
    found = 0

    def behind_word(match):
        nonlocal found
        if match["secret"].startswith(MASK):
            return match[0]
        found += 1
        return match["word"] + MASK

    def number(match):
        nonlocal found
        if not luhn(match[0]):
            return match[0]
        found += 1
        return MASK

    if words:
        some = "|".join(re.escape(word) for word in words)
        text = re.sub(rf"(?i)(?P<word>\b(?:{some})(?:\s*[:=]|\s+is:?)\s*)(?P<secret>\S+)", behind_word, text)
    if cards:
        text = re.sub(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)", number, text)
    return text, found


def luhn(number):
    """Whether the digits are those of a card: ISO/IEC 7812-1, annex B."""
    digits = [int(c) for c in number if c.isdigit()]
    doubled = [d * 2 - 9 * (d > 4) for d in digits[-2::-2]]
    return (sum(doubled) + sum(digits[-1::-2])) % 10 == 0
