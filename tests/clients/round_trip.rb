# The consumer-group round trip with ruby-redis: produce, read in two consumers, lose one, recover, finish.
#
#   ruby round_trip.rb PORT

require 'redis'

ENTRIES = 200

def check(condition, *words)
  raise words.inspect unless condition
end

def connect
  Redis.new(host: '127.0.0.1', port: ARGV[0].to_i)
end

def produce(client)
  check(client.xgroup(:create, 'jobs', 'workers', '0', mkstream: true) == 'OK')
  begin
    client.xgroup(:create, 'jobs', 'workers', '0')
    check(false, 'a group could be created twice')
  rescue Redis::CommandError => e
    check(e.message.start_with?('BUSYGROUP'), e.message)
  end
  client.pipelined { |pipe| ENTRIES.times { |i| pipe.xadd('jobs', { number: i, payload: 'x' }) } }
end

def read(client, consumer)
  client.xreadgroup('workers', consumer, 'jobs', '>', count: ENTRIES / 2, block: 1000)['jobs'].map(&:first)
end

def recover(client, lost)
  half = client.xautoclaim('jobs', 'workers', 'carol', 0, '0', count: 50)
  check(half['entries'].map(&:first) == lost.first(50) && half['next'] == lost[50], half['next'])
  rest = lost.drop(50)
  check(client.xclaim('jobs', 'workers', 'carol', 0, *rest, justid: true) == rest, 'XCLAIM')
end

def inspect_stream(client)
  stream = client.xinfo(:stream, 'jobs')
  check(stream['length'] == ENTRIES && stream['groups'] == 1, stream)
  group = client.xinfo(:groups, 'jobs').first
  check(group['pending'].zero? && group['lag'].zero? && group['consumers'] == 3, group)
  names = client.xinfo(:consumers, 'jobs', 'workers').map { |row| row['name'] }
  check(names == %w[alice bob carol], names)
  full = Hash[*client.call('XINFO', 'STREAM', 'jobs', 'FULL', 'COUNT', '3')]
  check(full['entries'].size == 3, full)
end

# A read that waits is served by somebody else's entry.
def blocked_read(client)
  reader = Thread.new { connect.xread('later', '$', block: 10_000) }
  sleep(0.005) while client.info('clients')['blocked_clients'].to_i.zero?
  id = client.xadd('later', { f: 'v' })
  check(reader.value == { 'later' => [[id, { 'f' => 'v' }]] }, reader.value)
end

def transactions(client)
  replies = client.multi do |tx|
    tx.xadd('tx', { f: 'v' }, id: '1-1')
    tx.xlen('tx')
  end
  check(replies == ['1-1', 1], replies)
  broken = client.watch('tx') do |watching|
    connect.xadd('tx', { f: 'v' }, id: '2-1')
    watching.multi { |tx| tx.xadd('tx', { f: 'v' }, id: '3-1') }
  end
  check(broken.nil? && client.xlen('tx') == 2, broken)
end

client = connect
client.flushall
ids = produce(client)
alice = read(client, 'alice')
bob = connect
lost = read(bob, 'bob')
bob.disconnect!
check(alice + lost == ids, 'entries were skipped or repeated')
check(client.xack('jobs', 'workers', *alice) == alice.size, 'XACK')
summary = client.xpending('jobs', 'workers')
check(summary['size'] == lost.size && summary['consumers'] == { 'bob' => lost.size.to_s }, summary)
details = client.xpending('jobs', 'workers', '-', '+', 10, 'bob')
check(details.first['entry_id'] == lost.first && details.first['count'] == 1, details)
recover(client, lost)
check(client.xack('jobs', 'workers', lost) == lost.size, 'XACK after the claim')
check(client.xreadgroup('workers', 'alice', 'jobs', '>', block: 20).empty?, 'an entry came twice')
inspect_stream(client)
blocked_read(client)
transactions(client)
puts "ruby-redis #{Redis::VERSION}: #{ENTRIES} entries, #{lost.size} recovered"
