/** Two machines, one ISO and its key medium: a pair that forms itself and is verified. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createExec } from '../../src/host/exec.ts';
import { readKeyMedium } from '../../src/secrets/key-medium.ts';
import { labOfSuite } from '../helpers/command-line-lab.ts';
import { LIMIT, Sequence } from '../helpers/qemu.ts';

const NODES = ['node-a', 'node-b'];
const VIP = '10.10.0.100';
/** Everything that may listen beside what the system itself has. */
const DECLARED = ['22', '5405', '7788'];

describe('a pair, from spec to a service that moves', () => {
  const proof = new Sequence();
  const lab = labOfSuite();

  const on = async (node: string, command: string): Promise<string> => {
    const { stdout, stderr, exitCode } = await lab.run('ssh', node, '--', command);
    assert.equal(exitCode, 0, `${node}: ${command}\n${stdout}\n${stderr}`);
    return stdout;
  };

  proof.step(
    'forms itself from the ISO and the key medium',
    LIMIT.build + LIMIT.installed + 2 * LIMIT.settled,
    async () => {
      await lab.up('examples/ha-pair.yaml');
      assert.deepEqual(
        await lab.phases(),
        NODES.map((node) => `${node} complete`),
      );
    },
  );

  proof.step('has the same data on both, and address and data on one', LIMIT.boot, async () => {
    const holders: string[] = [];
    for (const node of NODES) {
      assert.match(await on(node, 'cat /proc/drbd'), /ds:UpToDate\/UpToDate/);
      const held = await on(node, `ip -4 -oneline address | grep -c ' ${VIP}/' || true`);
      const mounted = await on(node, "grep -c ' /srv/cluster ' /proc/self/mounts || true");
      assert.equal(held, mounted, `${node} has either both or neither`);
      if (held.trim() === '1') holders.push(node);
    }
    assert.equal(holders.length, 1);
  });

  proof.step('listens at nothing that was not declared, and hears members only', LIMIT.boot, async () => {
    for (const node of NODES) {
      const ports = (await on(node, 'ss --listening --tcp --udp --numeric --no-header'))
        .split('\n')
        .filter((line) => line !== '' && !/\s127\.|\[::1\]:/.test(line))
        .map((line) => /:(\d+)\s/.exec(line)?.[1] ?? line);
      assert.deepEqual(
        ports.filter((port) => !DECLARED.includes(port)),
        [],
        `${node}: ${ports.join(' ')}`,
      );
      assert.match(
        await on(node, 'nft list chain inet slipway input'),
        /ip saddr \{ 10\.10\.0\.11, 10\.10\.0\.12 \} accept\n\s+tcp dport \{ 7787, 7788 \} drop/,
      );
    }
  });

  proof.step('finds nothing to do a second time', LIMIT.settled, async () => {
    for (const node of NODES) {
      const said = await on(node, 'slipway-agent run');
      assert.doesNotMatch(said, /changed|failed|waits/, node);
      assert.match(await on(node, 'slipway-agent status'), new RegExp(`^${node}: complete$`, 'm'));
    }
  });

  proof.step('keeps the join secret nowhere but on its medium', LIMIT.boot, async () => {
    const secret = await readKeyMedium(createExec(), join(lab.out, 'ha-pair.key.iso'));
    assert.ok(secret);
    assert.equal((await readFile(join(lab.out, 'ha-pair.iso'))).includes(secret.secret), false);
    for (const node of NODES) {
      const found = await on(
        node,
        `grep -rlsF ${secret.secret} /boot /etc /home /opt /root /run /srv /tmp /var || true`,
      );
      assert.equal(found, '', node);
    }
  });
});
