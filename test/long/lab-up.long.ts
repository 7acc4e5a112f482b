import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { labOfSuite } from '../helpers/command-line-lab.ts';
import { LIMIT, Sequence } from '../helpers/qemu.ts';

describe('a lab of installed nodes, by the command line', () => {
  const proof = new Sequence();
  const lab = labOfSuite();

  proof.step(
    'installs a node on disks of a SCSI controller, and waits until it is complete',
    LIMIT.build + LIMIT.installed + LIMIT.settled,
    async () => {
      await lab.up('examples/standalone-raid1.yaml', '--bus', 'pvscsi', '--screen');
      assert.deepEqual(await lab.phases(), ['standalone complete']);
    },
  );

  proof.step('logs in with a key that the ISO does not have', LIMIT.boot, async () => {
    const { stdout, exitCode } = await lab.run('ssh', 'standalone', '--', 'slipway-agent status');
    assert.match(stdout, /^standalone: complete$/m);
    assert.equal(exitCode, 0);
    const key = (await readFile(join(lab.dir, 'id_ed25519.pub'), 'utf8')).split(' ')[1] ?? '';
    const iso = await readFile(join(lab.out, 'standalone-raid1.iso'), 'latin1');
    assert.equal(iso.includes(key), false);
  });

  proof.step("shows the node's screen and its consoles", LIMIT.boot, async () => {
    const file = join(lab.out, 'screen.png');
    await lab.run('screenshot', 'standalone', file);
    assert.equal((await readFile(file)).toString('latin1', 1, 4), 'PNG');
    const { stdout } = await lab.run('logs', 'standalone');
    assert.match(stdout, /slipway: installed standalone[\s\S]*slipway: complete standalone/);
  });

  proof.step(
    'says that a node has switched itself off, and does not call that well',
    LIMIT.settled,
    async () => {
      // Not at once: what ssh ends with is then no matter of moments.
      const line = 'systemd-run --quiet --on-active=2s poweroff';
      assert.equal((await lab.run('ssh', 'standalone', '--', line)).exitCode, 0);
      while ((await lab.phases())[0] !== 'standalone off') await pause(1_000);
      assert.equal((await lab.run('status')).exitCode, 3);
    },
  );
});

describe('a lab of bare systems, by the command line', () => {
  const proof = new Sequence();
  const lab = labOfSuite();

  proof.step('brings them up, and they reach each other', LIMIT.build + LIMIT.settled, async () => {
    await lab.up('--engine', 'uml', '--nodes', '3');
    const { exitCode } = await lab.run('ssh', 'node-1', '--', 'ping', '-c', '1', 'node-3');
    assert.equal(exitCode, 0);
  });

  proof.step('is not disturbed by another `lab up`', LIMIT.boot, async () => {
    const { exitCode, stderr } = await lab.run('up', '--engine', 'uml');
    assert.equal(exitCode, 2);
    assert.match(stderr, /a lab is running/);
    assert.deepEqual(await lab.phases(), ['node-1 ready', 'node-2 ready', 'node-3 ready']);
  });

  proof.step(
    'gives each node the disks of the spec where the nodes are those of a spec',
    LIMIT.settled,
    async () => {
      await lab.run('down');
      await lab.up('examples/ha-pair.yaml', '--engine', 'uml');
      const { stdout } = await lab.run(
        'ssh',
        'node-b',
        '--',
        'cat /sys/block/ubd[ab]/serial /etc/hostname; ping -c 1 node-a',
      );
      assert.match(stdout, /^LAB00001LAB00002node-b$/m);
      assert.match(stdout, /1 received/);
    },
  );
});
