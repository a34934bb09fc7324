use strict;
use Time::HiRes qw(setitimer ITIMER_VIRTUAL);
require Build;
Build->import(':rpm');
my @warnings;
$SIG{__WARN__} = sub {
  my $w = $_[0]; chomp $w;
  $w =~ s/ at \S+ line \d+(?:, <\S+> (?:line|chunk) \d+)?\.$/ at PERL/;
  push @warnings, $w;
};
$| = 1;
binmode STDIN; binmode STDOUT;

sub block {
  my $len = <STDIN>;
  return undef unless defined $len;
  my $bytes = '';
  read(STDIN, $bytes, $len) == $len || die("short input\n") if $len > 0;
  return $bytes;
}

# Lines as a file gives them: a line feed at the end starts no further line.
sub lines {
  my ($text) = @_;
  my @lines = split("\n", $text, -1);
  pop @lines if @lines && $lines[-1] eq '';
  return \@lines;
}

my %escapes = ("\n" => '\n', "\t" => '\t', "\r" => '\r', '"' => '\"', '\\' => '\\\\');
sub json {
  my ($value, $indent) = @_;
  return 'null' unless defined $value;
  my $ref = ref $value;
  if ($ref eq 'HASH') {
    return '{}' unless %$value;
    my @rows = map { "$indent  ".json("$_", '').': '.json($value->{$_}, "$indent  ") } sort keys %$value;
    return "{\n".join(",\n", @rows)."\n$indent}";
  }
  if ($ref eq 'ARRAY') {
    return '[]' unless @$value;
    return "[\n".join(",\n", map { "$indent  ".json($_, "$indent  ") } @$value)."\n$indent]";
  }
  my $text = "$value";
  $text =~ s/([\x00-\x1f"\\\x7f])/$escapes{$1} || sprintf('\u%04x', ord $1)/ge;
  return "\"$text\"";
}

sub answer {
  my ($files) = @_;
  @warnings = ();
  my ($arch) = split(/:/, $files->{'arch'});
  $arch =~ s/\s+$//;
  $arch = 'noarch' if $arch eq '';
  my %out = ('config' => undef, 'died' => undef);
  my $stopped = 0;
  local $SIG{VTALRM} = sub { $stopped = 1; die("no end\n") };
  setitimer(ITIMER_VIRTUAL, 10, 1);
  eval {
    my $config;
    if (($files->{'mode'} || '') =~ /combine/) {
      my @parts = map { $files->{"$_.conf"} } grep { exists $files->{"$_.conf"} } 1..9;
      $out{'combined'} = Build::combine_configs(@parts);
      $config = Build::read_config($arch, [ split("\n", $out{'combined'}) ]);
    } else {
      $config = Build::read_config($arch, lines($files->{'input.conf'}));
    }
    $out{'config'} = $config;
    if (exists $files->{'eval'}) {
      my %expanded;
      for my $text (split("\n", $files->{'eval'})) {
        local $config->{'warnings'} = 1;
        $expanded{$text} = eval { Build::Rpm::expandmacros($config, $text) };
      }
      $out{'eval'} = \%expanded;
    }
  };
  setitimer(ITIMER_VIRTUAL, 0);
  return "NO END\n" if $stopped;
  if ($@) { $out{'died'} = "$@"; chomp $out{'died'}; }
  delete $out{'config'}->{'__pw_lineref'} if $out{'config'};
  $out{'warnings'} = [ @warnings ];
  return json(\%out, '')."\n";
}

while (defined(my $count = <STDIN>)) {
  my %files;
  for (1..$count) { my $name = block(); $files{$name} = block(); }
  my $answer = answer(\%files);
  print length($answer), "\n", $answer;
}
