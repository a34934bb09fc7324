# Answers expansion cases with the peers: obs-build's Perl expander and perl-BSSolv, the latter below the same wrappers.
#
# Reads one JSON object a line (`engine`, `config`, `packages`, `request`, the texts in the formats of corpus/expand) and
# writes the answer as one JSON line. The first line written says which peers these are.
# Arguments: the folder of obs-build, and optionally the build tree of a perl-BSSolv that is not installed.
use strict;
use warnings;
use JSON::PP;

my ($library, $bssolv_tree);
BEGIN {
  ($library, $bssolv_tree) = @ARGV;
  unshift @INC, $library;
  unshift @INC, "$bssolv_tree/blib/arch", "$bssolv_tree/blib/lib" if $bssolv_tree;
}
use Build ':rpm';
use Build::Deb;
use BSSolv;
eval { require Build::Apk };
eval { require PBuild::Expand; require PBuild::Depsort; require PBuild::Meta };
my $has_pbuild = $@ ? 0 : 1;

my %is_list = map {$_ => 1} qw{provides requires conflicts obsoletes recommends supplements};
my $json = JSON::PP->new->canonical->utf8;

sub packages {
  my ($text) = @_;
  my @repos;
  for my $line (split /\n/, $text) {
    my ($key, $value) = $line =~ /^\s*(\S+)\s*(.*?)\s*$/ or next;
    push @repos, { name => "r".@repos, bins => [] } if $key eq 'repo' || !@repos;
    my $bins = $repos[-1]->{bins};
    if ($key eq 'repo') {
      my (undef, $priority) = split ' ', $value;
      $repos[-1]->{priority} = $priority;
    } elsif ($key eq 'package') {
      my ($name, $evr, $arch) = split ' ', $value;
      my $bin = { name => $name, arch => $arch || 'noarch' };
      $bin->{provides} = [ $evr eq '-' ? $name : "$name = $evr" ];
      $evr = '' if $evr eq '-';
      $bin->{epoch} = $1 if $evr =~ s/^(\d+)://;
      $bin->{release} = $1 if $evr =~ s/-([^-]*)$//;
      $bin->{version} = $evr if $evr ne '';
      push @$bins, $bin;
    } elsif ($key eq 'noself') {
      shift @{$bins->[-1]->{provides}};
    } elsif ($key eq 'modules') {
      $bins->[-1]->{modules} = [ split ' ', $value ];
    } elsif ($is_list{$key}) {
      push @{$bins->[-1]->{$key}}, $value;
    } else {
      $bins->[-1]->{$key} = $value;
    }
  }
  return @repos;
}

sub request {
  my %request = (dep => [], subpack => [], extradep => [], pack => [], edge => [], map => [], src => [], metaline => [], arg => [], line => []);
  for (split /\n/, $_[0]) {
    my ($key, $value) = /^(\w+): ?(.*)$/ or next;
    if (ref $request{$key}) { push @{$request{$key}}, $value } else { $request{$key} = $value }
  }
  return \%request;
}

sub perl_expander {
  my ($config, $request, @repos) = @_;
  if (@repos > 1) {
    PBuild::Expand::configure_repos($config, \@repos);
  } else {
    Build::readdeps($config, undef, { map {$_->{name} => $_} map {@{$_->{bins}}} @repos });
  }
  return \&Build::Expand::expand if defined &Build::Expand::expand;
  return \&Build::expand;
}

sub bssolv_expander {
  my ($config, $request, @repos) = @_;
  my $pool = BSSolv::pool->new();
  my $type = $config->{binarytype} || '';
  $pool->settype($type) if $type eq 'deb' || $type eq 'arch';
  for my $repo (@repos) {
    for my $bin (@{$repo->{bins}}) {
      for my $key (keys %is_list) {
        next unless $bin->{$key};
        $_ = /^\(|^packageand\(|^otherproviders\(/ && defined(&Build::Rpm::testcaseformat) ? Build::Rpm::testcaseformat($_) : $_ for @{$bin->{$key}};
      }
    }
    my $known = $pool->repofromdata($repo->{name}, $repo->{bins});
    $known->setpriority($repo->{priority}) if defined $repo->{priority};
  }
  $pool->setmodules($config->{modules}) if $config->{modules};
  $pool->createwhatprovides($request->{unorderedrepos} ? 1 : 0);
  my @keep = ($pool, BSSolv::expander->new($pool, $config));
  return sub { shift; $keep[1]->expand(@_) };
}

sub outcome {
  my ($ok, @lines) = @_;
  return $ok ? { ok => JSON::PP::true, packages => [ sort @lines ] } : { ok => JSON::PP::false, errors => \@lines };
}

sub meta_answer {
  my ($engine, $op, $request) = @_;
  my @result;
  if ($op eq 'genmeta') {
    my $algorithm = $request->{algo} || 0;
    ($engine eq 'perl' ? \&PBuild::Meta::setgenmetaalgo : \&BSSolv::setgenmetaalgo)->($algorithm);
    @result = ($engine eq 'perl' ? \&PBuild::Meta::gen_meta : \&BSSolv::gen_meta)->($request->{subpack}, @{$request->{metaline}});
  } else {
    my $add = $engine eq 'perl' ? \&PBuild::Meta::add_meta : \&BSSolv::add_meta;
    $add->(\@result, join("\n", @{$request->{metaline}})."\n", $request->{bin}, defined($request->{packid}) ? $request->{packid} : ());
  }
  return { meta => \@result };
}

sub depsort_answer {
  my ($request) = @_;
  my (%deps, %map, %src, @cycles, @sccs);
  for (@{$request->{edge}}) { my ($from, @to) = split ' '; push @{$deps{$from}}, @to }
  for (@{$request->{map}}) { my ($one, $other) = split ' '; $map{$one} = $other }
  $src{$_} = $_ for @{$request->{pack}};
  for (@{$request->{src}}) { my ($one, $other) = split ' '; $src{$one} = $other }
  my $answer = { order => [ BSSolv::depsort2(\%deps, \%map, \%src, \@cycles, @{$request->{pack}}) ], cycles => \@cycles };
  if (defined &BSSolv::setdepsortsccs) {
    BSSolv::setdepsortsccs(1);
    BSSolv::depsort2(\%deps, \%map, \%src, \@sccs, @{$request->{pack}});
    BSSolv::setdepsortsccs(0);
    $answer->{sccs} = [ sort {$a->[0] cmp $b->[0]} map {[ sort @$_ ]} @sccs ];
  }
  return $answer;
}

sub order_answer {
  my ($config, $request) = @_;
  my $log = '';
  open(my $saved, '>&', \*STDERR) or die;
  close STDERR;
  open(STDERR, '>', \$log) or die;
  my @order = eval { Build::order($config, @{$request->{pack}}) };
  close STDERR;
  open(STDERR, '>&', $saved) or die;
  return { order => \@order, log => [ map {s/^\s+//r} split /\n/, $log ] };
}

sub answer {
  my ($case) = @_;
  my $request = request($case->{request});
  my ($engine, $op) = ($case->{engine}, $request->{op});
  my $arg = $request->{arg};
  if ($op eq 'verscmp') {
    my $type = $request->{type} || 'rpm';
    my $compare = $type eq 'deb' ? \&Build::Deb::verscmp : $type eq 'apk' ? \&Build::Apk::verscmp : \&Build::Rpm::verscmp;
    return { result => 0 + $compare->(@$arg, $request->{dtest} ? 1 : ()) };
  }
  return { result => 0 + Build::matchsingledep(@$arg, $request->{type} || 'rpm') } if $op eq 'match';
  return meta_answer($engine, $op, $request) if $op eq 'genmeta' || $op eq 'addmeta';
  return depsort_answer($request) if $op eq 'depsort2';
  my $config = Build::read_config('x86_64', [ split /\n/, $case->{config} ]);
  $config->{type} = $request->{type} if defined $request->{type};
  my @dep = @{$request->{dep}};
  return { deps => [ Build::do_subst($config, @dep) ] } if $op eq 'substitute';
  my $setup = $engine eq 'perl' ? \&perl_expander : \&bssolv_expander;
  my $expand = $setup->($config, $request, packages($case->{packages}));
  return order_answer($config, $request) if $op eq 'order';
  no warnings 'redefine';
  local *Build::expand = $expand;
  return outcome(Build::expand($config, @dep)) if $op eq 'expand' && !$request->{extractnative};
  return outcome(Build::get_build($config, $request->{subpack}, @dep)) if $op eq 'get_build';
  return outcome(Build::get_deps($config, $request->{subpack}, @dep)) if $op eq 'get_deps';
  if ($op eq 'get_sysbuild') {
    my @result = Build::get_sysbuild($config, $request->{buildtype}, $request->{extradep});
    return @result ? outcome(@result) : { none => JSON::PP::true };
  }
  if ($op eq 'preinstalls') {
    my $error = Build::expandpreinstalls($config);
    return { ok => JSON::PP::false, errors => [ $error ] } if $error;
    return { ok => JSON::PP::true, preinstall => [ Build::get_preinstalls($config) ], vminstall => [ Build::get_vminstalls($config) ], runscripts => [ Build::get_runscripts($config) ] };
  }
  my @native;
  my $result = $op eq 'get_sysroot' ? outcome(Build::get_sysroot($config, $request->{subpack}, '--extractnative--', \@native, @dep)) : outcome(Build::expand($config, '--extractnative--', \@native, @dep));
  $result->{native} = \@native if $result->{ok};
  return $result;
}

$| = 1;
my $has_rich = defined(&Build::Rpm::testcaseformat) ? 1 : 0;
print $json->encode({ bssolv_is_new => defined(&BSSolv::setdepsortsccs) ? 1 : 0, obsbuild_is_new => $has_pbuild && $has_rich ? 1 : 0 })."\n";
while (my $line = <STDIN>) {
  my $answer = eval {
    # The Perl expander has endless loops.
    local $SIG{ALRM} = sub { die("timeout\n") };
    local $SIG{__WARN__} = sub {};
    alarm(3);
    my $answer = answer($json->decode($line));
    alarm(0);
    $answer;
  };
  alarm(0);
  print $json->encode($answer || { died => "$@" })."\n";
}
