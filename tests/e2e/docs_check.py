# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What can be said of the pages without running them:    docs_check.py links|yaml|words|list WEIR PAGE..."""
import pathlib
import subprocess
import sys
import tempfile

import docs_pages


def main():
    what, weir, *paths = sys.argv[1:]
    root = pathlib.Path(".")
    try:
        pages = {path: docs_pages.read(root, path) for path in paths}
    except docs_pages.Wrong as error:
        sys.exit(str(error))
    if what == "links":
        wrong = docs_pages.wrong_links(root, pages)
    elif what == "words":
        listed = subprocess.run([weir, "help", "--list"], capture_output=True, text=True, check=True).stdout.split("\n")
        wrong = docs_pages.wrong_words(pages, set(listed))
    elif what == "yaml":
        with tempfile.TemporaryDirectory() as folder:
            wrong = list(docs_pages.wrong_yaml(weir, pages, pathlib.Path(folder, "weir.yaml")))
    else:
        sys.exit(f"no such check: {what}")
    wrong = list(wrong)
    print("\n".join(wrong))
    sys.exit(bool(wrong))


main()
