<?php
// Symfony Messenger's Redis transport: send, receive, acknowledge, reject, take over what another worker left.
//
//   php messenger.php PORT [unchanged]
//
// Before each read the transport asks a sorted set for delayed messages (ZCOUNT). Weir has no sorted sets, so that
// one question is answered here, with "none", unless the word "unchanged" is given.

use Symfony\Component\Messenger\Bridge\Redis\Transport\Connection;
use Symfony\Component\Messenger\Bridge\Redis\Transport\RedisTransport;
use Symfony\Component\Messenger\Envelope;

require_once '/usr/share/php/Symfony/Component/Messenger/autoload.php';
require_once '/usr/share/php/Symfony/Component/Messenger/Bridge/Redis/autoload.php';

final class Job {
    public function __construct(public string $name) {}
}

final class WithoutDelays extends Redis {
    public function rawCommand($command, ...$arguments) {
        return $command === 'ZCOUNT' ? 0 : parent::rawCommand($command, ...$arguments);
    }
}

function check($condition, ...$words) {
    if (!$condition) {
        fwrite(STDERR, json_encode($words) . "\n" . (new Exception())->getTraceAsString() . "\n");
        exit(1);
    }
}

function worker(int $port, string $consumer): RedisTransport {
    $options = ['delete_after_ack' => true, 'delete_after_reject' => true, 'redeliver_timeout' => 0,
                'claim_interval' => 0];
    return new RedisTransport(
        Connection::fromDsn("redis://127.0.0.1:$port/messages/symfony/$consumer", $options,
                            UNCHANGED ? new Redis() : new WithoutDelays()));
}

function receive(RedisTransport $transport, string $name): Envelope {
    foreach ($transport->get() as $envelope) {
        check($envelope->getMessage()->name === $name, $name, $envelope->getMessage()->name);
        return $envelope;
    }
    check(false, "$name was not received");
}

define('UNCHANGED', ($argv[2] ?? '') === 'unchanged');
$port = (int)$argv[1];
$direct = new Redis();
$direct->connect('127.0.0.1', $port);
$direct->flushAll();

$first = worker($port, 'first');
foreach (['done', 'refused', 'left'] as $name) {
    $first->send(new Envelope(new Job($name)));
}
check($direct->xLen('messages') === 3, 'three messages are stored');
$first->ack(receive($first, 'done'));
$first->reject(receive($first, 'refused'));
receive($first, 'left');
check($direct->xPending('messages', 'symfony')[0] === 1, 'one message is pending');

// The message becomes claimable after a timeout of zero: more than zero milliseconds.
usleep(5000);
$second = worker($port, 'second');
$again = receive($second, 'left');
[[, $owner, , $deliveries]] = $direct->xPending('messages', 'symfony', '-', '+', 1);
check($owner === 'second' && $deliveries >= 2, $owner, $deliveries);
$second->ack($again);
check($direct->xPending('messages', 'symfony')[0] === 0, 'nothing is pending');
check($direct->xLen('messages') === 0, 'acknowledged messages are deleted');
check([...$second->get()] === [], 'nothing comes again');
echo "symfony/redis-messenger: sent, acknowledged, rejected, redelivered\n";
