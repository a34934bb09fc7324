#!/bin/sh
# Parsing and evaluating build configurations: CPU time of Perl's Build.pm and of Kiln in one run, and the ratio.
#
#   OBS_BUILD_DIR=FOLDER scripts/bench-prjconf.sh [CONFIGURATIONS]
#
# FOLDER is a checkout of obs-build (default: Debian's package). CONFIGURATIONS is a folder of *.conf files (default: those
# FOLDER ships, else those beside the workspace). Both sides get texts that are in memory already. If target/release/kiln is
# there, `kiln config check` of 2,000 lines is measured as a whole process.
set -eu
cd "$(dirname "$0")/.."
library=${OBS_BUILD_DIR:-/usr/lib/obs-build}
folder=${1:-$library/configs}
[ -d "$folder" ] || folder=../shared/cases/config-real
if [ ! -d "$folder" ]; then echo "SKIPPED: no configurations to measure"; exit 0; fi
folder=$(realpath "$folder")
echo "configurations: $folder"
perl=$(perl -I "$library" -e '
  use strict;
  if (!eval { require Build; Build->import(":rpm"); 1 }) { print "SKIPPED: no Build.pm there\n"; exit }
  local $SIG{__WARN__} = sub {};
  sub cpu { my ($user, $system) = times; return $user + $system }
  sub measure {
    my ($name, $rounds, $runs, @texts) = @_;
    my @times;
    for (1..$rounds) {
      my $start = cpu();
      for (1..$runs) { Build::read_config("x86_64", [ split("\n", $_) ]) for @texts }
      push @times, (cpu() - $start) / $runs * 1000;
    }
    printf "perl  %-12s %9.3f ms CPU\n", $name, (sort { $a <=> $b } @times)[$rounds / 2];
  }
  my @texts = map { open(my $file, "<", $_) or die "$_: $!"; local $/; scalar <$file> } sort glob("$ARGV[0]/*.conf");
  my ($largest) = sort { ($b =~ tr/\n//) <=> ($a =~ tr/\n//) } @texts;
  printf "      %d files, %d lines, the largest %d\n", scalar(@texts), join("", @texts) =~ tr/\n//, $largest =~ tr/\n//;
  measure("largest", 7, 40, $largest);
  measure("all", 7, 4, @texts);
' "$folder")
# Criterion prints NAME time: [LOW ESTIMATE HIGH], each figure with its unit of two words.
kiln=$(PRJCONF_BENCH=$folder cargo bench --quiet -p prjconf --bench evaluate -- --noplot 2>&1 |
  sed -n 's/^\([a-z0-9-]*\) *time: *\[[0-9.]* ms CPU \([0-9.]*\) ms CPU .*/\1 \2/p' |
  awk '{ printf "kiln  %-12s %9.3f ms CPU\n", $1, $2 }')
printf '%s\n%s\n' "$perl" "$kiln"
printf '%s\n%s\n' "$perl" "$kiln" | awk '
  $1 == "perl" { perl[$2] = $3 }
  $1 == "kiln" && perl[$2] { printf "perl / kiln  %-8s %.0f times\n", $2, perl[$2] / $3 }'
if [ -x target/release/kiln ]; then
  text=$(mktemp)
  for file in "$folder"/*.conf; do cat "$file"; done | head -n 2000 >"$text"
  perl -e '
    my @times;
    for (1..21) {
      my @start = times;
      system("target/release/kiln config check \"$ARGV[0]\" >/dev/null 2>&1");
      my @end = times;
      push @times, ($end[2] + $end[3] - $start[2] - $start[3]) * 1000;
    }
    printf "kiln  %-12s %9.0f ms CPU, the whole process\n", "check", (sort { $a <=> $b } @times)[10];
  ' "$text"
  rm -f "$text"
fi
