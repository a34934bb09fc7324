# Prints what Build.pm makes of spec files, as `spec.rs` prints what we make of them.
#
#   perl build_pm.pl LIB ARCH CONFIG < list-of-spec-files
#
# LIB is the folder of Build.pm; CONFIG a build configuration. White space in dependencies is made one blank.
use strict;
my ($lib, $arch, $config) = @ARGV;
unshift @INC, $lib;
require Build;
Build->import(':rpm');
$SIG{__WARN__} = sub {};
my $cf = Build::read_config($arch, $config);
while (my $file = <STDIN>) {
  chomp $file;
  print "== $file\n";
  my $ret = eval { local $SIG{ALRM} = sub { die("timeout\n") }; alarm(20); my $r = Build::Rpm::parse($cf, $file); alarm(0); $r };
  alarm(0);
  print("died\n"), next unless $ret;
  my $say = sub { my ($key, @values) = @_; for (@values) { s/\s+/ /g; s/^ | $//g; print "$key: $_\n" } };
  $say->($_, $ret->{$_}) for grep { defined $ret->{$_} } qw{name epoch version release};
  $say->('requires', @{$ret->{'deps'}});
  $say->('prerequisite', @{$ret->{'prereqs'} || []});
  $say->('package', @{$ret->{'subpacks'}});
  $say->('exclusive', join(' ', @{$ret->{'exclarch'}})) if $ret->{'exclarch'};
  $say->('exclude', join(' ', @{$ret->{'badarch'}})) if $ret->{'badarch'};
  for my $kind ('source', 'patch') {
    $say->($kind, $ret->{$kind}) if defined $ret->{$kind} && !ref($ret->{$kind});
    my @numbers = sort { $a <=> $b } map { /^$kind(\d+)$/ ? $1 : () } keys %$ret;
    $say->("$kind$_", $ret->{"$kind$_"}) for @numbers;
  }
  $say->('constraint', @{$ret->{'buildconstraint'} || []});
  $say->('target', $ret->{'buildtarget'}) if defined $ret->{'buildtarget'};
  $say->('only-native', @{$ret->{'onlynative'} || []});
  $say->('also-native', @{$ret->{'alsonative'} || []});
  $say->('flag', grep { $ret->{$_} } qw{multiversion nativebuild nouseforbuild configdependent});
}
