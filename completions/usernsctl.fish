# SPDX-License-Identifier: Apache-2.0
# fish completion for usernsctl(8). The program itself knows what there is (usernsctl help completions); here is only what fish needs.

function __usernsctl_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l program (string replace -r '^~' $HOME -- $words[1])
    set -e words[1]
    set -lx PATH $PATH /usr/sbin /sbin
    set -l reply ($program help completions -- $words (string unescape -- $current; or echo -- $current) 2>/dev/null)
    set -l head (string split \t -- $reply[1])
    set -e reply[1]
    set -l part (string sub -s (math (string length -- "$head[2]") + 1) -- $current)
    switch "$head[1]"
        case files
            string replace -r '^' -- "$head[2]" (__fish_complete_path $part)
        case directories
            string replace -r '^' -- "$head[2]" (__fish_complete_directories $part '')
        case words
            printf '%s\n' $reply
    end
end

complete -c usernsctl -f -a '(__usernsctl_complete)'
