# The consumer-group round trip with Perl's Redis module: produce, read in two consumers, lose one, recover, finish.
#
#   perl round_trip.pl PORT

use strict;
use warnings;
use Redis;

my $ENTRIES = 200;
my $port = $ARGV[0];

sub check {
    my ($condition, @words) = @_;
    die join(' ', map { $_ // 'undef' } @words) . "\n" unless $condition;
}

sub same { return join(' ', @{$_[0]}) eq join(' ', @{$_[1]}); }

sub connection { return Redis->new(server => "127.0.0.1:$port"); }

sub produce {
    my ($client) = @_;
    check($client->xgroup('CREATE', 'jobs', 'workers', '0', 'MKSTREAM') eq 'OK', 'XGROUP CREATE');
    eval { $client->xgroup('CREATE', 'jobs', 'workers', '0') };
    check($@ =~ /BUSYGROUP/, 'a second group:', $@);
    my @ids;
    for my $number (1 .. $ENTRIES) {
        $client->xadd('jobs', '*', 'number', $number, sub { push @ids, $_[0] });
    }
    $client->wait_all_responses;
    return \@ids;
}

sub read_group {
    my ($client, $consumer) = @_;
    my @reply = $client->xreadgroup('GROUP', 'workers', $consumer, 'COUNT', $ENTRIES / 2, 'BLOCK', 1000,
                                    'STREAMS', 'jobs', '>');
    return [map { $_->[0] } @{$reply[0][1]}];
}

sub recover {
    my ($client, $lost) = @_;
    my ($cursor, $entries) = $client->xautoclaim('jobs', 'workers', 'carol', 0, '0', 'COUNT', 50);
    check($cursor eq $lost->[50] && @$entries == 50, 'XAUTOCLAIM', $cursor);
    my @rest = @$lost[50 .. $#$lost];
    check(same([$client->xclaim('jobs', 'workers', 'carol', 0, @rest, 'JUSTID')], \@rest), 'XCLAIM');
}

sub inspect {
    my ($client) = @_;
    my %stream = $client->xinfo('STREAM', 'jobs');
    check($stream{length} == $ENTRIES && $stream{groups} == 1, 'XINFO STREAM', %stream);
    my ($row) = $client->xinfo('GROUPS', 'jobs');
    my %group = @$row;
    check($group{pending} == 0 && $group{lag} == 0 && $group{consumers} == 3, 'XINFO GROUPS', %group);
    my %full = $client->xinfo('STREAM', 'jobs', 'FULL', 'COUNT', 3);
    check(@{$full{entries}} == 3, 'XINFO STREAM FULL');
}

sub transactions {
    my ($client) = @_;
    $client->multi;
    check($client->xadd('tx', '1-1', 'f', 'v') eq 'QUEUED', 'QUEUED');
    $client->xlen('tx');
    check(same([$client->exec], ['1-1', 1]), 'EXEC');
    $client->watch('tx');
    connection()->xadd('tx', '2-1', 'f', 'v');
    $client->multi;
    $client->xadd('tx', '3-1', 'f', 'v');
    my $broken = $client->exec;
    check(!defined $broken && $client->xlen('tx') == 2, 'the watch did not hold');
}

my $client = connection();
$client->flushall;
my $ids = produce($client);
my $alice = read_group($client, 'alice');
my $bob = connection();
my $lost = read_group($bob, 'bob');
$bob->quit;
check(same([@$alice, @$lost], $ids), 'entries were skipped or repeated');
check($client->xack('jobs', 'workers', @$alice) == @$alice, 'XACK');
my @summary = $client->xpending('jobs', 'workers');
check($summary[0] == @$lost && $summary[1] eq $lost->[0] && $summary[3][0][0] eq 'bob', 'XPENDING');
my @details = $client->xpending('jobs', 'workers', '-', '+', 10, 'bob');
check($details[0][0] eq $lost->[0] && $details[0][3] == 1, 'XPENDING with a range');
recover($client, $lost);
check($client->xack('jobs', 'workers', @$lost) == @$lost, 'XACK after the claim');
inspect($client);
transactions($client);
print "Perl Redis $Redis::VERSION: $ENTRIES entries, ", scalar(@$lost), " recovered\n";
