# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the lint checks share. Each prints what it finds; exit 0 = passed, 77 = skipped (last line: why).
set -euo pipefail
export LC_ALL=C
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# shellcheck disable=SC2034 # for those who source this
folders=(base oci network hooks runtime cli)

# tracked [SUFFIX...]: the project's files, from git or, in a tarball, what is not generated.
tracked()
{
	local suffix expression=
	for suffix in "$@"; do
		expression+="${expression:+|}${suffix//./\\.}"
	done
	{
		if [[ -e .git ]] && git ls-files -co --exclude-standard 2>/dev/null; then
			:
		else
			# Build directories are those that were configured, or will be installed from.
			find . -mindepth 1 -type d \( -name 'build*' -o -name 'autom4te.cache' -o -name _inst -o \
				-exec test -e '{}/config.status' \; \) -prune -o \
				-type f ! -name Makefile.in ! -name 'configure' ! -name 'configure~' ! -name aclocal.m4 \
				! -name 'config.h.in*' ! -name git-commit ! -name '*.[oa]' -printf '%P\n'
		fi
	} | grep -E "($expression)\$" | while read -r file; do
		[[ ! -f $file ]] || printf '%s\n' "$file"
	done | sort -u
}

# scripts: bash and sh programs by their first line, and bats files.
scripts()
{
	local file first
	tracked | while read -r file; do
		case $file in
		*.c | *.h | *.md | *.am | *.json) continue ;;
		*.bats | *.bash)
			printf '%s\n' "$file"
			continue
			;;
		esac
		first=
		IFS= read -r first <"$file" 2>/dev/null || true
		[[ ! $first =~ ^#!.*(/| )(ba)?sh( |$) ]] || printf '%s\n' "$file"
	done
}

# code FILE: C without comments and with empty strings, line by line.
code()
{
	awk -f tests/lint/code.awk "$1"
}

findings=0
finding()
{
	printf '%s\n' "$*"
	findings=$((findings + 1))
}

verdict()
{
	((findings == 0)) || exit 1
	exit 0
}
