# SPDX-License-Identifier: GPL-2.0
"""Results in the Test Anything Protocol, as kselftest reads them."""
import time

SKIPPED = 4  # what kselftest takes for a test that could not be run


class Wrong(Exception):
    """Something is not as it is to be."""


class Skip(Exception):
    """Something that the test needs is not here."""


def say(text):
    print("# " + str(text).rstrip("\n").replace("\n", "\n# "), flush=True)


def check(condition, text):
    if not condition:
        raise Wrong(text)


def skip_all(why):
    print(f"TAP version 13\n1..0 # SKIP {why}", flush=True)
    return SKIPPED


class Tap:
    """So many tests, which are run one after the other; one that fails ends none but itself."""

    def __init__(self, count):
        self.done = self.failed = 0
        print(f"TAP version 13\n1..{count}", flush=True)

    def run(self, test, title=None):
        """Whether it did not fail."""
        began, result, note = time.monotonic(), "ok", ""
        try:
            test()
        except Skip as skip:
            note = f" # SKIP {skip}"
        except Exception as error:  # pylint: disable=broad-except
            say(f"{type(error).__name__}: {error}")
            result = "not ok"
            self.failed += 1
        self.done += 1
        say(f"{test.__name__}: {time.monotonic() - began:.1f} s")
        print(f"{result} {self.done} {title or test.__name__}{note}", flush=True)
        return result == "ok"

    def status(self):
        return int(self.failed > 0)
