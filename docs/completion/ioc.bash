# Completion for gatewayctl and collectorctl. The words come from the programs' own help, so that they cannot
# disagree with what is accepted.
_ioc_words() { # PROGRAM...: commands or options named by its help
    "$@" --help 2>/dev/null | sed -n 's/^  \(-\{0,2\}[a-z][a-z-]*\) .*/\1/p'
}

_ioc() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} program=("${COMP_WORDS[0]}") i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
            -* | *[!a-z]*) break ;;
            *) program+=("${COMP_WORDS[i]}") ;;
        esac
    done
    case $previous in
        --role) mapfile -t COMPREPLY < <(compgen -W 'gateway operator collector broker' -- "$current") && return ;;
        --lang) mapfile -t COMPREPLY < <(compgen -W 'vi en both' -- "$current") && return ;;
        --dir | --out | --ca | --cert | --key | --install | --operators)
            mapfile -t COMPREPLY < <(compgen -f -- "$current") && return ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$(_ioc_words "${program[@]}")" -- "$current")
    [ ${#COMPREPLY[@]} -gt 0 ] || mapfile -t COMPREPLY < <(compgen -f -- "$current")
}

complete -o filenames -F _ioc gatewayctl collectorctl
