<?php
// The consumer-group round trip with phpredis: produce, read in two consumers, lose one, recover, finish.
//
//   php round_trip.php PORT

const ENTRIES = 200;

function check($condition, ...$words) {
    if (!$condition) {
        fwrite(STDERR, json_encode($words) . "\n" . (new Exception())->getTraceAsString() . "\n");
        exit(1);
    }
}

function connect(int $port): Redis {
    $client = new Redis();
    $client->connect('127.0.0.1', $port, 5.0);
    return $client;
}

function produce(Redis $client): array {
    check($client->xGroup('CREATE', 'jobs', 'workers', '0', true) === true, 'XGROUP CREATE');
    check($client->xGroup('CREATE', 'jobs', 'workers', '0') === false, 'a group could be created twice');
    check(str_starts_with($client->getLastError(), 'BUSYGROUP'), $client->getLastError());
    $pipeline = $client->multi(Redis::PIPELINE);
    for ($i = 0; $i < ENTRIES; ++$i) {
        $pipeline->xAdd('jobs', '*', ['number' => $i, 'payload' => 'x']);
    }
    return $pipeline->exec();
}

function readGroup(Redis $client, string $consumer): array {
    $reply = $client->xReadGroup('workers', $consumer, ['jobs' => '>'], ENTRIES / 2, 1000);
    return array_keys($reply['jobs']);
}

function recover(Redis $client, array $lost): void {
    [$cursor, $entries] = $client->rawCommand('XAUTOCLAIM', 'jobs', 'workers', 'carol', 0, '0', 'COUNT', 50);
    $claimed = array_column($entries, 0);
    check($claimed === array_slice($lost, 0, 50) && $cursor === $lost[50], 'XAUTOCLAIM', $cursor);
    $rest = array_slice($lost, 50);
    check($client->xClaim('jobs', 'workers', 'carol', 0, $rest, ['JUSTID']) === $rest, 'XCLAIM');
}

function inspect(Redis $client): void {
    $stream = $client->xInfo('STREAM', 'jobs');
    check($stream['length'] === ENTRIES && $stream['groups'] === 1, $stream);
    [$group] = $client->xInfo('GROUPS', 'jobs');
    check($group['name'] === 'workers' && $group['pending'] === 0 && $group['consumers'] === 3, $group);
    $names = array_column($client->xInfo('CONSUMERS', 'jobs', 'workers'), 'name');
    check($names === ['alice', 'bob', 'carol'], $names);
    $full = $client->rawCommand('XINFO', 'STREAM', 'jobs', 'FULL', 'COUNT', 3);
    check(count($full[array_search('entries', $full, true) + 1]) === 3, $full);
}

function transactions(Redis $client, int $port): void {
    $replies = $client->multi()->xAdd('tx', '1-1', ['f' => 'v'])->xLen('tx')->exec();
    check($replies === ['1-1', 1], $replies);
    $client->watch('tx');
    connect($port)->xAdd('tx', '2-1', ['f' => 'v']);
    check($client->multi()->xAdd('tx', '3-1', ['f' => 'v'])->exec() === false, 'the watch did not hold');
    check($client->xLen('tx') === 2, 'XLEN');
}

$port = (int)$argv[1];
$client = connect($port);
$client->flushAll();
$ids = produce($client);
$alice = readGroup($client, 'alice');
$bob = connect($port);
$lost = readGroup($bob, 'bob');
$bob->close();
check(array_merge($alice, $lost) === $ids, 'entries were skipped or repeated');
check($client->xAck('jobs', 'workers', $alice) === count($alice), 'XACK');
$summary = $client->xPending('jobs', 'workers');
check($summary === [count($lost), $lost[0], end($lost), [['bob', (string)count($lost)]]], $summary);
$details = $client->xPending('jobs', 'workers', '-', '+', 10, 'bob');
check(count($details) === 10 && $details[0][0] === $lost[0] && $details[0][3] === 1, $details);
recover($client, $lost);
check($client->xAck('jobs', 'workers', $lost) === count($lost), 'XACK after the claim');
check(!$client->xReadGroup('workers', 'alice', ['jobs' => '>'], 1, 20), 'an entry came twice');
inspect($client);
transactions($client, $port);
echo 'phpredis ', phpversion('redis'), ': ', ENTRIES, ' entries, ', count($lost), " recovered\n";
