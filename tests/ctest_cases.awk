# Reads `ctest -V`; prints what failed or was skipped, then "PASSED FAILED SKIPPED" in cases, as cmocka counts them.
# A program that dies, hangs or leaks fails besides the cases that it reported.
/^[0-9]+: / {
    number = $1 + 0
    text = substr($0, index($0, ": ") + 2)
    said[number] = said[number] "    " text "\n"
    if (match(text, /^\[  PASSED  \] [0-9]+/))
        passed[number] += substr(text, 14)
    else if (match(text, /^\[  FAILED  \] (.*: )?[0-9]+ test\(s\)/))
        failed[number] += last_count(text)
    else if (match(text, /^\[  SKIPPED \] (.*: )?[0-9]+ test\(s\)/))
        skipped[number] += last_count(text)
    next
}
/^ *[0-9]+\/[0-9]+ Test +#[0-9]+: / {
    verdict = $0
    sub(/^[^#]*#/, "", verdict)
    number = verdict + 0
    name = verdict
    sub(/^[0-9]+: /, "", name)
    sub(/ .*/, "", name)
    good = verdict ~ / Passed /
    if (good && !(number in passed) && !(number in skipped))
        passed[number] = 1                  # No cmocka program: a case by itself
    if (!good && !failed[number]) {
        failed[number] = 1
        sub(/^[^ ]+ [^ ]+ \.*/, "", verdict)
        said[number] = said[number] "    (" verdict ")\n"
    }
    if (failed[number])
        printf "FAILED  %s\n%s", name, said[number]
    else if (skipped[number])
        printf "skipped %d in %s\n%s", skipped[number], name, said[number]
    else
        printf "ok      %s (%d)\n", name, passed[number]
    p += passed[number]; f += failed[number]; s += skipped[number]
}
function last_count(text) { sub(/^\[[^]]*\] (.*: )?/, "", text); return text + 0 }
END { printf "%d %d %d\n", p, f, s }
