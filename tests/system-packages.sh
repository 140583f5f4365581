#!/bin/sh
# Install what the browser tests need and pip cannot bring: Debian's Chromium, where we may.
# Without it those tests are skipped, each with a sentence that says how to get it.
set -u
command -v chromium >/dev/null 2>&1 && exit 0
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "Installing chromium for the browser tests ..."
  export DEBIAN_FRONTEND=noninteractive
  (apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium) >/dev/null 2>&1 && exit 0
fi
echo "chromium is not installed, so browser tests will be skipped; to run them: apt-get install chromium"
exit 0
