#!/bin/sh
# Parsing and evaluating build configurations: Perl's Build.pm and Kiln in one run, median per file and for all together.
#
#   OBS_BUILD_DIR=FOLDER scripts/bench-prjconf.sh [FILE...]
#
# FOLDER is a checkout of obs-build (default: Debian's package). Without files those beside the workspace, if they are there.
set -eu
library=${OBS_BUILD_DIR:-/usr/lib/obs-build}
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- ../shared/cases/config-real/*.conf
if [ ! -e "$1" ]; then echo "SKIPPED: no configurations to measure"; exit 0; fi
set -- $(realpath "$@")
largest=$(wc -l "$@" | grep -v ' total$' | sort -n | tail -n 1 | awk '{print $2}')
echo "largest: $largest"
if [ -e "$library/Build.pm" ]; then
  perl -I "$library" -e '
    use strict; use Build ":rpm"; local $SIG{__WARN__} = sub {};
    sub cpu { my ($user, $system) = times; return $user + $system }
    sub measure {
      my ($runs, @files) = @_;
      my $start = cpu();
      for (1..$runs) { Build::read_config("x86_64", $_) for @files }
      return (cpu() - $start) / $runs * 1000;
    }
    my ($largest, @all) = @ARGV;
    printf "perl  largest  %8.3f ms CPU\n", measure(40, $largest);
    printf "perl  all %4d %8.3f ms CPU\n", scalar(@all), measure(5, @all);
  ' "$largest" "$@"
else
  echo "SKIPPED: $library has no Build.pm"
fi
cargo bench --quiet -p prjconf --bench evaluate -- --table "$largest" "$@"
