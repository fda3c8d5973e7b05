# build.sh - install what building needs, and build; sourced by ./alua and ./test with $root set
#
# Everything it says goes to standard error, what the tools say to a log that is shown only when they fail.

say() { echo "alua: $*" >&2; }

die() { say "$*"; exit 1; }

# quietly LOG COMMAND...: its output goes to LOG, whose end is shown when it fails.
quietly()
{
    quietly_log=$1; shift
    "$@" >"$quietly_log" 2>&1 </dev/null && return
    tail -n 40 "$quietly_log" >&2
    say "failed: $* (all of it: $quietly_log)"
    return 1
}

as_root()
{
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# install_packages NAME...: through apt-get; a|b is whichever of the two this release has.
install_packages()
{
    command -v apt-get >/dev/null 2>&1 || die "missing here: $*. Please install what carries these Debian names."
    [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null 2>&1 || die "missing here: $*, and no sudo to install them."
    mkdir -p "$root/build"
    say "installing $(echo "$*" | sed 's/|/ or /g') (once)"
    quietly "$root/build/apt.log" as_root apt-get update -q || exit 1
    packages=
    for name; do
        case $name in
            *'|'*) apt-cache show --no-all-versions "${name%%|*}" >/dev/null 2>&1 &&
                       name=${name%%|*} || name=${name#*|} ;;
        esac
        packages="$packages $name"
    done
    # shellcheck disable=SC2086
    quietly "$root/build/apt.log" as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y \
        --no-install-recommends -o DPkg::Lock::Timeout=300 $packages || exit 1
}

# need COMMAND... PACKAGE: note the package when the command fails.
missing=
need()
{
    need_test=
    while [ $# -gt 1 ]; do need_test="$need_test $1"; shift; done
    $need_test >/dev/null 2>&1 || missing="$missing $1"
}

install_missing()
{
    # shellcheck disable=SC2086
    [ -z "$missing" ] || install_packages $missing
    missing=
}

need_build_tools()
{
    need command -v cc gcc
    need test -e /usr/include/stdio.h libc6-dev
    need command -v cmake cmake
    need command -v ninja ninja-build
    need command -v pkg-config pkgconf
    need pkg-config --exists libzmq libzmq3-dev
    need pkg-config --exists libczmq libczmq-dev
    need pkg-config --exists libuv libuv1-dev
    need pkg-config --exists libedit libedit-dev
    need pkg-config --exists libseccomp libseccomp-dev
    need pkg-config --exists lua5.4 liblua5.4-dev
    need test -e /usr/share/lua/5.4/dkjson.lua lua-dkjson
    [ -z "$missing" ] || need command -v make make      # gcc links with several processors by it, or warns and takes one
}

# lock PRESET: waits for whoever builds it now; the lock ends with this (sub)shell.
lock()
{
    mkdir -p "$root/build"
    exec 9>"$root/build/$1.lock"
    flock 9
}

# build_preset PRESET TARGET [CMAKE OPTION...]; under its lock.
build_preset()
{
    build_dir=$root/build/$1 build_preset=$1 build_target=$2; shift 2
    if [ ! -e "$build_dir/build.ninja" ] || [ $# -gt 0 ]; then
        (cd "$root" && quietly "$build_dir.configure.log" cmake --preset "$build_preset" "$@") || return 1
    fi
    quietly "$build_dir.log" ninja -C "$build_dir" "$build_target"
}
