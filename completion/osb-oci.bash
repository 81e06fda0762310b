# bash completion for osb-oci (bash 4.3 or newer). osb-oci finds the candidates itself: osb-oci complete WORD...

_osb_oci() {
    local -a words=() lines=()
    local line=${COMP_LINE-} word previous='' i
    # bash splits words at ':' and '=', too. Parts without a blank between them are one word.
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]-}
        if ((i > 0)) && [[ $line != [[:blank:]]* && ($word =~ ^[:=]+$ || $previous =~ ^[:=]+$) ]]; then
            words[-1]+=$word
        else
            words+=("$word")
        fi
        line=${line#*"$word"}
        previous=$word
    done
    local program=${words[0]/#\~/$HOME} current=${words[-1]}
    words=("${words[@]:1}")
    mapfile -t lines < <("$program" complete "${words[@]//[\"\'\\]/}" 2>/dev/null)
    COMPREPLY=()
    ((${#lines[@]})) || return 0

    # What stands before the part of the word that bash replaces.
    local breaks='' cut=''
    [[ ${COMP_WORDBREAKS-} == *:* ]] && breaks+=:
    [[ ${COMP_WORDBREAKS-} == *=* ]] && breaks+='='
    [[ -n $breaks ]] && cut=${current%"${current##*["$breaks"]}"}

    local kind=${lines[0]%%$'\t'*} prefix=${lines[0]#*$'\t'}
    case $kind in
    words | prefixes)
        for line in "${lines[@]:1}"; do
            line=${line%%$'\t'*}
            COMPREPLY+=("${line#"$cut"}")
        done
        if [[ $kind == prefixes ]]; then compopt -o nospace 2>/dev/null; fi
        ;;
    files | directories)
        [[ ${lines[0]} == *$'\t'* ]] || prefix=''
        local action=-f
        [[ $kind == directories ]] && action=-d
        mapfile -t lines < <(compgen "$action" -- "${current#"$prefix"}")
        for line in "${lines[@]}"; do
            line=$prefix$line
            COMPREPLY+=("${line#"$cut"}")
        done
        compopt -o filenames 2>/dev/null
        ;;
    esac
    return 0
}

complete -F _osb_oci osb-oci
