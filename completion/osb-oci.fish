# fish completion for osb-oci. osb-oci finds the candidates itself: osb-oci complete WORD...

function __osb_oci_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l lines ($words[1] complete $words[2..-1] "$current" 2>/dev/null)
    test (count $lines) -gt 0; or return
    set -l answer (string split -m 1 \t -- $lines[1])
    set -l prefix "$answer[2]"
    set -l rest (string sub -s (math 1 + (string length -- "$prefix")) -- "$current")
    switch $answer[1]
        case words prefixes
            test (count $lines) -gt 1; and printf '%s\n' $lines[2..-1]
        case files
            for path in (__fish_complete_path "$rest")
                printf '%s\n' "$prefix$path"
            end
        case directories
            for path in (__fish_complete_directories "$rest" '')
                printf '%s\n' "$prefix$path"
            end
    end
end

complete -c osb-oci -f -a '(__osb_oci_complete)'
