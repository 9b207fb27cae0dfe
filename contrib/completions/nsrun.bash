# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion of nsrun: /usr/share/bash-completion/completions/nsrun
# What a word can become is asked of nsrun itself (nsrun __complete); options and ids need no update here.

_nsrun()
{
	local line=${COMP_LINE:0:COMP_POINT} words word before candidate

	# Words as the shell has them, not as COMP_WORDBREAKS cuts them at "=" and ":".
	read -ra words <<<"$line"
	[[ $line != *[[:space:]] ]] || words+=('')
	word=${words[-1]}
	before=${word%"${word##*[:=]}"}
	COMPREPLY=()
	while IFS=$'\t' read -r candidate _; do
		case $candidate in
		:file) compopt -o filenames && mapfile -t COMPREPLY < <(compgen -f -- "${word#"$before"}") ;;
		:dir) compopt -o filenames && mapfile -t COMPREPLY < <(compgen -d -- "${word#"$before"}") ;;
		:command) mapfile -t COMPREPLY < <(compgen -c -- "$word") ;;
		"$word"*) COMPREPLY+=("${candidate#"$before"}") ;;
		esac
	done < <("${words[0]}" __complete -- "${words[@]:1}" 2>/dev/null)
	# "container:" and "ns:" go on.
	[[ ${#COMPREPLY[@]} -ne 1 || ${COMPREPLY[0]} != *: ]] || compopt -o nospace
}
complete -F _nsrun nsrun
