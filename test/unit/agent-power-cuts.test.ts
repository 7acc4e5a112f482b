import assert from 'node:assert/strict';
import { type RunVerdict, runAgent } from '../../postinstall/run.ts';
import { JOURNAL_PATH, STATUS_PATH } from '../../postinstall/status.ts';
import { readJournal } from '../../src/engine/journal.ts';
import type { Machine } from '../../src/engine/machine.ts';
import { DISK_BYTES } from '../helpers/disk-images.ts';
import { type Operation, powered } from '../helpers/power-cut.ts';
import { type ReplaceableNode, replaceableNode } from '../helpers/replaceable-node.ts';

const BUILT_AT = Date.parse('2026-01-01');
const STEP = '/usr/lib/slipway/steps/keep-note';

/** The new disk of whichever node is alive: a hundred disks of their own are work for the garbage collector. */
const FRESH = Buffer.alloc(DISK_BYTES);

/** A node with much to do: a disk to take in, files to write, a clock to set, a step of the user's. */
async function node(): Promise<ReplaceableNode> {
  const machine = await replaceableNode(
    { memory: FRESH },
    {
      [`${STEP}/check`]: (_, m) =>
        m.files.get('/etc/note') === 'two lines\n'
          ? 'it is there'
          : { exitCode: 1, stdout: 'there is no note' },
      // Not one operation, and not by a rename: what a user may well write.
      [`${STEP}/apply`]: (_, m) => {
        m.files.set('/etc/note', m.files.has('/etc/note') ? 'two lines\n' : 'one line\n');
        m.files.set('/etc/note', 'two lines\n');
        return '';
      },
      timedatectl: () => '',
    },
  );
  for (const [path, text] of Object.entries({
    [`${STEP}/check`]: '',
    [`${STEP}/apply`]: '',
    '/etc/hostname': 'localhost\n',
    '/etc/adjtime': '0.0 0 0.0\n0\nLOCAL\n',
    '/usr/share/zoneinfo/Etc/UTC': 'TZif2',
  }))
    machine.files.set(path, text);
  machine.links.set('/etc/localtime', '/usr/share/zoneinfo/Etc/UTC');
  return machine;
}

const run = (machine: Machine): Promise<RunVerdict> =>
  runAgent({
    machine,
    given: { builtAt: BUILT_AT },
    signal: new AbortController().signal,
    outlets: { progress: () => {}, verdict: async () => {} },
  });

type Content = string | Uint8Array;

/** Everything that outlives a restart, but the records of the runs. */
function durable({ files, links }: ReplaceableNode): ReadonlyMap<string, Content> {
  const kept = [...files].filter(
    ([path]) => path !== JOURNAL_PATH && path !== STATUS_PATH && !path.startsWith('/proc/'),
  );
  return new Map([...kept, ...links]);
}

/** Without a copy: some of them are whole disks. */
const bytesOf = (content: Content): Buffer =>
  typeof content === 'string'
    ? Buffer.from(content)
    : Buffer.from(content.buffer, content.byteOffset, content.length);

function assertSame(
  is: ReadonlyMap<string, Content>,
  wanted: ReadonlyMap<string, Content>,
  when: string,
): void {
  assert.deepEqual([...is.keys()].sort(), [...wanted.keys()].sort(), when);
  for (const [path, content] of is)
    assert.ok(bytesOf(content).equals(bytesOf(wanted.get(path) ?? '')), `${when}: ${path}`);
}

describe('a node that loses its power', function () {
  // Dozens of runs: seconds, and more of them on a busy machine.
  this.timeout(120_000);
  let wanted: ReadonlyMap<string, Content>;
  const kinds: Operation[] = [];

  before(async () => {
    const machine = await node();
    const counting = powered(machine, undefined, (_, kind) => kinds.push(kind));
    assert.equal(await run(counting.machine), 'complete');
    wanted = new Map([...durable(machine)].map(([path, content]) => [path, Buffer.from(bytesOf(content))]));
    assert.ok(kinds.length > 40, `${kinds.length} operations`);
  });

  async function finish(machine: ReplaceableNode, when: string): Promise<void> {
    const left = await machine.readFile(JOURNAL_PATH);
    if (left !== undefined) assert.equal((await readJournal(machine, JOURNAL_PATH))?.node, 'node-a');
    machine.restart();
    assert.equal(await run(machine), 'complete', when);
    assertSame(durable(machine), wanted, when);
  }

  it('ends the same, whatever the operation was that it did not come to', async () => {
    for (const at of kinds.keys()) {
      const machine = await node();
      const until = powered(machine, at);
      await run(until.machine);
      assert.equal(until.isOff(), true);
      await finish(machine, `without operation ${at}`);
    }
  });

  it('ends the same when its disk forgot what a command did, although the journal remembers it', async () => {
    for (const [at, kind] of kinds.entries()) {
      if (kind !== 'command') continue;
      const machine = await node();
      let forget = (): void => {};
      // The next operation is the journal's: it records that the command's step was applied, or goes on within it.
      const until = powered(machine, at + 2, (number) => {
        if (number === at) forget = snapshot(machine);
      });
      await run(until.machine);
      forget();
      await finish(machine, `forgetting operation ${at}`);
    }
  });

  it('has nothing left to do the time after', async () => {
    const machine = await node();
    await run(machine);
    machine.ran.length = 0;
    machine.written.length = 0;
    assert.equal(await run(machine), 'complete');
    assert.deepEqual(
      machine.ran.filter(({ effect }) => effect === 'write'),
      [],
    );
    assert.deepEqual([...new Set(machine.written)].sort(), [JOURNAL_PATH, STATUS_PATH]);
  });
});

/** Takes everything down that is on the machine; the result puts it back, the records excepted. */
function snapshot(machine: ReplaceableNode): () => void {
  const files = new Map(machine.files);
  const links = new Map(machine.links);
  const disk = Buffer.from(machine.fresh);
  return () => {
    for (const path of [JOURNAL_PATH, STATUS_PATH]) {
      const record = machine.files.get(path);
      if (record !== undefined) files.set(path, record);
    }
    machine.files.clear();
    for (const [path, content] of files) machine.files.set(path, content);
    machine.links.clear();
    for (const [path, target] of links) machine.links.set(path, target);
    disk.copy(machine.fresh);
  };
}
