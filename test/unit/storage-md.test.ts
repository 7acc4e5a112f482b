import assert from 'node:assert/strict';
import { compareMembers } from '../../src/storage/compare-members.ts';
import { describeSync, mdReady, readArrays } from '../../src/storage/md.ts';
import { waitForArrays } from '../../src/storage/wait-arrays.ts';
import { arrayFiles, type FakeMachine, fakeMachine } from '../helpers/fake-machine.ts';

type Facts = NonNullable<Parameters<typeof arrayFiles>[1]>;

const LINKS = { '/dev/md/boot': '/dev/md127', '/dev/md/any:esp': '/dev/md126' };
const WHOLE = { md127: {}, md126: {} };

function machineWith(
  arrays: Readonly<Record<string, Facts>>,
  more: Parameters<typeof fakeMachine>[0] = {},
): FakeMachine {
  const files = Object.assign(
    {},
    ...Object.entries(arrays).map(([device, facts]) => arrayFiles(device, facts)),
  );
  return fakeMachine({
    ...more,
    links: LINKS,
    files: { ...files, '/proc/sys/dev/raid/speed_limit_min': '1000\n', ...more.files },
  });
}

function set(machine: FakeMachine, device: string, facts: Facts): undefined {
  for (const [path, text] of Object.entries(arrayFiles(device, facts))) machine.files.set(path, text);
}

async function verdict(facts: Facts, expectedDisks?: number): Promise<string | true> {
  const [array] = await readArrays(machineWith({ md127: facts }));
  assert.ok(array !== undefined);
  const readiness = mdReady(array, expectedDisks);
  return readiness.ready || readiness.why;
}

describe('mdReady', () => {
  it('holds for an array in sync, busy or not, also before its first write', async () => {
    for (const state of ['clean', 'active', 'active-idle', 'write-pending', 'read-auto', 'readonly']) {
      assert.equal(await verdict({ state }), true, state);
    }
  });

  it('sees through an initial resync, which mdadm calls clean', async () => {
    assert.equal(
      await verdict({ action: 'resync', resyncStart: '4096', completed: '4096 / 16384', speed: '3072' }),
      'array boot is not idle: resync 25 %, 3072 KiB/s, 2 s left',
    );
  });

  it('sees a resync that a reboot left pending: idle, nothing degraded', async () => {
    assert.equal(
      await verdict({ state: 'read-auto', resyncStart: '4096' }),
      'array boot has a resync pending from sector 4096 (read-auto)',
    );
  });

  it('sees a recovery, which leaves no resync_start', async () => {
    const members: Facts['members'] = { sda1: ['0', 'in_sync'], sdb1: ['1', 'spare'] };
    assert.equal(
      await verdict({ degraded: 1, action: 'recover', completed: '8192 / 16384', members }),
      'array boot is degraded: 1 of 2 members, recover 50 %',
    );
  });

  it('never hides a degraded array', async () => {
    assert.equal(
      await verdict({ degraded: 1, members: { sda1: ['0', 'in_sync'] } }),
      'array boot is degraded: 1 of 2 members',
    );
  });

  it('wants the expected number of disks, and every one of them in sync', async () => {
    assert.equal(await verdict({}, 3), 'array boot has 2 members, 3 are expected');
    const members: Facts['members'] = { sda1: ['0', 'in_sync'], sdb1: ['1', 'faulty'] };
    assert.equal(await verdict({ members }), 'array boot has 1 of 2 members in sync');
  });

  it('does not take what it cannot read for good', async () => {
    const machine = machineWith({ md127: {} });
    machine.files.delete('/sys/block/md127/md/resync_start');
    const [array] = await readArrays(machine);
    assert.equal(array?.resyncStart, 'unknown');
    assert.equal(array !== undefined && mdReady(array).ready, false);
  });

  it('calls an array that was not started what it is', async () => {
    assert.equal(
      await verdict({ state: 'inactive', members: { sda1: ['0', 'in_sync'] } }, 2),
      'array boot is not running (inactive) and degraded: 1 of 2 members',
    );
  });
});

describe('readArrays', () => {
  it('names arrays as /dev/md does, without the host, and leaves other devices out', async () => {
    const machine = machineWith(WHOLE, {
      files: { '/sys/block/sda/size': '1\n', '/sys/block/md127/md127p1/size': '1' },
    });
    const arrays = await readArrays(machine);
    assert.deepEqual(
      arrays.map(({ name, device }) => [name, device]),
      [
        ['boot', 'md127'],
        ['esp', 'md126'],
      ],
    );
    assert.deepEqual(arrays[0]?.members, [
      { device: 'sda1', slot: 0, flags: ['in_sync'] },
      { device: 'sdb1', slot: 1, flags: ['in_sync'] },
    ]);
    assert.deepEqual(machine.ran, []);
  });

  it('takes the device number that a stopped array leaves behind for none', async () => {
    const arrays = await readArrays(machineWith({ ...WHOLE, md125: { state: 'clear', members: {} } }));
    assert.deepEqual(
      arrays.map(({ device }) => device),
      ['md127', 'md126'],
    );
  });

  it('tells no time left where nothing moves', async () => {
    const [array] = await readArrays(machineWith({ md127: { action: 'resync', completed: 'delayed' } }));
    assert.equal(array && describeSync(array), 'resync');
  });
});

describe('waitForArrays', () => {
  const speedLimit = (machine: FakeMachine): unknown =>
    machine.files.get('/proc/sys/dev/raid/speed_limit_min');

  it('touches nothing where all are whole', async () => {
    const machine = machineWith(WHOLE);
    assert.deepEqual((await waitForArrays(machine, ['boot', 'esp'])).length, 2);
    assert.deepEqual([machine.written, machine.ran], [[], []]);
  });

  it('waits for a resync at full speed, says how far it is, and puts the speed back', async () => {
    let looks = 0;
    const seen: string[] = [];
    const limits: unknown[] = [];
    const machine = machineWith(
      { md127: { action: 'resync', resyncStart: '0', completed: '0 / 100' }, md126: {} },
      {
        onSleep(m) {
          looks += 1;
          limits.push(speedLimit(m));
          set(
            m,
            'md127',
            looks < 3 ? { action: 'resync', resyncStart: '0', completed: `${looks * 25} / 100` } : {},
          );
        },
      },
    );
    await waitForArrays(machine, ['boot', 'esp'], {
      onProgress: (waiting) => seen.push(...waiting.map(describeSync)),
    });
    assert.deepEqual(seen, ['resync 0 %', 'resync 25 %', 'resync 50 %']);
    assert.deepEqual([new Set(limits), speedLimit(machine)], [new Set(['200000\n']), '1000\n']);
  });

  it('raises both limits, never lowers one, and puts back what it changed', async () => {
    const MAX = '/proc/sys/dev/raid/speed_limit_max';
    const seen: unknown[] = [];
    for (const [max, min] of [
      ['200000\n', '1000\n'],
      ['9000000\n', '500000\n'],
    ] as const) {
      const machine = machineWith(
        { md127: { action: 'resync', resyncStart: '0', completed: '0 / 100' } },
        {
          onSleep(m) {
            seen.push([m.files.get(MAX), speedLimit(m)]);
            set(m, 'md127', {});
          },
        },
      );
      machine.files.set(MAX, max);
      machine.files.set('/proc/sys/dev/raid/speed_limit_min', min);
      await waitForArrays(machine, ['boot']);
      assert.deepEqual([machine.files.get(MAX), speedLimit(machine)], [max, min]);
    }
    assert.deepEqual(seen, [
      ['2000000\n', '200000\n'],
      ['9000000\n', '500000\n'],
    ]);
  });

  it('starts a pending resync', async () => {
    const machine = machineWith(
      { md127: { state: 'read-auto', resyncStart: '64' } },
      { commands: { mdadm: (_, m) => set(m, 'md127', {}) } },
    );
    await waitForArrays(machine, ['boot']);
    assert.deepEqual(
      machine.ran.map(({ args }) => args.join(' ')),
      ['--readwrite /dev/md127'],
    );
  });

  it('fails for a degraded array that nothing rebuilds, and puts the speed back', async () => {
    const machine = machineWith({ md127: { degraded: 1, members: { sda1: ['0', 'in_sync'] } }, md126: {} });
    await assert.rejects(waitForArrays(machine, ['boot', 'esp']), {
      failureClass: 'verify-failed',
      message: 'array boot is degraded: 1 of 2 members',
    });
    assert.equal(speedLimit(machine), '1000\n');
  });

  it('does not mistake the last instant of a recovery for a degraded array', async () => {
    let looks = 0;
    const machine = machineWith(
      { md127: { degraded: 1, action: 'recover', completed: '9 / 10' } },
      {
        onSleep(m) {
          looks += 1;
          set(m, 'md127', looks === 1 ? { degraded: 1 } : {});
        },
      },
    );
    await waitForArrays(machine, ['boot']);
    assert.equal(looks, 2);
  });

  it('waits for a spare to be taken in', async () => {
    const machine = machineWith(
      { md127: { degraded: 1, members: { sda1: ['0', 'in_sync'], sdb1: ['none', 'spare'] } } },
      { onSleep: (m) => set(m, 'md127', {}) },
    );
    await waitForArrays(machine, ['boot']);
  });

  it('fails when nothing has moved for the given time', async () => {
    const machine = machineWith({ md127: { action: 'resync', resyncStart: '0', completed: '5 / 10' } });
    const started = machine.clock;
    await assert.rejects(waitForArrays(machine, ['boot'], { stallSeconds: 120 }), {
      failureClass: 'timeout',
      message: 'no progress for 120 s: array boot: resync 50 %',
    });
    assert.equal(machine.clock - started, 120_000);
  });

  it('counts the progress of other arrays: those on the same disks take turns', async () => {
    let done = 0;
    const delayed = { action: 'resync', resyncStart: '0', completed: 'delayed' };
    const machine = machineWith(
      { md127: delayed, md125: { action: 'resync', completed: '0 / 1000' } },
      {
        onSleep(m) {
          done += 1;
          set(m, 'md125', { action: 'resync', completed: `${done} / 1000` });
          if (done === 700) set(m, 'md127', {});
        },
      },
    );
    await waitForArrays(machine, ['boot'], { stallSeconds: 120 });
    assert.equal(done, 700);
  });

  it('gives udev time to assemble an array, but not for ever', async () => {
    const late = machineWith({ md127: {} }, { onSleep: (m) => m.clock % 3000 < 500 && set(m, 'md126', {}) });
    assert.equal((await waitForArrays(late, ['boot', 'esp'])).length, 2);
    const never = machineWith({ md127: {} });
    await assert.rejects(waitForArrays(never, ['boot', 'esp']), { message: 'array esp is not assembled' });
  });

  it('says of a degraded machine everything at once', async () => {
    const machine = machineWith({
      md127: { degraded: 1, members: { sda1: ['0', 'in_sync'] } },
      md126: { state: 'inactive', members: { sda2: ['0', 'in_sync'] } },
    });
    await assert.rejects(waitForArrays(machine, ['boot', 'esp', 'root'], { expectedDisks: 2 }), {
      message:
        'array boot is degraded: 1 of 2 members; array esp is not running (inactive) and degraded: 1 of 2 members; ' +
        'array root is not assembled',
    });
  });
});

describe('compareMembers', () => {
  const array = async (machine: FakeMachine) => {
    const [first] = await readArrays(machine);
    assert.ok(first !== undefined);
    return first;
  };
  const FOLDER = '/sys/block/md127/md';

  it('asks md for a comparison and tells in how many sectors members differ', async () => {
    for (const differ of ['0', '8']) {
      let looks = 0;
      const seen: string[] = [];
      const machine = machineWith(
        { md127: {} },
        {
          onSleep(m) {
            looks += 1;
            m.files.set(`${FOLDER}/sync_completed`, `${looks} / 3\n`);
            if (looks < 3) return;
            m.files.set(`${FOLDER}/sync_action`, 'idle\n');
            m.files.set(`${FOLDER}/mismatch_cnt`, `${differ}\n`);
          },
        },
      );
      const sectors = await compareMembers(machine, await array(machine), {
        onProgress: (now) => seen.push(describeSync(now)),
      });
      assert.deepEqual(
        [sectors, seen, machine.written],
        [Number(differ), ['check 33 %', 'check 66 %'], [`${FOLDER}/sync_action`]],
      );
    }
  });

  it('fails when nothing has moved for the given time, and when the array goes away', async () => {
    const stuck = machineWith({ md127: {} });
    await assert.rejects(compareMembers(stuck, await array(stuck), { stallSeconds: 30 }), {
      failureClass: 'timeout',
      message: 'no progress for 30 s: array boot: check',
    });
    const gone = machineWith({ md127: {} }, { onSleep: (m) => m.files.delete(`${FOLDER}/array_state`) });
    await assert.rejects(compareMembers(gone, await array(gone)), { failureClass: 'verify-failed' });
  });
});
