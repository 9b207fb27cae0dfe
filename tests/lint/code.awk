# SPDX-License-Identifier: GPL-2.0-or-later
# C as the compiler reads it: comments gone, strings and character constants empty, lines kept.
{
	line = $0
	out = ""
	while (line != "") {
		if (comment) {
			at = index(line, "*/")
			if (!at) {
				line = ""
				break
			}
			line = substr(line, at + 2)
			comment = 0
			continue
		}
		if (!match(line, /"|'|\/\*|\/\//)) {
			out = out line
			break
		}
		out = out substr(line, 1, RSTART - 1)
		token = substr(line, RSTART, RLENGTH)
		line = substr(line, RSTART + RLENGTH)
		if (token == "//")
			break
		if (token == "/*") {
			comment = 1
			continue
		}
		for (i = 1; i <= length(line); i++) {
			c = substr(line, i, 1)
			if (c == "\\")
				i++
			else if (c == token)
				break
		}
		# An include's name is no string to us.
		out = out token (out ~ /^[ \t]*#[ \t]*include/ ? substr(line, 1, i - 1) : "") token
		line = substr(line, i + 1)
	}
	print out
}
