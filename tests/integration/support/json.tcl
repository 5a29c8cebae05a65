# The JSON of tests/corpus: one value a line. An object becomes a dict, an array a list, a string its UTF-8 bytes, a number its
# text; {"b64": "..."} the bytes that it stands for.
#
#   dict get [json::parse $line] key

namespace eval json {}

proc json::parse {text} {
    set at 0
    set value [value $text at]
    if {[string trim [string range $text $at end]] ne ""} { error "JSON: more than one value: $text" }
    return $value
}

proc json::value {text at_name} {
    upvar 1 $at_name at
    skip $text at
    switch -- [string index $text $at] {
        \{ { return [object $text at] }
        \[ { return [array $text at] }
        \" { return [str $text at] }
    }
    if {![regexp -start $at {\A[-+.0-9a-zA-Z]+} $text word]} { error "JSON: no value at $at" }
    incr at [string length $word]
    return $word
}

proc json::skip {text at_name} {
    upvar 1 $at_name at
    while {[string index $text $at] in {" " "\t"}} { incr at }
}

# The character that must come next, one of `allowed`.
proc json::take {text at_name allowed} {
    upvar 1 $at_name at
    skip $text at
    set c [string index $text $at]
    if {$c eq "" || [string first $c $allowed] < 0} { error "JSON: '$c' at $at, not one of $allowed" }
    incr at
    return $c
}

proc json::closes {text at_name end} {
    upvar 1 $at_name at
    skip $text at
    if {[string index $text $at] ne $end} { return 0 }
    incr at
    return 1
}

proc json::str {text at_name} {
    upvar 1 $at_name at
    set start [expr {[take $text at \"] eq "" ? 0 : $at}]
    set end [string first \" $text $start]
    while {[string index $text $end-1] eq "\\"} { set end [string first \" $text $end+1] }
    set at [expr {$end + 1}]
    set raw [string range $text $start $end-1]
    if {[string first \\ $raw] >= 0} { set raw [subst -nocommands -novariables $raw] }
    return [encoding convertto utf-8 $raw]
}

proc json::array {text at_name} {
    upvar 1 $at_name at
    set items {}
    take $text at \[
    if {[closes $text at \]]} { return $items }
    while 1 {
        lappend items [value $text at]
        if {[take $text at ,\]] eq "\]"} { return $items }
    }
}

proc json::object {text at_name} {
    upvar 1 $at_name at
    set members {}
    take $text at \{
    if {[closes $text at \}]} { return $members }
    while 1 {
        set name [value $text at]
        take $text at :
        lappend members $name [value $text at]
        if {[take $text at ,\}] eq "\}"} { break }
    }
    if {[lindex $members 0] eq "b64" && [llength $members] == 2} { return [binary decode base64 [lindex $members 1]] }
    return $members
}
