#!/bin/sh
# Install what tests need and pip cannot bring, where we may: Chromium, curl, Redis and PostgreSQL
# from Debian's packages. The tests start these programs themselves, each in a folder of its own; no
# service of the machine is started. Without them those tests are skipped, each with a sentence
# that says how to get what it wants.
set -u

missing() {
  command -v chromium >/dev/null 2>&1 || echo chromium
  command -v curl >/dev/null 2>&1 || echo curl
  command -v redis-server >/dev/null 2>&1 || echo redis-server
  command -v initdb >/dev/null 2>&1 || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 ||
    echo postgresql
}

install() {
  # A postinst asks this file whether it may start a daemon; 101 means no.
  policy=/usr/sbin/policy-rc.d
  [ -e "$policy" ] || { printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy" && ours=1; }
  apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@"
  [ -z "${ours:-}" ] || rm -f "$policy"
}

wanted=$(missing)
[ -z "$wanted" ] && exit 0
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "Installing" $wanted "for the tests ..."
  export DEBIAN_FRONTEND=noninteractive
  install $wanted >/dev/null 2>&1
  wanted=$(missing)
fi
[ -z "$wanted" ] ||
  echo "The tests that need them will be skipped; to run them: apt-get install" $wanted
exit 0
