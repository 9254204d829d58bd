// An unmodified consumer loop of ioredis that crashes on poison: the server's policy does the rest. See poison.py.
//
//   node poison.mjs FOLDER-WITH-NODE_MODULES LIBRARY PORT

import assert from 'node:assert/strict';
import {createRequire} from 'node:module';
import path from 'node:path';

const [folder, library, portText] = process.argv.slice(2);
const port = Number(portText);
const {Redis} = createRequire(path.join(path.resolve(folder), 'package.json'))(library);
const STREAM = 'jobs';
const GROUP = 'g';
const MESSAGES = 100;
const isPoison = (number) => number % 20 === 7;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const processed = [];
let stopping = false;

class Poison extends Error {}

function handle(fields) {
  if (fields[3] === 'poison') throw new Poison(fields[1]);
}

// What a user writes: read, process, acknowledge.
async function consume(name) {
  const client = new Redis({port});
  try {
    while (!stopping) {
      const reply = await client.xreadgroup('GROUP', GROUP, name, 'COUNT', 10, 'BLOCK', 500, 'STREAMS', STREAM, '>');
      for (const [, entries] of reply ?? []) {
        for (const [id, fields] of entries) {
          handle(fields);
          await client.xack(STREAM, GROUP, id);
          processed.push(Number(fields[1]));
        }
      }
    }
  } finally {
    client.disconnect();
  }
}

// What the supervisor does: start it again when it has crashed.
async function runWorker(name) {
  while (!stopping) {
    await consume(name).catch((error) => assert.ok(error instanceof Poison, error));
  }
}

const client = new Redis({port});
await client.xgroup('CREATE', STREAM, GROUP, '0', 'MKSTREAM');
for (let number = 0; number < MESSAGES; ++number) {
  await client.xadd(STREAM, '*', 'n', number, 'kind', isPoison(number) ? 'poison' : 'healthy');
}
const workers = [runWorker('a'), runWorker('b')];
const deadline = Date.now() + 60000;
const expected = [...Array(MESSAGES).keys()];
while (processed.length < expected.filter((n) => !isPoison(n)).length ||
       Number((await client.xpending(STREAM, GROUP))[0]) > 0) {
  assert.ok(Date.now() < deadline, `${processed.length} processed`);
  await sleep(50);
}
await sleep(1500);  // Longer than ACK-WAIT: whatever loops would come again.
stopping = true;
await Promise.all(workers);
const letters = (await client.xrange('{jobs}:dead:g', '-', '+')).map(([, fields]) => {
  const letter = {};
  for (let i = 0; i < fields.length; i += 2) letter[fields[i]] = fields[i + 1];
  return letter;
});
const byNumber = (a, b) => a - b;
assert.deepEqual(letters.map((letter) => Number(letter.n)).sort(byNumber), expected.filter(isPoison));
assert.ok(letters.every((letter) => letter['__dlq.deliveries'] === '3'), JSON.stringify(letters));
assert.deepEqual(processed.sort(byNumber), expected.filter((n) => !isPoison(n)));
client.disconnect();
console.log(`${library}: ${processed.length} healthy messages processed once, ${letters.length} letters`);
