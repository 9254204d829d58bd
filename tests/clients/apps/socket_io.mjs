// Two socket.io servers joined by the Redis streams adapter, one over node-redis and one over ioredis: what one
// broadcasts reaches the browser side of the other, and each finds the other's sockets.
//
//   node socket_io.mjs FOLDER-WITH-NODE_MODULES PORT

import assert from 'node:assert/strict';
import {createServer} from 'node:http';
import {once} from 'node:events';
import {createRequire} from 'node:module';
import path from 'node:path';

const [folder, portText] = process.argv.slice(2);
const port = Number(portText);
const load = createRequire(path.join(path.resolve(folder), 'package.json'));
const {Server} = load('socket.io');
const {io: connectTo} = load('socket.io-client');
const {createAdapter} = load('@socket.io/redis-streams-adapter');
const {Redis} = load('ioredis');
const {createClient} = load('redis');
const DEADLINE = Date.now() + 30000;

async function startServer(redis) {
  const http = createServer();
  const io = new Server(http, {adapter: createAdapter(redis)});
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const socket = connectTo(`http://127.0.0.1:${http.address().port}`, {transports: ['websocket']});
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('connect_error', reject));
  return {io, socket};
}

// The servers learn of each other some time after their start, so the first tries may come too early.
async function until(what, attempt) {
  while (!await attempt()) {
    assert.ok(Date.now() < DEADLINE, what);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function broadcastCrosses(from, to) {
  let received = null;
  to.socket.on('news', (text, bytes) => { received = [text, bytes.toString()]; });
  await until('a broadcast did not cross', () => {
    from.io.emit('news', 'text', Buffer.from('bytes'));
    return received !== null;
  });
  assert.deepEqual(received, ['text', 'bytes']);
  to.socket.off('news');
}

const nodeRedis = createClient({socket: {host: '127.0.0.1', port}});
await nodeRedis.connect();
const first = await startServer(nodeRedis);
const second = await startServer(new Redis({host: '127.0.0.1', port}));
await broadcastCrosses(first, second);
await broadcastCrosses(second, first);
await until('the sockets of the other server are not found', async () => {
  try {
    return (await first.io.fetchSockets()).length === 2;
  } catch {
    return false;
  }
});
second.io.on('question', (answer) => answer('answer'));
assert.deepEqual(await first.io.serverSideEmitWithAck('question'), ['answer']);
console.log('socket.io: broadcasts cross, sockets and servers are found');
process.exit(0);
