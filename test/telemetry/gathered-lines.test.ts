import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, createReadStream, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { GatheredLines } from '../../src/telemetry/gathered-lines.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-gathered-lines-'));
after(() => rmSync(folder, { recursive: true }));

const waiting16MiB = 16 * 1024 * 1024;
const isWindows = process.platform === 'win32';

/** Lines on their way to `fd`, and what was lost of them. */
function gather(fd: number) {
  const gathered = { add, lost: 0, lines: new GatheredLines(fd, (lines) => (gathered.lost += lines)) };
  function add(line: string): void {
    const bytes = Buffer.from(`${line}\n`);
    const to = gathered.lines.roomFor(bytes.length);
    if (to === undefined) return;
    const at = gathered.lines.end;
    bytes.copy(to, at);
    gathered.lines.add(at + bytes.length);
  }
  return gathered;
}

function linesIn(text: string): string[] {
  const lines = text.split('\n');
  assert.equal(lines.pop(), '', 'the last line is whole');
  return lines;
}

function newPipe(name: string): string {
  const path = join(folder, name);
  execFileSync('mkfifo', [path]);
  return path;
}

/** Both ends. Opening either waits for the other, unless it is there. */
function openPipe(path: string) {
  const first = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writing = openSync(path, constants.O_WRONLY);
  const reading = openSync(path, constants.O_RDONLY);
  closeSync(first);
  return { reading, writing };
}

/** All that comes until the last writer has closed. */
async function readAll(fd: number): Promise<string> {
  let text = '';
  const stream = createReadStream('', { fd, encoding: 'latin1', highWaterMark: 16 * 1024 });
  stream.on('data', (part) => {
    text += part;
  });
  await once(stream, 'end');
  return text;
}

describe('gathered lines', () => {
  test('come to a file in their order, each of them whole, whatever their lengths', async () => {
    const path = join(folder, 'order.log');
    const { lines, add } = gather(openSync(path, 'a'));
    const expected = Array.from(
      { length: 3_000 },
      (_, index) => `${index} ${'x'.repeat((index * 37) % 1_000)}`,
    );
    expected.splice(1_500, 0, 'longer than what is gathered '.repeat(10_000));
    for (const line of expected) add(line);
    await lines.close();
    assert.deepEqual(linesIn(readFileSync(path, 'utf8')), expected);
  });

  test('come soon when no other follows', { timeout: 60_000 }, async () => {
    const path = join(folder, 'soon.log');
    const { lines, add } = gather(openSync(path, 'a'));
    for (const line of ['first', 'second']) {
      add(line);
      while (!readFileSync(path, 'utf8').includes(`${line}\n`)) await setTimeout(10);
    }
    await lines.close();
  });

  test('are written at the end of a process that nobody expected', () => {
    const path = join(folder, 'crash.log');
    const program = `
      import { openSync } from 'node:fs';
      import { GatheredLines } from './src/telemetry/gathered-lines.ts';
      const lines = new GatheredLines(openSync(${JSON.stringify(path)}, 'a'), () => {});
      lines.add(lines.roomFor(100).write('last words\\n'));
      throw new Error('crash');
    `;
    const { status } = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program]);
    assert.equal(status, 1);
    assert.equal(readFileSync(path, 'utf8'), 'last words\n');
  });
});

describe('gathered lines into a pipe', { skip: isWindows }, () => {
  test('stay whole between those that others write', { timeout: 120_000 }, async () => {
    const path = newPipe('shared');
    const { reading, writing } = openPipe(path);
    const writers = ['a', 'b'].map((name) => ({ name, ...gather(openSync(path, 'w')) }));
    closeSync(writing);
    const lengthOf = (index: number) => 100 + ((index * 131) % 900);
    for (const { name, add } of writers)
      for (let index = 0; index < 4_000; index++) add(`${index} ${name.repeat(lengthOf(index))}`);
    const [text] = await Promise.all([readAll(reading), ...writers.map(({ lines }) => lines.close())]);
    const received = linesIn(text);
    assert.equal(received.length, 8_000);
    for (const { name } of writers) {
      const own = received.filter((line) => line.endsWith(name));
      assert.deepEqual(
        own,
        Array.from({ length: 4_000 }, (_, index) => `${index} ${name.repeat(lengthOf(index))}`),
      );
    }
  });

  test('wait for room where the pipe does not block', { timeout: 120_000 }, async () => {
    const path = newPipe('non-blocking');
    const { reading, writing } = openPipe(path);
    const { lines, add } = gather(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK));
    closeSync(writing);
    const expected = Array.from({ length: 2_000 }, (_, index) => `${index} ${'x'.repeat(200)}`);
    for (const line of expected) add(line);
    // By then the pipe is full, and the last lines are due.
    await setTimeout(250);
    const closed = lines.close();
    const [text] = await Promise.all([readAll(reading), closed]);
    assert.deepEqual(linesIn(text), expected);
  });

  test('are counted as lost once nobody can read them any more', async () => {
    const { reading, writing } = openPipe(newPipe('closed'));
    closeSync(reading);
    const gathered = gather(writing);
    for (let index = 0; index < 1_000; index++) gathered.add(`${index} ${'x'.repeat(300)}`);
    await gathered.lines.close();
    assert.equal(gathered.lost, 1_000);
  });
});

test('gathered lines that find the disk full wait in bounded memory, and every one that is lost is counted', {
  skip: process.platform !== 'linux',
}, async () => {
  const gathered = gather(openSync('/dev/full', 'a'));
  const line = 'x'.repeat(1023);
  const count = 2 * (waiting16MiB / (line.length + 1));
  for (let index = 0; index < count; index++) gathered.add(line);
  const lostForRoom = gathered.lost;
  const closed = gathered.lines.close();
  gathered.lines.giveUp();
  await closed;
  assert.ok(lostForRoom > count / 2 - 200 && lostForRoom <= count / 2, `${lostForRoom} of ${count}`);
  assert.equal(gathered.lost, count);
});
