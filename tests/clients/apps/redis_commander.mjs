// Redis Commander in a headless Chromium: a person opens a stream in the tree, sees its entry and adds another.
//
//   node redis_commander.mjs FOLDER-WITH-NODE_MODULES PORT

import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import {createRequire} from 'node:module';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import path from 'node:path';

const [folder, portText] = process.argv.slice(2);
const modules = path.resolve(folder);
const load = createRequire(path.join(modules, 'package.json'));
const {Redis} = load('ioredis');
const {chromium} = load('playwright-core');
const TIMEOUT_MS = 30000;

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  const {port} = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

async function untilServed(url) {
  const deadline = Date.now() + TIMEOUT_MS;
  while (!await fetch(url).then((page) => page.ok, () => false)) {
    assert.ok(Date.now() < deadline, 'redis-commander does not start');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function visit(url) {
  const browser = await chromium.launch({executablePath: '/usr/bin/chromium', args: ['--no-sandbox']});
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(TIMEOUT_MS);
    await page.goto(url);
    await page.locator('#keyTree').getByText('letters', {exact: false}).first().click();
    await page.getByText('(1 Entries)').waitFor();
    assert.deepEqual(await page.locator('#itemData tbody td').allInnerTexts().then((cells) => cells.slice(1, 4)),
                     ['1-1', 'greeting', 'hello']);
    await page.getByText('Add New Entry...').click();
    // The dialog moves the focus when it has opened, which may be in the middle of typing.
    const wanted = {'#addXSetTimestamp': '2-1', '#addXSetField': 'greeting', '#addXSetValue': 'good bye'};
    for (let isFilled = false; !isFilled;) {
      for (const [field, text] of Object.entries(wanted)) await page.fill(field, text);
      isFilled = true;
      for (const [field, text] of Object.entries(wanted)) {
        isFilled = isFilled && await page.inputValue(field) === text;
      }
    }
    await page.click('#saveXMemberButton');
    await page.getByText('(2 Entries)').waitFor();
  } finally {
    await browser.close();
  }
}

const redis = new Redis({host: '127.0.0.1', port: Number(portText)});
await redis.flushall();
await redis.xadd('letters', '1-1', 'greeting', 'hello');
const home = mkdtempSync(path.join(tmpdir(), 'weir-commander-'));
const webPort = await freePort();
const commander = spawn(process.execPath, [
  path.join(modules, 'node_modules/redis-commander/bin/redis-commander.js'), '--redis-host', '127.0.0.1',
  '--redis-port', portText, '--address', '127.0.0.1', '--port', String(webPort), '--nosave',
], {env: {...process.env, HOME: home}, cwd: home, stdio: ['ignore', 'pipe', 'pipe']});
let log = '';
for (const stream of [commander.stdout, commander.stderr]) stream.on('data', (text) => { log += text; });
let failure = null;
try {
  await untilServed(`http://127.0.0.1:${webPort}/`);
  await visit(`http://127.0.0.1:${webPort}/`);
  assert.deepEqual(await redis.xrange('letters', '2-1', '2-1'), [['2-1', ['greeting', 'good bye']]]);
} catch (error) {
  failure = error;
} finally {
  commander.kill('SIGKILL');
  rmSync(home, {recursive: true, force: true});
}
if (failure) {
  console.error(failure, log);
  process.exit(1);
}
console.log('redis-commander: a stream viewed, an entry added');
process.exit(0);
