# SPDX-License-Identifier: Apache-2.0
# bash completion for usernsctl(8)

_usernsctl_ids() {
	usernsctl help findings 2>/dev/null | while read -r id _ ignorable _; do
		[[ $ignorable == ignorable ]] && echo "$id"
	done
}

_usernsctl_owners() {
	usernsctl range list --output=owner 2>/dev/null | sed 1d | sort -u
}

_usernsctl_options() {
	usernsctl help options 2>/dev/null | sed 's/ .*//'
}

_usernsctl() {
	local commands='enable disable migrate shift check status plan apply resume rollback verify history map range daemon help'
	local ranges='list next add remove move check' daemons='show get set unset'
	local every='--root= --json --color= --quiet --verbose --help --version'
	local gate='--dry-run --yes --detailed-exitcode --jobs= --on-error= --lock-timeout= --break-stale-locks'
	local made='--no-auto-rollback'
	local look='--scan= --deep --timeout='
	local wishes='--user= --range= --migrate= --max-pods= --set='
	local engines='docker podman kubelet incus rootless'
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} cmd='' sub='' word options='' head

	# bash splits words at '='.
	if [[ $cur == '=' ]]; then
		cur=''
	elif [[ $prev == '=' ]]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		if [[ -z $cmd && " $commands " == *" $word "* ]]; then
			cmd=$word
		elif [[ $cmd == plan && " enable disable migrate " == *" $word "* ]]; then
			sub=$word
		elif [[ $cmd == range && -z $sub && " $ranges " == *" $word "* ]]; then
			sub=$word
		elif [[ $cmd == daemon && -z $sub && " $daemons " == *" $word "* ]]; then
			sub=$word
		fi
	done

	COMPREPLY=()
	case $prev in
	--root) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
	--json) [[ ${COMP_WORDS[COMP_CWORD - 1]} == '=' || ${COMP_WORDS[COMP_CWORD]} == '=' ]] && {
			mapfile -t COMPREPLY < <(compgen -W 'pretty lines' -- "$cur"); return
		} ;;
	--color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
	--migrate) mapfile -t COMPREPLY < <(compgen -W 'all volumes none' -- "$cur"); return ;;
	--range) mapfile -t COMPREPLY < <(compgen -W 'auto hash' -- "$cur"); return ;;
	--svg) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--batch) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--scan | --shift) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
	-o | --output)
		head=${cur%"${cur##*,}"}
		mapfile -t COMPREPLY < <(compgen -P "$head" -W 'owner kind start end count line state' -- "${cur##*,}")
		return ;;
	--map) mapfile -t COMPREPLY < <(compgen -W 'u: g: b:' -- "$cur"); return ;;
	--unmapped) mapfile -t COMPREPLY < <(compgen -W 'refuse keep squash=' -- "$cur"); return ;;
	--even) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
	--on-error) mapfile -t COMPREPLY < <(compgen -W 'stop continue' -- "$cur"); return ;;
	--jobs) mapfile -t COMPREPLY < <(compgen -W '1 2 4 8 16 32' -- "$cur"); return ;;
	--set) mapfile -t COMPREPLY < <(compgen -W "$(_usernsctl_options)" -S = -- "$cur"); compopt -o nospace 2>/dev/null; return ;;
	--user) mapfile -t COMPREPLY < <(compgen -u -- "$cur"); return ;;
	--ignore)
		head=${cur%"${cur##*,}"}
		mapfile -t COMPREPLY < <(compgen -P "$head" -W "$(_usernsctl_ids)" -- "${cur##*,}")
		return ;;
	esac

	if [[ $cur == -* ]]; then
		case $cmd in
		enable) options="$gate $made $wishes --no-restart --stop-containers --ignore=" ;;
		disable) options="$gate $made --purge --stop-containers --ignore=" ;;
		migrate) options="$gate $made --stop-containers --ignore=" ;;
		shift) options="$gate $made --map= --range= --user= --reverse --unmapped= --no-journal --exclusive --even= --ignore=" ;;
		check) options="$wishes --stop-containers --ignore=" ;;
		apply) options="$gate $made" ;;
		resume | rollback) options=$gate ;;
		map) options='--svg=' ;;
		range)
			case $sub in
			list) options='--output=' ;;
			next) options="--count= $look" ;;
			add) options="$gate $made $look --range= --count= --batch= --ignore=" ;;
			remove) options="$gate $made $made --range= --ignore=" ;;
			move) options="$gate $made $look --range= --count= --shift= --ignore=" ;;
			check) options="$gate $made $look --fix --all --ignore=" ;;
			esac ;;
		daemon)
			case $sub in
			set | unset) options="$gate $made --no-restart --stop-containers --ignore=" ;;
			esac ;;
		plan)
			case $sub in
			disable) options='--detailed-exitcode --purge --stop-containers --ignore=' ;;
			migrate) options='--detailed-exitcode --stop-containers --ignore=' ;;
			enable) options="--detailed-exitcode $wishes --no-restart --stop-containers --ignore=" ;;
			*) options="--detailed-exitcode $wishes --no-restart --purge --stop-containers --ignore=" ;;
			esac ;;
		esac
		mapfile -t COMPREPLY < <(compgen -W "$options $every" -- "$cur")
		[[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace 2>/dev/null
		return
	fi
	case $cmd in
	'') mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur") ;;
	enable | disable | check)
		if [[ $prev == rootless ]]; then
			mapfile -t COMPREPLY < <(compgen -u -- "$cur")
		else
			mapfile -t COMPREPLY < <(compgen -W "$engines" -- "$cur")
		fi ;;
	migrate) mapfile -t COMPREPLY < <(compgen -W 'docker' -- "$cur") ;;
	plan)
		if [[ $prev == rootless ]]; then
			mapfile -t COMPREPLY < <(compgen -u -- "$cur")
		elif [[ $sub ]]; then
			mapfile -t COMPREPLY < <(compgen -W "$engines" -- "$cur")
		else
			mapfile -t COMPREPLY < <(compgen -W "enable disable migrate $engines" -- "$cur")
		fi ;;
	apply | shift) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
	range)
		case $sub in
		'') mapfile -t COMPREPLY < <(compgen -W "$ranges" -- "$cur") ;;
		add) mapfile -t COMPREPLY < <(compgen -u -- "$cur") ;;
		list | remove | move | check) mapfile -t COMPREPLY < <(compgen -W "$(_usernsctl_owners)" -- "$cur") ;;
		esac ;;
	daemon)
		case $sub in
		'') mapfile -t COMPREPLY < <(compgen -W "$daemons" -- "$cur") ;;
		get | unset) mapfile -t COMPREPLY < <(compgen -W "$(_usernsctl_options)" -- "$cur") ;;
		set)
			mapfile -t COMPREPLY < <(compgen -W "$(_usernsctl_options)" -S = -- "$cur")
			compopt -o nospace 2>/dev/null ;;
		esac ;;
	help) mapfile -t COMPREPLY < <(compgen -W "$commands findings options" -- "$cur") ;;
	esac
}

complete -F _usernsctl usernsctl
