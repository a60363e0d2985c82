"""python3 -m unittest discover examples/external-plugin-python/mask"""

import unittest

from masking import mask

WORDS = ["password", "pin"]


class Masking(unittest.TestCase):
    def test_what_is_masked(self):
        for text, want in {
            "My password: hunter2!": "My password: [masked]",
            "PASSWORD=hunter2 and pin is 1234": "PASSWORD=[masked] and pin is [masked]",
            "4111 1111 1111 1111, until 12/30": "[masked], until 12/30",
            "5500-0000-0000-0004.": "[masked].",
        }.items():
            self.assertEqual(mask(text, WORDS)[0], want)

    def test_what_is_left(self):
        for text in [
            "I forgot my password",
            "4111 1111 1111 1112 has a wrong check digit",
            "password: [masked]",
            "spinning: top",
            "order 12345678",
        ]:
            self.assertEqual(mask(text, WORDS), (text, 0))

    def test_settings_hold(self):
        self.assertEqual(mask("4111111111111111", WORDS, cards=False)[1], 0)
        self.assertEqual(mask("password: x", [])[1], 0)


if __name__ == "__main__":
    unittest.main()
