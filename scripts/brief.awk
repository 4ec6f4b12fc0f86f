# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Failed tests in so many lines: of a log that is long one often sees just the end.
#   in   blocks of "--- FILE: NAME" and what the test wrote, as scripts/test.sh collects them
#        -v lines=N    for all of them together
#        -v columns=N  of each line
#   out  each block by its first and last lines: there a test says what failed and what it saw last. The more
#        there are, the less of each; beyond N only how many more.

/^--- / { blocks++ }
/^not ok/ { next } # the name again
blocks && !/^[# \t]*$/ { text[blocks, ++length_of[blocks]] = substr($0, 1, columns) }

END {
	share = int(lines / (blocks ? blocks : 1))
	shown = blocks <= lines ? blocks : lines - 1
	for (block = 1; block <= shown; block++)
		brief(block, length_of[block], share)
	if (shown < blocks)
		printf "... and %d more\n", blocks - shown
}

function brief(block, of, share,    head, tail, i)
{
	head = tail = 0
	if (of > share && share > 2) {
		head = int((share - 1) / 2)
		tail = share - 1 - head
	} else if (of > share) {
		of = share > 1 ? share : 1
	}
	for (i = 1; i <= of; i++) {
		if (!tail || i <= head || i > of - tail)
			print text[block, i]
		else if (i == head + 1)
			printf "... (%d lines)\n", of - head - tail
	}
}
