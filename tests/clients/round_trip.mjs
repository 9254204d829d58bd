// The consumer-group round trip with a client library for Node: produce, read in two consumers, lose one,
// recover, finish.
//
//   node round_trip.mjs FOLDER-WITH-NODE_MODULES LIBRARY PORT
//   LIBRARY: ioredis5 ioredis6 node-redis4 node-redis5 node-redis6

import assert from 'node:assert/strict';
import {createRequire} from 'node:module';
import path from 'node:path';

const [folder, library, portText] = process.argv.slice(2);
const port = Number(portText);
const load = createRequire(path.join(path.resolve(folder), 'package.json'));
const ENTRIES = 1000;

// One call for both families of libraries: words in, the plain reply out.
async function connect() {
  if (library.startsWith('ioredis')) {
    const {Redis} = load(library);
    const client = new Redis({port, host: '127.0.0.1', maxRetriesPerRequest: 1});
    await new Promise((resolve, reject) => client.once('ready', resolve).once('error', reject));
    return {
      client,
      call: (...words) => client.call(...words.map(String)),
      close: () => client.quit(),
      crash: () => client.disconnect(),
    };
  }
  const {createClient} = load(library);
  const client = createClient({socket: {port, host: '127.0.0.1'}});
  client.on('error', (error) => { throw error; });
  await client.connect();
  return {
    client,
    call: (...words) => client.sendCommand(words.map(String)),
    // The names of version 4 are others; it has no graceful end that waits for replies but QUIT.
    close: () => (client.close ? client.close() : client.quit()),
    crash: () => (client.destroy ? client.destroy() : client.disconnect()),
  };
}

// Replies with names come as flat arrays, maps or objects, by protocol version and library.
function named(reply) {
  if (reply instanceof Map) return Object.fromEntries(reply);
  if (!Array.isArray(reply)) return reply;
  const out = {};
  for (let i = 0; i < reply.length; i += 2) out[String(reply[i])] = reply[i + 1];
  return out;
}

function entriesOf(reply, stream) {
  if (reply === null) return [];
  if (Array.isArray(reply) && Array.isArray(reply[0])) reply = reply[0];
  return named(reply)[stream];
}

async function read(connection, consumer, count) {
  const ids = [];
  while (ids.length < count) {
    const reply = await connection.call('XREADGROUP', 'GROUP', 'workers', consumer, 'COUNT', 100,
                                        'BLOCK', 1000, 'STREAMS', 'jobs', '>');
    for (const [id, fields] of entriesOf(reply, 'jobs')) {
      assert.equal(fields[0], 'number');
      ids.push(String(id));
    }
  }
  return ids;
}

async function produce(connection) {
  assert.equal(await connection.call('XGROUP', 'CREATE', 'jobs', 'workers', '0', 'MKSTREAM'), 'OK');
  await assert.rejects(connection.call('XGROUP', 'CREATE', 'jobs', 'workers', '0'), /BUSYGROUP/);
  const added = [];
  for (let i = 0; i < ENTRIES; ++i) {
    added.push(connection.call('XADD', 'jobs', '*', 'number', i, 'payload', 'x'.repeat(100)));
  }
  return (await Promise.all(added)).map(String);
}

async function recover(connection, lost) {
  const half = lost.length / 2;
  const claimed = [];
  let cursor = '0-0';
  while (claimed.length < half) {
    const [next, entries] = await connection.call('XAUTOCLAIM', 'jobs', 'workers', 'carol', 0, cursor,
                                                  'COUNT', 50);
    cursor = String(next);
    claimed.push(...entries.map(([id]) => String(id)));
  }
  assert.deepEqual(claimed, lost.slice(0, claimed.length));
  const rest = lost.slice(claimed.length);
  const byId = await connection.call('XCLAIM', 'jobs', 'workers', 'carol', 0, ...rest, 'JUSTID');
  assert.deepEqual(byId.map(String), rest);
}

async function inspect(connection) {
  const stream = named(await connection.call('XINFO', 'STREAM', 'jobs'));
  assert.equal(Number(stream.length), ENTRIES);
  const [group] = (await connection.call('XINFO', 'GROUPS', 'jobs')).map(named);
  assert.equal(String(group.name), 'workers');
  assert.deepEqual([group.pending, group.lag, group['entries-read']].map(Number), [0, 0, ENTRIES]);
  const consumers = (await connection.call('XINFO', 'CONSUMERS', 'jobs', 'workers')).map(named);
  assert.deepEqual(consumers.map((row) => String(row.name)), ['alice', 'bob', 'carol']);
  const full = named(await connection.call('XINFO', 'STREAM', 'jobs', 'FULL', 'COUNT', 5));
  assert.equal(full.entries.length, 5);
  const [fullGroup] = full.groups.map(named);
  assert.deepEqual(fullGroup.pending, []);
  assert.equal(fullGroup.consumers.map(named).length, 3);
}

// The library's own transactions and pipelines: an optimistic lock that holds, one that breaks, an empty answer.
async function transactions(connection) {
  const {client} = connection;
  const words = library.startsWith('ioredis') ?
      {add: (chain, id) => chain.xadd('tx', id, 'f', 'v'), len: (chain) => chain.xlen('tx'),
       pipeline: () => client.pipeline(), run: (chain) => chain.exec(),
       plain: (rows) => rows.map(([error, reply]) => (assert.equal(error, null), reply))} :
      {add: (chain, id) => chain.xAdd('tx', id, {f: 'v'}), len: (chain) => chain.xLen('tx'),
       pipeline: () => client.multi(), run: (chain) => chain.execAsPipeline(),
       plain: (rows) => rows};
  const both = await words.len(words.add(client.multi(), '1-1')).exec();
  assert.deepEqual(words.plain(both), ['1-1', 1]);
  const piped = await words.run(words.len(words.add(words.pipeline(), '2-1')));
  assert.deepEqual(words.plain(piped), ['2-1', 2]);

  const other = await connect();
  await client.watch('tx');
  await other.call('XADD', 'tx', '3-1', 'f', 'v');
  const broken = words.add(client.multi(), '4-1').exec();
  if (library.startsWith('ioredis')) assert.equal(await broken, null);
  else await assert.rejects(broken, /watched keys has been changed/i);
  assert.equal(Number(await connection.call('XLEN', 'tx')), 3);
  await other.close();
}

// The library's own stream functions, which parse replies by name.
async function typedCalls(client) {
  if (library.startsWith('ioredis')) {
    await client.xadd('typed', '1-1', 'f', 'v');
    assert.deepEqual(await client.xrange('typed', '-', '+'), [['1-1', ['f', 'v']]]);
    return;
  }
  await client.xAdd('typed', '1-1', {f: 'v'});
  await client.xGroupCreate('typed', 'g', '0');
  const read = await client.xReadGroup('g', 'c', {key: 'typed', id: '>'}, {COUNT: 1});
  assert.equal(JSON.stringify(read).includes('1-1'), true);
  assert.equal((await client.xPending('typed', 'g')).pending, 1);
  assert.equal((await client.xInfoStream('typed')).length, 1);
  assert.equal((await client.xInfoGroups('typed'))[0].pending, 1);
  assert.equal((await client.xInfoConsumers('typed', 'g'))[0].name, 'c');
  assert.equal((await client.xAutoClaim('typed', 'g', 'd', 0, '0')).nextId, '0-0');
  assert.equal(await client.xAck('typed', 'g', '1-1'), 1);
}

// A read that waits is served by somebody else's entry.
async function blockedRead(writer) {
  const reader = await connect();
  const reply = reader.call('XREAD', 'BLOCK', 10000, 'STREAMS', 'later', '$');
  while (!/blocked_clients:1/.test(await writer.call('INFO', 'clients'))) { /* not waiting yet */ }
  const id = String(await writer.call('XADD', 'later', '*', 'f', 'v'));
  assert.equal(String(entriesOf(await reply, 'later')[0][0]), id);
  await reader.close();
}

const main = await connect();
await main.call('FLUSHALL');
const ids = await produce(main);
const alice = await read(main, 'alice', ENTRIES / 2);
const bob = await connect();
const lost = await read(bob, 'bob', ENTRIES / 2);
bob.crash();
assert.deepEqual(alice.concat(lost), ids);
assert.equal(Number(await main.call('XACK', 'jobs', 'workers', ...alice)), alice.length);

const summary = await main.call('XPENDING', 'jobs', 'workers');
assert.equal(Number(summary[0]), lost.length);
assert.deepEqual(summary[3].map((row) => row.map(String)), [['bob', String(lost.length)]]);

await recover(main, lost);
assert.equal(Number(await main.call('XACK', 'jobs', 'workers', ...lost)), lost.length);
assert.deepEqual(await main.call('XPENDING', 'jobs', 'workers'), [0, null, null, null]);
assert.equal(await main.call('XREADGROUP', 'GROUP', 'workers', 'alice', 'STREAMS', 'jobs', '>'), null);
await inspect(main);
await typedCalls(main.client);
await blockedRead(main);
await transactions(main);
await main.close();
console.log(`${library}: ${ENTRIES} entries, ${lost.length} recovered`);
process.exit(0);
