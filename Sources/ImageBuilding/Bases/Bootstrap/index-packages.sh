#!/bin/sh
# Prints the index of a flat repository (deb(5), sources.list(5)) of the packages in the folder $1.
set -eu
cd "$1"
for deb in *.deb; do
  dpkg-deb --field "$deb"
  printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' \
    "$deb" "$(stat --format=%s "$deb")" "$(sha256sum < "$deb" | cut -c1-64)"
done
