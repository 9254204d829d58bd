// Moleculer's channels over Redis streams: healthy messages are processed, a message whose handler always fails
// is retried and ends in the dead-letter stream: in Moleculer's own, or in the server's where that has a cap which is
// reached first.
//
//   node moleculer.mjs FOLDER-WITH-NODE_MODULES PORT [cap-below|cap-above]

import assert from 'node:assert/strict';
import {createRequire} from 'node:module';
import path from 'node:path';

const [folder, portText, cap] = process.argv.slice(2);
const port = Number(portText);
const load = createRequire(path.join(path.resolve(folder), 'package.json'));
const {ServiceBroker} = load('moleculer');
const {Middleware} = load('@moleculer/channels');
const {Redis} = load('ioredis');
const HEALTHY = 50;
const MAX_RETRIES = 3;
const CAP_BELOW = 2;
const OWN_LETTERS = 'failed-orders';
const SERVER_LETTERS = '{orders}:dead:billing';
const [lettersKey, otherKey] =
    cap === 'cap-below' ? [SERVER_LETTERS, OWN_LETTERS] : [OWN_LETTERS, SERVER_LETTERS];

const processed = new Set();  // a slow machine may see one message twice: delivery is at least once
let failures = 0;
const broker = new ServiceBroker({
  logger: false,
  middlewares: [Middleware({adapter: {type: 'Redis', options: {redis: {host: '127.0.0.1', port}}}})],
});
broker.createService({
  name: 'billing',
  channels: {
    orders: {
      group: 'billing',
      maxRetries: MAX_RETRIES,
      redis: {minIdleTime: 200, claimInterval: 50, processingAttemptsInterval: 50, startID: '0'},
      deadLettering: {enabled: true, queueName: OWN_LETTERS},
      handler(order) {
        if (order.poison) {
          ++failures;
          throw new Error('this order always fails');
        }
        processed.add(order.number);
      },
    },
  },
});

await broker.start();
for (let number = 0; number < HEALTHY; ++number) {
  await broker.sendToChannel('orders', {number});
  if (number === HEALTHY / 2) await broker.sendToChannel('orders', {poison: true});
}
const redis = new Redis({host: '127.0.0.1', port});
const deadline = Date.now() + 30000;
const pending = async () => Number((await redis.call('XPENDING', 'orders', 'billing'))[0]);
while (await redis.xlen(lettersKey) < 1 || processed.size < HEALTHY || await pending() > 0) {
  assert.ok(Date.now() < deadline,
            `${processed.size} processed, ${failures} failures, ${await pending()} pending`);
  await new Promise((resolve) => setTimeout(resolve, 20));
}
assert.deepEqual([...processed].sort((a, b) => a - b), [...Array(HEALTHY).keys()]);
assert.equal(await redis.xlen(lettersKey), 1);
assert.equal(await redis.xlen(otherKey), 0);
const [[, fields]] = await redis.xrange(lettersKey, '-', '+');
const letter = {};
for (let i = 0; i < fields.length; i += 2) letter[fields[i]] = fields[i + 1];
assert.deepEqual(JSON.parse(letter.payload), {poison: true});
if (lettersKey === OWN_LETTERS) {
  assert.ok(letter.headers.includes('orders'), letter.headers);
  assert.ok(failures >= MAX_RETRIES, `${failures} failures`);
} else {
  assert.equal(letter['__dlq.deliveries'], String(CAP_BELOW));
  assert.equal(failures, CAP_BELOW);
}
await broker.stop();
console.log(`moleculer: ${HEALTHY} processed, 1 dead letter in ${lettersKey} after ${failures} failures`);
process.exit(0);
