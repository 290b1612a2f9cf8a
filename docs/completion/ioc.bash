# Completion for gatewayd, gatewayctl, collectord, collectorctl and board-emulator. The words come from the programs' own
# help, so that they cannot disagree with what is accepted.

_ioc_words() { # PROGRAM...: commands and options its help names
    LANGUAGE=en "$@" --help 2>/dev/null |
        sed -nE -e '/^Commands of /,$d' -e 's/^  (-[a-zA-Z])[, ]*(--[a-z-]+)?.*/\1 \2/p' \
            -e 's/^  (--[a-z-]+), (--[a-z-]+)$/\1 \2/p' -e 's/^  ([a-z-]+) .*/\1/p'
}

_ioc_files() { mapfile -t COMPREPLY < <(compgen -f -- "$1"); }

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
        --verdict) mapfile -t COMPREPLY < <(compgen -W 'true false test' -- "$current") && return ;;
        -c | --config | --dir | --out | --ca | --cert | --key | --install | --operators)
            _ioc_files "$current" && return ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$(_ioc_words "${program[@]}")" -- "$current")
    [ ${#COMPREPLY[@]} -gt 0 ] || _ioc_files "$current"
}

# board-emulator ctl takes a socket and then a command; ledger knows one verb.
_ioc_emulator() {
    local current=${COMP_WORDS[COMP_CWORD]}
    case ${COMP_WORDS[1]}:$COMP_CWORD in
        ctl:2) _ioc_files "$current" ;;
        ctl:3) mapfile -t COMPREPLY < <(compgen -W 'fault set remap link bus status quit' -- "$current") ;;
        ctl:*) COMPREPLY=() ;;
        ledger:2) mapfile -t COMPREPLY < <(compgen -W check -- "$current") ;;
        *)
            _ioc
            [ "$COMP_CWORD" -gt 1 ] || mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -W 'ctl ledger' -- "$current")
            ;;
    esac
}

complete -o filenames -F _ioc gatewayd gatewayctl collectord collectorctl
complete -o filenames -F _ioc_emulator board-emulator
