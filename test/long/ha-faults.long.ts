/** What goes wrong on real nodes: each ends in its class with a remedy, and nothing is lost. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Status } from '../../postinstall/status.ts';
import { createExec } from '../../src/host/exec.ts';
import { writeKeyMedium } from '../../src/secrets/key-medium.ts';
import { CLUSTER, joinSecret } from '../helpers/cluster-plan.ts';
import { keepInstalled } from '../helpers/pair-power-cuts.ts';
import {
  FENCED,
  makeUmlPair,
  NODES,
  type NodeNumber,
  type StartOptions,
  type UmlPair,
} from '../helpers/uml-pair.ts';

const MINUTE = 60_000;
const VIP = '10.77.0.100';
/** The agent beside its unit, which is masked where a test has something to do before it runs. */
const AGENT = 'systemd-run --quiet slipway-agent run';

describe('faults of a pair under User-Mode Linux', function () {
  this.timeout(10 * MINUTE);
  let pair: UmlPair;

  before('install two nodes', async () => {
    pair = await makeUmlPair(FENCED);
    await keepInstalled(pair);
  });
  after(() => pair?.down());
  afterEach(() => {
    pair.powerSwitch.state = 'works';
    pair.powerSwitch.log.length = 0;
  });

  const each = <T>(work: (node: NodeNumber) => Promise<T>): Promise<readonly T[]> =>
    Promise.all(NODES.map(work));
  const cutAll = async (): Promise<void> => {
    const { state } = pair.powerSwitch;
    pair.powerSwitch.state = 'silent';
    await each((node) => pair.cut(node));
    pair.powerSwitch.state = state;
  };
  const without: StartOptions = { agent: false };

  /** Boots from a kept state; both nodes, or those named. */
  async function boot(
    state: string,
    options: StartOptions = {},
    nodes: readonly NodeNumber[] = NODES,
  ): Promise<void> {
    await cutAll();
    await pair.restore(state);
    await Promise.all(nodes.map((node) => pair.up(node, options)));
  }

  const statusOf = async (node: NodeNumber): Promise<Status> => {
    const status: Status = JSON.parse(await pair.ssh(node, 'slipway-agent status --json || true'));
    return status;
  };

  /** The status once it is `complete`, or there is a problem that is not over in a moment. */
  async function settled(node: NodeNumber, is: (status: Status) => boolean, minutes = 5): Promise<Status> {
    const until = Date.now() + minutes * MINUTE;
    for (;;) {
      const status = await statusOf(node);
      if (is(status)) return status;
      if (Date.now() > until || status.state === 'complete' || status.state === 'failed')
        assert.fail(`n${node}: ${JSON.stringify(status.problem ?? status.state)}`);
      await delay(1000);
    }
  }

  const complete = (node: NodeNumber): Promise<Status> =>
    settled(node, ({ state }) => state === 'complete', 8);

  /** The node's problem, of this class in this step; it has a remedy. */
  async function problem(
    node: NodeNumber,
    failureClass: string,
    step: string,
    remedy = /\w/,
  ): Promise<string> {
    const { problem: found } = await settled(
      node,
      (status) => status.problem?.class === failureClass && status.problem.step === step,
    );
    assert.match(found?.remedy ?? '', remedy);
    return found?.message ?? '';
  }

  describe('before it is formed', () => {
    it('waits for a peer that is absent', async () => {
      await boot('installed', {}, [1]);
      assert.match(
        await problem(1, 'waiting-peer', 'enrol-peers', /start it/),
        /^n2 does not answer at 10.77.0.12/,
      );
    });

    it('refuses a peer with the secret of another cluster, before anything is started', async () => {
      const other = join(pair.folder, 'other.iso');
      await writeKeyMedium(createExec(), other, joinSecret(CLUSTER, 'another word'));
      await boot('installed', {}, [1]);
      await pair.up(2, { key: other });
      const named = /holds another join secret of cluster 'pair'/;
      assert.match(await problem(2, 'refused-foreign-data', 'enrol-peers', /key medium/), named);
      // Whether it asks, or is asked by one that then gives up, is a matter of moments.
      const first = await settled(1, ({ problem: known }) =>
        ['refused-foreign-data', 'waiting-operator'].includes(known?.class ?? ''),
      );
      assert.match(first.problem?.message ?? '', named);
      assert.match(first.problem?.remedy ?? '', /key medium/);
      for (const node of NODES) {
        assert.equal(
          await pair.ssh(node, 'systemctl is-active corosync pacemaker || true'),
          'inactive\ninactive\n',
        );
        assert.equal(await pair.ssh(node, 'ls /etc/drbd.d/*.res 2>/dev/null | wc -l'), '0\n');
      }
    });

    it('leaves a foreign file system on the clustered volume as it is', async () => {
      await boot('installed', without);
      const device = '/dev/md/clustered';
      const precious = `mkfs.ext4 -q -L precious ${device}; mount ${device} /mnt; date > /mnt/letters; umount /mnt; sync`;
      await pair.ssh(1, precious);
      const before = await pair.ssh(1, `sha256sum ${device}`);
      await each((node) => pair.ssh(node, AGENT));
      assert.match(
        await problem(1, 'refused-foreign-data', 'create-metadata', /nothing was written/),
        /holds ext4 'precious'/,
      );
      assert.match(await problem(2, 'waiting-peer', 'connect-replication'), /does not reach n1/);
      assert.equal(await pair.ssh(1, `sync; sha256sum ${device}`), before);
    });

    it('does not begin on an array that is degraded', async () => {
      await boot('installed', without, [1]);
      await pair.ssh(1, `mdadm /dev/md/clustered --fail /dev/ubdc1 --remove /dev/ubdc1; ${AGENT}`);
      assert.match(await problem(1, 'verify-failed', 'pass-md-gate', /.*/), /degraded/);
    });

    it('goes through a resync that was left pending by a power cut', async () => {
      await boot('installed', without, [1]);
      await pair.ssh(
        1,
        'echo 200 > /proc/sys/dev/raid/speed_limit_min; echo 200 > /proc/sys/dev/raid/speed_limit_max; ' +
          'mdadm --stop /dev/md/clustered; mdadm --assemble /dev/md/clustered --update=resync /dev/ubdb1 /dev/ubdc1; ' +
          'sleep 1; grep -q resync /proc/mdstat; sync',
      );
      await pair.cut(1);
      await pair.up(1, without);
      const mdstat = await pair.ssh(1, `cat /proc/mdstat; ${AGENT}`);
      assert.match(mdstat, /resync/);
      await settled(1, ({ steps }) => steps.find(({ id }) => id === 'pass-md-gate')?.detail === 'changed');
    });

    it('says so when there is no room to write', async () => {
      await boot('installed', without, [1]);
      await pair.ssh(
        1,
        `dd if=/dev/zero of=/var/full bs=1M 2>/dev/null; dd if=/dev/zero of=/var/fuller bs=512 2>/dev/null; ${AGENT}`,
      );
      const until = Date.now() + 2 * MINUTE;
      while (!/^slipway: failed n1: .*(?:ENOSPC|no space)/m.test(await pair.console(1))) {
        assert.ok(Date.now() < until, await pair.console(1));
        await delay(500);
      }
      assert.match(await pair.console(1), /remedy: make room/);
      await pair.ssh(1, `rm /var/full /var/fuller; ${AGENT}`);
      await problem(1, 'waiting-peer', 'enrol-peers');
    });

    it('refuses fence devices that do not answer', async () => {
      pair.powerSwitch.state = 'silent';
      await boot('installed');
      const message = await problem(1, 'verify-failed', 'register-fencing', /crm_resource --cleanup/);
      assert.match(message, /slipway-fence-n\d.* not answer/);
      assert.equal(await pair.ssh(1, 'findmnt /srv/data || echo none'), 'none\n');
    });

    it('takes the first node’s time, waits for the link and for an address to be free, and is complete', async () => {
      await boot('installed', without);
      await pair.inside('ip', 'address', 'add', `${VIP}/24`, 'dev', 'br0');
      await pair.ssh(2, 'date --set @$(($(date +%s) + 3600))');
      await each((node) => pair.ssh(node, AGENT));
      const until = Date.now() + 3 * MINUTE;
      while (!(await pair.console(1)).includes('starting the first synchronisation')) {
        assert.ok(Date.now() < until, await pair.console(1));
        await delay(100);
      }
      await pair.cable(2, 'down');
      await delay(20_000);
      await pair.cable(2, 'up');
      const [first = 0, second = 0] = (await each((node) => pair.ssh(node, 'date +%s'))).map(Number);
      assert.ok(Math.abs(first - second) <= 3, `${first} ${second}`);
      assert.match(await pair.console(2), /n1 is \d{4}\.\d s behind this node's: taking the time of n1/);

      assert.match(
        await problem(1, 'waiting-operator', 'write-resources', /take the address away/),
        /somebody answers at 10\.77\.0\.100/,
      );
      await pair.inside('ip', 'address', 'delete', `${VIP}/24`, 'dev', 'br0');
      await each(complete);
      await pair.ssh(1, 'head -c 3000000 /dev/urandom > /srv/data/letters; sync');
      await cutAll();
      await pair.save('formed');
    });
  });

  describe('of a pair that was formed', () => {
    const letters = 'sha256sum < /srv/data/letters';
    const serviceNode = async (): Promise<NodeNumber> => {
      const here = await pair.ssh(1, 'findmnt /srv/data >/dev/null && echo here || true');
      return here.trim() === 'here' ? 1 : 2;
    };
    const hasService = (node: NodeNumber): Promise<string> =>
      pair.ssh(
        node,
        `for i in $(seq 240); do findmnt /srv/data >/dev/null && ip -4 -o addr | grep -q ${VIP}/ && break; sleep 1; done; ${letters}`,
        5 * MINUTE,
      );

    it('says why corosync does not start', async () => {
      await boot('formed', { agent: false, words: ['systemd.mask=pacemaker.service'] });
      await pair.ssh(
        1,
        'systemctl stop corosync; chmod -x /usr/sbin/corosync; systemctl start corosync || true',
      );
      await each((node) => pair.ssh(node, AGENT));
      assert.match(
        await problem(1, 'verify-failed', 'start-corosync', /reset-failed/),
        /corosync\.service has failed: .+/,
      );
    });

    it('survives the loss of the link: one node is shot, the other one goes on with all data', async () => {
      await boot('formed');
      await each(complete);
      const sum = await pair.ssh(await serviceNode(), letters);
      await pair.cable(2, 'down');
      const until = Date.now() + 2 * MINUTE;
      while (pair.powerSwitch.log.length === 0) {
        assert.ok(Date.now() < until);
        await delay(200);
      }
      await pair.cable(2, 'up');
      assert.deepEqual(pair.powerSwitch.log, ['reboot n2']);
      assert.equal(await hasService(1), sum);
      await pair.up(2);
      await complete(2);
      assert.equal(await pair.ssh(1, letters), sum);
    });

    it('does not start the service a second time while the other node cannot be fenced', async () => {
      await boot('formed');
      await each(complete);
      const at =
        (await pair.ssh(1, 'findmnt /srv/data >/dev/null && echo here || true')).trim() === 'here' ? 1 : 2;
      const other = at === 1 ? 2 : 1;
      const sum = await pair.ssh(at, letters);
      pair.powerSwitch.state = 'disobeys';
      await pair.cut(at);
      await delay(45_000);
      assert.equal(await pair.ssh(other, 'findmnt /srv/data || echo none'), 'none\n');
      assert.ok(pair.powerSwitch.log.length > 0);
      pair.powerSwitch.state = 'works';
      assert.equal(await hasService(other), sum);
    });

    it('goes on with the data of the peer when the disks under DRBD fail', async () => {
      await boot('formed');
      await each(complete);
      const at =
        (await pair.ssh(1, 'findmnt /srv/data >/dev/null && echo here || true')).trim() === 'here' ? 1 : 2;
      const sum = await pair.ssh(at, letters);
      await pair.ssh(
        at,
        'echo 1 > /sys/block/$(basename $(readlink -f /dev/md/clustered))/md/fail_last_dev; ' +
          'mdadm /dev/md/clustered --fail /dev/ubdb1; mdadm /dev/md/clustered --fail /dev/ubdc1; ' +
          'echo more > /srv/data/more; sync; for i in $(seq 60); do drbdadm dstate slipway | grep -q Diskless && break; sleep 0.5; done',
      );
      assert.match(await pair.ssh(at, 'drbdadm dstate slipway'), /^(?:Diskless|Failed)\/UpToDate/);
      assert.equal(
        await pair.ssh(at, `echo 3 > /proc/sys/vm/drop_caches; ${letters}; cat /srv/data/more`),
        `${sum}more\n`,
      );
      // To its end: until it begins, the status is that of the run before.
      await pair.ssh(at, 'systemctl start slipway-agent || true', 5 * MINUTE);
      assert.match(await problem(at, 'verify-failed', 'pass-md-gate', /.*/), /clustered/);
    });

    it('leaves a split brain to a person', async () => {
      await cutAll();
      await pair.restore('formed');
      const masked = { agent: false, words: ['systemd.mask=pacemaker.service'] } as const;
      const alone = (node: NodeNumber): string =>
        `modprobe drbd; drbdadm up slipway; drbdadm primary --force slipway; mount /dev/drbd0 /mnt; echo n${node} > /mnt/mine; umount /mnt; sync`;
      for (const node of NODES) {
        await pair.up(node, masked);
        await pair.ssh(node, alone(node));
        await pair.cut(node);
      }
      await each((node) => pair.up(node));
      for (const node of NODES) {
        assert.match(
          await problem(node, 'waiting-operator', 'connect-replication', /nothing is lost/),
          /both wrote without each other/,
        );
        const below = (file: string): string => `debugfs -R "cat ${file}" /dev/md/clustered 2>/dev/null`;
        assert.equal(await pair.ssh(node, below('mine')), `n${node}\n`);
        assert.equal(await pair.ssh(node, `${below('letters')} | wc -c`), '3000000\n');
      }
    });
  });
});
