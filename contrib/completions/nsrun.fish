# SPDX-License-Identifier: GPL-2.0-or-later
# fish completion of nsrun: /usr/share/fish/vendor_completions.d/nsrun.fish
# What a word can become is asked of nsrun itself (nsrun __complete); options and ids need no update here.

function __nsrun_complete
    set -l words (commandline -opc) (commandline -ct)
    for line in ($words[1] __complete -- $words[2..-1] 2>/dev/null)
        switch $line
            case :file
                __fish_complete_path (commandline -ct)
            case :dir
                __fish_complete_directories (commandline -ct)
            case :command
                __fish_complete_command
            case '*'
                echo $line
        end
    end
end
complete -c nsrun -f -a '(__nsrun_complete)'
