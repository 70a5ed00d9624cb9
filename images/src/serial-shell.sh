# Sent once to the root shell on the virtual machine's second serial port. One request a line:
#   P <base64>                   append to the input of the next command
#   R <seconds> <user> <base64>  run it; the words of the command end with NUL
# The answers stand between \001 and \002, so that nothing else on the line is taken for one.
set +o history; stty raw -echo -onlcr; PS1=
serve() {
    local verb rest seconds user words input=/run/serial-shell.in
    : > $input
    while IFS= read -r verb; do
        case $verb in
            "P "*) base64 -d >> $input <<< "${verb#P }"; printf '\001P %s\002' "$(stat -c %s $input)" ;;
            "R "*)
                read -r _ seconds user rest <<< "$verb"
                mapfile -d '' -t words < <(base64 -d <<< "$rest")
                timeout --signal=KILL "$seconds" setpriv --reuid="$user" --regid="$(id -g "$user")" \
                    --init-groups --reset-env -- env LANG=C.UTF-8 "${words[@]}" < $input > $input.out 2> $input.err
                printf '\001R %s %s %s\002' $? "$(base64 -w0 $input.out)-" "$(base64 -w0 $input.err)-"
                : > $input ;;
            "H "*) printf '\001H %s\002' "${verb#H }" ;;
        esac
    done
}
cd / && serve
