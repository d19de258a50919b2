# SPDX-License-Identifier: Apache-2.0
# fish completion for usernsctl(8)

function __usernsctl_ids
    usernsctl help findings 2>/dev/null | awk '$3 == "ignorable" { print $1 }'
end

function __usernsctl_owners
    usernsctl range list --output=owner 2>/dev/null | sed 1d | sort -u
end

function __usernsctl_options
    usernsctl help options 2>/dev/null | string replace -r ' .*' ''
end

function __usernsctl_daemon
    __fish_seen_subcommand_from daemon; and __fish_seen_subcommand_from $argv
end

function __usernsctl_range
    __fish_seen_subcommand_from range; and __fish_seen_subcommand_from $argv
end

set -l commands enable disable migrate shift check status plan apply resume rollback verify history map range daemon help
set -l ranges list next add remove move check
set -l daemons show get set unset
set -l gated enable disable migrate shift apply resume rollback

complete -c usernsctl -f
complete -c usernsctl -l root -r -a '(__fish_complete_directories)' -d 'Work on the host below a directory'
complete -c usernsctl -l json -d 'JSON on the standard output'
complete -c usernsctl -l json -a 'pretty lines'
complete -c usernsctl -l color -x -a 'auto always never' -d 'Use colors'
complete -c usernsctl -s q -l quiet -d 'Say only what is wrong'
complete -c usernsctl -s v -l verbose -d 'Also name the steps that are so already'
complete -c usernsctl -s h -l help -d 'Show help'
complete -c usernsctl -l version -d 'Show the version'

complete -c usernsctl -n "not __fish_seen_subcommand_from $commands" -a enable -d 'Switch userns-remap on and take all data along'
complete -c usernsctl -n "not __fish_seen_subcommand_from $commands" -a disable -d 'Switch userns-remap off, with the data made since'
complete -c usernsctl -n "not __fish_seen_subcommand_from $commands" -a migrate -d 'Take along data that was left behind'
complete -c usernsctl -n "not __fish_seen_subcommand_from $commands" -a shift -d 'Give the files of any tree to other owners, by a map'
complete -c usernsctl -n "not __fish_seen_subcommand_from $commands" -a check -d 'Find what stops enable, breaks under it, or collides'
complete -c usernsctl -n "not __fish_seen_subcommand_from $commands" -a status -d 'What is configured, in effect, and pending'
complete -c usernsctl -n "not __fish_seen_subcommand_from $commands" -a plan -d 'Show the plan alone'
complete -c usernsctl -n "not __fish_seen_subcommand_from $commands" -a apply -d 'Carry out a plan that was saved'
complete -c usernsctl -n "not __fish_seen_subcommand_from $commands" -a resume -d 'Go on with the pending transaction'
complete -c usernsctl -n "not __fish_seen_subcommand_from $commands" -a rollback -d 'Take the pending or the last transaction back'
complete -c usernsctl -n "not __fish_seen_subcommand_from $commands" -a verify -d 'Compare the host with what a transaction left'
complete -c usernsctl -n "not __fish_seen_subcommand_from $commands" -a history -d 'List the transactions'
complete -c usernsctl -n "not __fish_seen_subcommand_from $commands" -a map -d 'Draw the IDs of this host'
complete -c usernsctl -n "not __fish_seen_subcommand_from $commands" -a range -d 'List, check, give and take away subordinate IDs'
complete -c usernsctl -n "not __fish_seen_subcommand_from $commands" -a daemon -d 'Show, set and unset the options of dockerd'
complete -c usernsctl -n "not __fish_seen_subcommand_from $commands" -a help -d 'Show help'

for when in "__fish_seen_subcommand_from $gated" '__usernsctl_range add remove move check' '__usernsctl_daemon set unset'
    complete -c usernsctl -n $when -l dry-run -d 'Show what would be done, change nothing'
    complete -c usernsctl -n $when -l yes -d 'Do not ask'
    complete -c usernsctl -n $when -l on-error -x -a 'stop continue' -d 'At inodes that cannot be changed'
    complete -c usernsctl -n $when -l jobs -x -d 'Threads that walk a tree'
    complete -c usernsctl -n $when -l lock-timeout -x -d 'Wait for the account files'
    complete -c usernsctl -n $when -l break-stale-locks -d 'Remove locks that nobody can hold any more'
    complete -c usernsctl -n $when -l detailed-exitcode -d 'Exit 10 when something changed, or would'
end
for when in '__fish_seen_subcommand_from enable disable migrate shift apply' '__usernsctl_range add remove move check' '__usernsctl_daemon set unset'
    complete -c usernsctl -n $when -l no-auto-rollback -d 'Stay where it failed, for resume or rollback'
end
complete -c usernsctl -n '__fish_seen_subcommand_from enable disable migrate check plan' -l stop-containers -d 'Stop running containers, start them again at the end'
complete -c usernsctl -n '__fish_seen_subcommand_from plan' -l detailed-exitcode -d 'Exit 10 when something would change'
complete -c usernsctl -n '__fish_seen_subcommand_from enable check plan' -l user -x -a '(__fish_complete_users)' -d 'Remap user'
complete -c usernsctl -n '__fish_seen_subcommand_from enable check plan' -l range -x -a 'auto hash' -d 'IDs of the remap user'
complete -c usernsctl -n '__fish_seen_subcommand_from shift' -l range -x -d 'Targets of the IDs from 0 on'
complete -c usernsctl -n '__fish_seen_subcommand_from shift' -l map -x -a 'u: g: b:' -d 'Move users, groups, or both'
complete -c usernsctl -n '__fish_seen_subcommand_from shift' -l reverse -d 'From the targets back to the sources'
complete -c usernsctl -n '__fish_seen_subcommand_from shift' -l user -x -a '(__fish_complete_users)' -d 'To the ranges of this user'
complete -c usernsctl -n '__fish_seen_subcommand_from shift' -l unmapped -x -a 'refuse keep squash=' -d 'IDs outside of the map'
complete -c usernsctl -n '__fish_seen_subcommand_from shift' -l no-journal -d 'keep no record'
complete -c usernsctl -n '__fish_seen_subcommand_from shift' -l exclusive -d 'nobody else works in the trees meanwhile'
complete -c usernsctl -n '__fish_seen_subcommand_from shift' -l even -r -a '(__fish_complete_directories)' -d 'Shift this directory of the system too'
complete -c usernsctl -n '__fish_seen_subcommand_from shift' -F
complete -c usernsctl -n '__fish_seen_subcommand_from enable check plan' -l migrate -x -a 'all volumes none' -d 'Data to take along'
complete -c usernsctl -n '__fish_seen_subcommand_from enable check plan' -l set -x -a '(__usernsctl_options)=' -d 'Set this option of dockerd too'
complete -c usernsctl -n "__fish_seen_subcommand_from daemon; and not __fish_seen_subcommand_from $daemons" -a "$daemons"
complete -c usernsctl -n '__usernsctl_daemon get unset' -a '(__usernsctl_options)'
complete -c usernsctl -n '__usernsctl_daemon set' -a '(__usernsctl_options)='
complete -c usernsctl -n '__usernsctl_daemon set unset' -l no-restart -d 'Leave the engine alone'
complete -c usernsctl -n '__usernsctl_daemon set unset' -l stop-containers -d 'Stop running containers, start them again at the end'
complete -c usernsctl -n '__usernsctl_daemon set unset' -l ignore -x -a '(__usernsctl_ids)' -d 'Accept these findings'
complete -c usernsctl -n '__fish_seen_subcommand_from enable check plan' -l max-pods -x -d 'kubelet: pods that the range is for'
complete -c usernsctl -n '__fish_seen_subcommand_from enable disable check plan' -a 'docker podman kubelet incus rootless'
complete -c usernsctl -n '__fish_seen_subcommand_from enable disable check plan; and __fish_seen_subcommand_from rootless' -a '(__fish_complete_users)'
complete -c usernsctl -n '__fish_seen_subcommand_from enable plan' -l no-restart -d 'Leave the engine alone'
complete -c usernsctl -n '__fish_seen_subcommand_from disable plan' -l purge -d 'Remove user and ranges too'
complete -c usernsctl -n '__fish_seen_subcommand_from enable disable migrate shift check plan' -l ignore -x -a '(__usernsctl_ids)' -d 'Accept these findings'

complete -c usernsctl -n "__fish_seen_subcommand_from range; and not __fish_seen_subcommand_from $ranges" -a "$ranges"
complete -c usernsctl -n '__usernsctl_range add move remove' -l range -x -a 'auto hash' -d 'IDs'
complete -c usernsctl -n '__usernsctl_range add move next' -l count -x -d 'Number of IDs'
complete -c usernsctl -n '__fish_seen_subcommand_from map' -l svg -r -F -d 'Draw a picture too'
complete -c usernsctl -n '__usernsctl_range add' -l batch -r -F -d 'Owners, one a line'
complete -c usernsctl -n '__usernsctl_range add' -a '(__fish_complete_users)'
complete -c usernsctl -n '__usernsctl_range list' -s o -l output -x -a 'owner kind start end count line state' -d 'Columns'
complete -c usernsctl -n '__usernsctl_range add move next check' -l scan -x -a '(__fish_complete_directories)' -d 'IDs of files below a directory count too'
complete -c usernsctl -n '__usernsctl_range add move next check' -l deep -d 'Ask NSS about every ID'
complete -c usernsctl -n '__usernsctl_range add move next check' -l timeout -x -d 'For asking NSS'
complete -c usernsctl -n '__usernsctl_range check' -l fix -d 'Mend what is safe to mend'
complete -c usernsctl -n '__usernsctl_range check' -l all -d 'Name every line'
complete -c usernsctl -n '__usernsctl_range move' -l shift -x -a '(__fish_complete_directories)' -d 'Shift this tree along'
complete -c usernsctl -n '__usernsctl_range add remove move check' -l ignore -x -a '(__usernsctl_ids)' -d 'Accept these findings'
complete -c usernsctl -n '__usernsctl_range list remove move check' -a '(__usernsctl_owners)'

complete -c usernsctl -n '__fish_seen_subcommand_from enable disable migrate check plan; and not __fish_seen_subcommand_from range' -a docker
complete -c usernsctl -n '__fish_seen_subcommand_from plan; and not __fish_seen_subcommand_from enable disable migrate' -a 'enable disable migrate'
complete -c usernsctl -n '__fish_seen_subcommand_from apply' -F
complete -c usernsctl -n '__fish_seen_subcommand_from help' -a "$commands findings options"
