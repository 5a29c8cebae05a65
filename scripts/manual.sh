#!/bin/sh
# manual.sh programs-folder output-folder: writes the man pages and the completions of bash and zsh from what the programs declare
# (--dump-directives, --dump-options, --help), so that they cannot differ from it.
set -eu
programs=$1 out=$2
mkdir -p "$out/man" "$out/bash" "$out/zsh"
version=$("$programs/tarn-cli" --version | cut -d' ' -f2)
tab=$(printf '\t')

# Text for roff: no line starts a request, and a minus is a minus.
roff() { sed -e 's/\\/\\e/g' -e 's/-/\\-/g' -e "s/^[.']/\\\\\&&/"; }
title() { printf '.TH %s %s "" "Tarn %s" "%s"\n.SH NAME\n%s \\- %s\n' "$1" "$2" "$version" "$3" "$4" "$5"; }
# A program's help as it stands, without its first line.
help_text() { printf '.nf\n'; "$@" --help | tail -n +2 | roff; printf '.fi\n'; }

{
    title TARN\\-SERVER 1 "User commands" tarn\\-server "in-memory data server of the Redis protocol"
    printf '.SH SYNOPSIS\n.B tarn\\-server\n[\\fICONFIG\\-FILE\\fR | \\-] [\\fB\\-\\-DIRECTIVE VALUE\\fR ...]\n'
    printf '.SH DESCRIPTION\n'
    help_text "$programs/tarn-server"
    printf '.SH SIGNALS\nSIGTERM and SIGINT save where save points are set, and end the server.\n'
    printf '.SH FILES\n.I /etc/tarn/tarn.conf\n.SH SEE ALSO\n.BR tarn\\-cli (1),\n.BR tarn\\-check (1),\n.BR tarn.conf (5)\n'
} >"$out/man/tarn-server.1"

{
    title TARN\\-CLI 1 "User commands" tarn\\-cli "talk to a Tarn, Redis or Valkey server"
    printf '.SH SYNOPSIS\n.B tarn\\-cli\n[\\fIoptions\\fR] [\\fIcommand\\fR [\\fIargument\\fR ...]]\n.br\n.B tarn\\-cli top\n[\\fB\\-\\-once\\fR]\n'
    printf '.SH DESCRIPTION\nSends one command and prints the reply; without a command reads commands from standard input, with a prompt\n'
    printf 'when that is a terminal. The prompt completes names by Tab and shows the arguments that are still to come.\n.SH OPTIONS\n'
    "$programs/tarn-cli" --dump-options | roff | awk -F "$tab" '
        $1 != group { group = $1; print ".SS " group }
        { print ".TP\n.B " $2 ($3 != "\\-" ? ", " $3 : "") ($4 != "\\-" ? " " $4 : ""); print $5 "." }'
    printf '.SH ENVIRONMENT\n.TP\n.B REDISCLI_AUTH\nThe password.\n.TP\n.B TARNCLI_HISTFILE\nWhere the history is kept instead of ~/.tarncli_history; /dev/null: nowhere.\n'
    printf '.TP\n.B TARNCLI_RCFILE\nPreferences instead of ~/.tarnclirc.\n'
    printf '.SH EXIT STATUS\n0; 1 when there is no connection, for a wrong option, and with \\-e for an error reply.\n'
    printf '.SH SEE ALSO\n.BR tarn\\-server (1)\n'
} >"$out/man/tarn-cli.1"

if [ -x "$programs/tarn-check" ]; then
    {
        title TARN\\-CHECK 1 "User commands" tarn\\-check "verify and repair RDB and append-only files"
        printf '.SH SYNOPSIS\n.B tarn\\-check\n\\fIwhat\\fR \\fIfile\\fR [\\fIoptions\\fR]\n.SH DESCRIPTION\n'
        help_text "$programs/tarn-check"
        printf '.SH SEE ALSO\n.BR tarn\\-server (1)\n'
    } >"$out/man/tarn-check.1"
fi

{
    title TARN.CONF 5 "File formats" tarn.conf "configuration of tarn-server"
    printf '.SH DESCRIPTION\nA directive and its value on each line, in the syntax of redis.conf; # begins a comment, values with spaces are quoted.\n'
    printf 'The same directives are given to \\fBtarn\\-server\\fR as \\-\\-directive value, and to CONFIG SET while it runs unless they are\n'
    printf 'for the start only. \\fBtarn\\-server \\-\\-check\\-config\\fR \\fIfile\\fR says what is wrong with one.\n.SH DIRECTIVES\n'
    "$programs/tarn-server" --dump-directives | sort | roff | awk -F "$tab" '
        { print ".TP\n.B " $1; print toupper(substr($3, 1, 1)) substr($3, 2) "; default " $4 "." ($5 != "\\-" ? " (" $5 ".)" : "")
          if ($2 != "\\-") print "Also called " $2 "." }'
    printf '.SH SEE ALSO\n.BR tarn\\-server (1)\n'
} >"$out/man/tarn.conf.5"

# ---- completion ----
cli_words=$("$programs/tarn-cli" --dump-options | awk -F "$tab" '{ print $2; if ($3 != "-") print $3 }' | tr '\n' ' ')
files=$("$programs/tarn-cli" --dump-options | awk -F "$tab" '$4 == "<file>" || $4 == "<path>" { printf "%s%s", sep, $2; sep = "|" }')
directives=$("$programs/tarn-server" --dump-directives | awk -F "$tab" '{ print "--" $1 }' | sort | tr '\n' ' ')
{
    echo "# bash completion of tarn-cli, written by scripts/manual.sh"
    echo "_tarn_cli() {"
    echo "    local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]}"
    echo "    case \$before in"
    echo "    $files) mapfile -t COMPREPLY < <(compgen -f -- \"\$word\") ;;"
    echo "    *) mapfile -t COMPREPLY < <(compgen -W '$cli_words' -- \"\$word\") ;;"
    echo "    esac"
    echo "}"
    echo "complete -F _tarn_cli tarn-cli"
} >"$out/bash/tarn-cli"
{
    echo "# bash completion of tarn-server, written by scripts/manual.sh"
    echo "_tarn_server() {"
    echo "    local word=\${COMP_WORDS[COMP_CWORD]}"
    echo "    case \$word in"
    echo "    -*) mapfile -t COMPREPLY < <(compgen -W '--help --version --check-config $directives' -- \"\$word\") ;;"
    echo "    *) mapfile -t COMPREPLY < <(compgen -f -- \"\$word\") ;;"
    echo "    esac"
    echo "}"
    echo "complete -F _tarn_server tarn-server"
} >"$out/bash/tarn-server"
{
    echo "#compdef tarn-cli"
    echo "# written by scripts/manual.sh"
    echo "_arguments \\"
    "$programs/tarn-cli" --dump-options | awk -F "$tab" '
        function quoted(s) { gsub(/\\/, "\\\\", s); gsub(/\[/, "\\[", s); gsub(/\]/, "\\]", s); gsub(/:/, "\\:", s); gsub(/\047/, "\047\\\047\047", s); return s }
        function row(name) {
            action = $4 == "-" ? "" : ":" quoted($4) ":" ($4 == "<file>" || $4 == "<path>" ? "_files" : "")
            print "    \047" name "[" quoted($5) "]" action "\047 \\"
        }
        $2 ~ /^-/ { row($2); if ($3 != "-") row($3) }'
    echo "    '*:command:(top)'"
} >"$out/zsh/_tarn-cli"
{
    echo "#compdef tarn-server"
    echo "# written by scripts/manual.sh"
    echo "_arguments '1:configuration file:_files' '--help[print how it is used]' '--version[print the version]' '--check-config[check a file]:file:_files' \\"
    "$programs/tarn-server" --dump-directives | sort | awk -F "$tab" '
        function quoted(s) { gsub(/\\/, "\\\\", s); gsub(/\[/, "\\[", s); gsub(/\]/, "\\]", s); gsub(/:/, "\\:", s); gsub(/\047/, "\047\\\047\047", s); return s }
        { print "    \047*--" $1 "[" quoted($3) "]:value:\047 \\" }'
    echo "    '*:directive: '"
} >"$out/zsh/_tarn-server"
