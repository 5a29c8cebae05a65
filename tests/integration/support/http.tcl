# Asking the observer by HTTP.

# {status headers body milliseconds} of a request sent as it stands.
proc http_raw {port bytes} {
    set c [client_connect 127.0.0.1 $port]
    set started [clock microseconds]
    $c -raw $bytes
    set answer [$c -raw_rest]
    set ms [expr {([clock microseconds] - $started) / 1000.0}]
    $c -close
    set end [string first "\r\n\r\n" $answer]
    set status ""
    regexp {^HTTP/1.1 (\d+) } $answer -> status
    return [list $status [string range $answer 0 $end] [string range $answer $end+4 end] $ms]
}
proc http_get {port path {header ""}} {
    http_raw $port "GET $path HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n$header\r\n"
}
