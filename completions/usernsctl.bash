# SPDX-License-Identifier: Apache-2.0
# bash completion for usernsctl(8). The program itself knows what there is (usernsctl help completions); here is only what bash needs.

# The words up to the cursor as they were typed: bash splits them at '=' and ':' too.
_usernsctl_words() {
	local line=${COMP_LINE:0:COMP_POINT} rest word i
	words=()
	for ((i = 0; i <= COMP_CWORD; i++)); do
		rest=${line#"${line%%[![:blank:]]*}"}
		word=${COMP_WORDS[i]}
		[[ $i != "$COMP_CWORD" ]] || word=$rest
		if [[ $i != 0 && $rest == "$line" ]]; then
			words[-1]+=$word
		else
			words+=("$word")
		fi
		line=${rest:${#word}}
	done
}

_usernsctl() {
	local words reply what prefix cur breaks='' done='' one
	_usernsctl_words
	cur=${words[-1]}
	# What was quoted is only looked up: quotes and backslashes go.
	mapfile -t reply < <(PATH=$PATH:/usr/sbin:/sbin
		"${words[0]/#\~/$HOME}" help completions -- "${words[@]:1:${#words[@]}-2}" "${cur//[\"\'\\]/}" 2>/dev/null)
	IFS=$'\t' read -r what prefix <<< "${reply[0]-}"
	COMPREPLY=()
	case $what in
	files) mapfile -t COMPREPLY < <(compgen -P "$prefix" -f -- "${cur#"$prefix"}") ;;
	directories) mapfile -t COMPREPLY < <(compgen -P "$prefix" -d -- "${cur#"$prefix"}") ;;
	words)
		for one in "${reply[@]:1}"; do
			COMPREPLY+=("${one%%$'\t'*}")
		done
		[[ ${#COMPREPLY[@]} != 1 || ${COMPREPLY[0]} != *[=:] ]] || compopt -o nospace 2>/dev/null ;;
	esac
	[[ $what == words ]] || compopt -o filenames 2>/dev/null
	# bash replaces what is behind the last character that splits words for it.
	[[ $COMP_WORDBREAKS != *=* ]] || breaks+='='
	[[ $COMP_WORDBREAKS != *:* ]] || breaks+=':'
	[[ -z $breaks || $cur != *["$breaks"]* ]] || done=${cur%"${cur##*["$breaks"]}"}
	COMPREPLY=("${COMPREPLY[@]#"$done"}")
}

complete -F _usernsctl usernsctl
