#!/bin/sh
# Parsing and evaluating build configurations: CPU time of Perl's Build.pm and of Kiln in one run, medians, and the ratio.
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
  perl=$(perl -I "$library" -e '
    use strict; use Build ":rpm"; local $SIG{__WARN__} = sub {};
    sub cpu { my ($user, $system) = times; return $user + $system }
    sub measure {
      my ($rounds, $runs, @files) = @_;
      my @times;
      for (1..$rounds) {
        my $start = cpu();
        for (1..$runs) { Build::read_config("x86_64", $_) for @files }
        push @times, (cpu() - $start) / $runs * 1000;
      }
      return (sort { $a <=> $b } @times)[$rounds / 2];
    }
    my ($largest, @all) = @ARGV;
    printf "perl  largest  %8.3f ms CPU\n", measure(7, 40, $largest);
    printf "perl  all %4d %8.3f ms CPU\n", scalar(@all), measure(7, 4, @all);
  ' "$largest" "$@")
else
  perl="SKIPPED: $library has no Build.pm"
fi
kiln=$(cargo bench --quiet -p prjconf --bench evaluate -- --table "$largest" "$@")
printf '%s\n%s\n' "$perl" "$kiln"
# Columns: who, what, [number of files,] time, "ms CPU".
printf '%s\n%s\n' "$perl" "$kiln" | awk '
  $1 == "perl" { perl[$2] = $(NF - 2) }
  $1 == "kiln" && perl[$2] { printf "perl / kiln  %-8s %.0f times\n", $2, perl[$2] / $(NF - 2) }'
