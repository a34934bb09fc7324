# The half of scripts/bench-expand.sh that measures perl-BSSolv: loading, each source of the sample, one pass over all.
use strict;
use warnings;
use Build ':rpm';
use Build::Deb;
use BSSolv;
use Time::HiRes 'time';

my ($folder) = @ARGV;

sub stanzas {
  my ($name) = @_;
  open(my $input, '-|', 'xz', '-dc', "$folder/$name") or die("$name: $!\n");
  local $/ = '';
  my @stanzas;
  while (my $text = <$input>) {
    $text =~ s/\n[ \t]+/ /g;
    push @stanzas, { map {/^([^:]+):\s*(.*?)\s*$/ ? (lc($1) => $2) : ()} split /\n/, $text };
  }
  return @stanzas;
}

sub items {
  my @items = grep {$_ ne ''} map {s/^\s+|\s+$//gr} map {split /,/} grep {defined} @_;
  s/[()]/ /g, s/<</</g, s/>>/>/g, s/\s+/ /g, s/ $//, s/ \| /|/g, s/\|/ | /g for @items;
  return \@items;
}

sub measure {
  my ($what, $run) = @_;
  my $start = time();
  my @result = $run->();
  printf "%s: %.1f ms\n", $what, (time() - $start) * 1000;
  return @result;
}

sub percentiles {
  my ($what, @times) = @_;
  @times = sort {$a <=> $b} @times;
  my $total = 0;
  $total += $_ for @times;
  my @at = map {$times[int($#times * $_ / 100)] * 1e6} 50, 95, 99, 100;
  printf "%s: median %.1f us, p95 %.1f us, p99 %.1f us, max %.1f us, all %.1f ms\n", $what, @at, $total * 1000;
}

my (@packages, %binaries);
for (stanzas('Packages.slim.xz')) {
  next unless defined $_->{package};
  my ($name, $version) = @$_{qw{package version}};
  my $package = { name => $name, arch => $_->{architecture} };
  $package->{provides} = [ @{items($_->{provides})}, "$name = $version" ];
  $package->{requires} = items(@$_{qw{depends pre-depends}});
  $package->{conflicts} = items(@$_{qw{conflicts breaks}});
  $package->{recommends} = items($_->{recommends});
  $package->{epoch} = $1 if $version =~ s/^(\d+)://;
  $package->{release} = $1 if $version =~ s/-([^-]*)$//;
  $package->{version} = $version;
  push @packages, $package;
  my $source = $_->{source} || $name;
  $source =~ s/ .*//;
  push @{$binaries{$source}}, $name;
}
my $config = Build::read_config_dist('debian12', 'x86_64', $folder) || die("no configuration\n");
$config->{binarytype} ||= 'deb';

my $pool = BSSolv::pool->new();
$pool->settype('deb');
my ($repository) = measure('build pool', sub { $pool->repofromdata('debian', \@packages) });
my $file = "/tmp/bench-expand-$$.solv";
$repository->tofile($file);
printf "%d bytes of file\n", -s $file;
my $again = BSSolv::pool->new();
$again->settype('deb');
measure('load pool file', sub { $again->repofromfile('debian', $file) });
unlink($file);
@packages = ();
measure('index', sub { $again->createwhatprovides() });
my $expander = BSSolv::expander->new($again, $config);
no warnings 'redefine';
*Build::expand = sub { shift; $expander->expand(@_) };

sub requests {
  my ($name) = @_;
  my %requests;
  for (stanzas($name)) {
    next unless defined $_->{package};
    my @lines = map {($_->[0].': '.$_->[1])} grep {defined $_->[1]} (['Source', $_->{package}], ['Build-Depends', $_->{'build-depends'}], ['Build-Depends-Arch', $_->{'build-depends-arch'}], ['Build-Depends-Indep', $_->{'build-depends-indep'}], ['Build-Conflicts', $_->{'build-conflicts'}]);
    my $parsed = Build::Deb::parse($config, \@lines);
    $requests{$_->{package}} = $parsed->{deps} || [];
  }
  return \%requests;
}

my $sample = requests('Sources.slim.xz');
for (['build set', \&Build::get_build], ['trigger set', \&Build::get_deps]) {
  my ($what, $call) = @$_;
  my @times;
  for my $source (sort keys %$sample) {
    my $best = 1e9;
    for (1..3) {
      my $start = time();
      $call->($config, $binaries{$source} || [], @{$sample->{$source}});
      my $time = time() - $start;
      $best = $time if $time < $best;
    }
    push @times, $best;
  }
  percentiles($what, @times);
}
my $all = requests('Sources-all.slim.xz');
my $resolved = 0;
measure('trigger pass, one thread', sub {
  for my $source (keys %$all) {
    my ($ok) = Build::get_deps($config, $binaries{$source} || [], @{$all->{$source}});
    $resolved++ if $ok;
  }
});
print scalar(keys %$all)." sources, $resolved resolve\n";
