#!/usr/bin/env python3
"""Asks ksvalidator about every line of test/fixtures/kickstart/lines.txt and writes verdicts.tsv beside it.

    scripts/record-verdicts.py PYKICKSTART        a checkout of pykickstart

A line of lines.txt is one kickstart; the sign ⏎ in it stands for the end of a line. A line of verdicts.tsv is the
verdicts, one letter per release in the order of its header (E error, . none), a tab, and the kickstart.
"""
import contextlib
import io
import os
import sys
import tempfile
import warnings

RELEASES = ["RHEL8", "RHEL9", "RHEL10", "F41", "F42", "F43", "F44"]


def main(checkout):
    fixtures = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "test", "fixtures", "kickstart")
    sys.path[:0] = [os.path.join(checkout, "tools"), checkout]
    import ksvalidator
    from pykickstart import __version__

    with open(os.path.join(fixtures, "lines.txt"), encoding="utf-8") as file:
        cases = file.read().splitlines()
    header = "# %s, pykickstart %s, Python %d.%d" % (" ".join(RELEASES), __version__, *sys.version_info[:2])
    rows = [header] + ["%s\t%s" % (verdicts(ksvalidator, case), case) for case in cases]
    result = os.path.join(fixtures, "verdicts.tsv")
    with open(result + ".new", "w", encoding="utf-8") as file:
        file.write("\n".join(rows) + "\n")
    os.replace(result + ".new", result)


def verdicts(ksvalidator, case):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "case.ks")
        with open(path, "w", encoding="utf-8") as file:
            file.write(case.replace("⏎", "\n") + "\n")
        return "".join("E" if is_error(ksvalidator, path, release) else "." for release in RELEASES)


def is_error(ksvalidator, path, release):
    silence = io.StringIO()
    # The validator turns warnings into errors for the rest of the process; each call has to start afresh.
    with warnings.catch_warnings(), contextlib.redirect_stdout(silence), contextlib.redirect_stderr(silence):
        return ksvalidator.main(["-v", release, path])[0] > 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
