import assert from 'node:assert/strict';
import { SerialConsole } from '../../src/lab/serial-console.ts';

const STOP = /slipway: failed /;
const LONG = 10_000;

describe('a serial console', () => {
  it('finds a line that was there before anybody asked', async () => {
    const console = new SerialConsole();
    console.feed('one\r\ntwo\r\n');
    assert.deepEqual(await console.waitFor(/two/, LONG, STOP), { kind: 'line', line: 'two' });
  });

  it('waits for a line that comes in pieces', async () => {
    const console = new SerialConsole();
    const waiting = console.waitFor(/slipway: installed node-a$/, LONG, STOP);
    console.feed('slipway: inst');
    console.feed('alled node-a\r');
    console.feed('\n');
    assert.deepEqual(await waiting, { kind: 'line', line: 'slipway: installed node-a' });
  });

  it('goes on after the line it found', async () => {
    const console = new SerialConsole();
    console.feed('boot\nboot again\n');
    assert.deepEqual(await console.waitFor(/boot/, LONG, STOP), { kind: 'line', line: 'boot' });
    assert.deepEqual(await console.waitFor(/boot/, LONG, STOP), { kind: 'line', line: 'boot again' });
  });

  it('takes a line without an end for a prompt', async () => {
    const console = new SerialConsole();
    console.feed('node-a login: ');
    assert.deepEqual(await console.waitFor(/login: $/, LONG, STOP), { kind: 'line', line: 'node-a login: ' });
  });

  it('reads a menu drawn with control sequences', async () => {
    const console = new SerialConsole();
    console.feed(
      '\x1b[2J\x1b[01;01H\x1b[0m\x1b[30m\x1b[47m\x1b[05;03H*d  Boot from disk  \x1b[0m\x1b[06;03H 1  Inst',
    );
    console.feed('all node-a\x1b[07;0');
    console.feed('3H\x1b(B\x07');
    assert.deepEqual(await console.waitFor(/Boot/, LONG, STOP), {
      kind: 'line',
      line: '*d  Boot from disk  ',
    });
    assert.deepEqual(await console.waitFor(/Install/, LONG, STOP), {
      kind: 'line',
      line: ' 1  Install node-a',
    });
  });

  it('stops at a failure, unless that is what was waited for', async () => {
    const failure = 'slipway: failed node-a: verify-failed: md-gate: degraded';
    const first = new SerialConsole();
    first.feed(`${failure}\nslipway: complete node-a\n`);
    assert.deepEqual(await first.waitFor(/complete/, LONG, STOP), { kind: 'stopped', line: failure });
    const expecting = new SerialConsole();
    expecting.feed(`${failure}\nnode-a login: \n`);
    assert.deepEqual(await expecting.waitFor(/login/, LONG), { kind: 'line', line: 'node-a login: ' });
    const second = new SerialConsole();
    second.feed(`${failure}\n`);
    assert.deepEqual(await second.waitFor(/failed .* degraded/, LONG, STOP), { kind: 'line', line: failure });
  });

  it('says when the time is up', async () => {
    assert.deepEqual(await new SerialConsole().waitFor(/x/, 1, STOP), { kind: 'timeout' });
  });

  it('says when nothing more can come, after the last words', async () => {
    const console = new SerialConsole();
    const words = console.waitFor(/last/, LONG, STOP);
    console.feed('the last words');
    console.close();
    assert.deepEqual(await words, { kind: 'line', line: 'the last words' });
    assert.deepEqual(await console.waitFor(/x/, LONG, STOP), { kind: 'closed' });
  });

  it('shows every line to whoever watches', () => {
    const seen: string[] = [];
    const console = new SerialConsole((line) => seen.push(line));
    console.feed('a\nb\n');
    assert.deepEqual(seen, ['a', 'b']);
    console.close();
  });
});
