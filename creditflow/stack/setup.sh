# Sets up what `run` and `test` need beside Python; they read this file in.
#
#     set_up LOCK    .venv with exactly the wheels of LOCK, the command `creditflow`,
#                    and what browsers are sent
#
# A step whose lock has not changed since is skipped.

# Modules are compiled as they are first read, which costs less than compiling all of them here.
unset PYTHONDONTWRITEBYTECODE

say() { printf '%s\n' "$*" >&2; }
refuse() { say "creditflow: $*"; exit 3; }

# The newest Python that can run us. A name on PATH may lead nowhere, so each is tried.
find_python() {
    for python in python3.13 python3.12 python3.11 python3; do
        if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$python"
            return
        fi
    done
    refuse 'Python 3.11 or newer is needed'
}

make_venv() {
    python=$(find_python)
    say "making .venv with $("$python" --version)"
    rm -rf .venv
    if command -v uv >/dev/null; then
        uv venv --quiet --python "$python" .venv
    elif ! "$python" -m venv .venv 2>/dev/null; then
        # A Python without ensurepip; its own pip can serve the environment from outside.
        "$python" -m venv --clear --without-pip .venv
        "$python" -m pip --version >/dev/null 2>&1 || refuse 'neither pip nor uv is here'
        printf '%s\n' "$python" >.venv/pip-of
    fi
}

install_wheels() {
    say "installing the wheels of $1"
    if command -v uv >/dev/null; then
        uv pip install --quiet --python .venv/bin/python --require-hashes --no-deps \
            --only-binary :all: -r "$1"
        return
    fi
    set -- --require-hashes --no-deps --only-binary :all: -r "$1" \
        --no-compile --quiet --quiet --disable-pip-version-check --no-input --no-warn-script-location
    if [ -f .venv/pip-of ]; then
        "$(cat .venv/pip-of)" -m pip --python .venv/bin/python install "$@"
    else
        .venv/bin/python -m pip install "$@"
    fi
}

# The project itself needs no build: its folder on the path, and the command.
install_project() {
    packages=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    pwd -P >"$packages/creditflow.pth"
    # Through sh, as a path may be too long for the first line, or hold blanks.
    cat >.venv/bin/creditflow <<-END
	#!/bin/sh
	'''exec' "$(pwd -P)/.venv/bin/python" "\$0" "\$@"
	'''
	from creditflow.cli import main

	main()
	END
    chmod +x .venv/bin/creditflow
}

pages_due() {
    [ "$(cat node_modules/.made-from 2>/dev/null)" != "$(cksum <package-lock.json)" ]
}

install_pages() {
    [ -w "${HOME:-/nonexistent}" ] || export npm_config_cache="$PWD/.venv/npm-cache"
    PATH="$PATH:$PWD/.venv/bin" "$1" ci --omit-lockfile-registry-resolved --ignore-scripts \
        --no-audit --no-fund --loglevel=error >&2 && cksum <package-lock.json >node_modules/.made-from
}

# What an installation was made from: its folder, and each lock with its checksum. The wheels of
# requirements.lock are among those of requirements-dev.lock, so the latter serves for both.
made_from() {
    printf 'folder %s\n' "$(pwd -P)"
    for lock in "$1" requirements.lock; do
        printf '%s %s\n' "$lock" "$(cksum <"$lock")"
    done
}

set_up() {
    pages=
    if pages_due && command -v npm >/dev/null; then
        # While the wheels are on their way.
        install_pages npm &
        pages=$!
    fi
    if ! .venv/bin/python -c '' 2>/dev/null ||
        { [ -f .venv/made-from ] && ! grep -qxF "folder $(pwd -P)" .venv/made-from; }; then
        make_venv
    fi
    if ! grep -qxF "$1 $(cksum <"$1")" .venv/made-from 2>/dev/null; then
        install_wheels "$1"
        install_project
        made_from "$1" >.venv/made-from
    fi
    [ -z "$pages" ] || wait "$pages" || true
    if pages_due; then
        install_pages .venv/bin/npm || refuse 'the packages for browsers could not be installed'
    fi
}
