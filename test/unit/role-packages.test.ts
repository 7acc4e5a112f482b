import assert from 'node:assert/strict';
import { platformOf } from '../../postinstall/platforms/platforms.ts';
import { platformFor, rolePackages } from '../../postinstall/platforms/role-packages.ts';
import { baseNeeds } from '../../src/commands/iso-tasks.ts';
import type { FencingPlan } from '../../src/plan/types.ts';
import { HA } from '../helpers/cluster-plan.ts';
import { goldenPlan } from '../helpers/rendered.ts';

const device = (kind: 'ipmi' | 'libvirt' | 'lab-switch') => ({ node: 'n1', kind, address: 'x' });
const { replication: _, ...UNREPLICATED } = HA;

describe('packages of a role', () => {
  it('are none for a node by itself, and its base is as it was before there were clusters', () => {
    const plan = goldenPlan('one-disk');
    for (const node of plan.nodes) assert.deepEqual(rolePackages('embedded', node), []);
    assert.deepEqual(baseNeeds(plan, ['htop']), { packages: ['htop'] });
  });

  it('come into the base with a preset that keeps them and the services of the spec from starting', () => {
    const plan = goldenPlan('four-nodes');
    const { packages, cluster } = baseNeeds(plan, []);
    assert.deepEqual(packages, []);
    assert.ok(cluster?.packages.includes('pacemaker'));
    assert.ok(cluster?.packages.includes('fence-agents'));
    for (const unit of ['corosync', 'pacemaker', 'drbd', 'haproxy'])
      assert.match(cluster?.preset ?? '', new RegExp(`^disable ${unit}\\.service$`, 'm'));
  });

  it('hold DRBD where something is replicated, and nowhere else', () => {
    assert.ok(rolePackages('embedded', { ha: HA }).includes('drbd-utils'));
    assert.ok(!rolePackages('embedded', { ha: UNREPLICATED }).includes('drbd-utils'));
    assert.ok(rolePackages('embedded', { ha: UNREPLICATED }).includes('corosync'));
    assert.ok(rolePackages('rhel9', { ha: HA }).includes('kmod-drbd9x'));
    assert.ok(rolePackages('fedora44', { ha: HA }).includes('drbd-utils'));
  });

  it('are those of the system that the agent will find itself on', () => {
    const found = (osRelease: string) => platformOf(osRelease)?.packages;
    assert.equal(found('ID=fedora\nVERSION_ID=44\n'), platformFor('fedora44').packages);
    assert.equal(found('ID="rhel"\nID_LIKE="fedora"\nVERSION_ID="9.4"\n'), platformFor('rhel9').packages);
    assert.equal(found('ID=debian\nVERSION_ID="12"\n'), platformFor('embedded').packages);
  });

  it('hold the agents of the devices that are there', () => {
    const names = (fencing: FencingPlan) => rolePackages('rhel9', { ha: { ...HA, fencing } });
    assert.ok(names({ kind: 'devices', devices: [device('ipmi')] }).includes('fence-agents-ipmilan'));
    assert.ok(names({ kind: 'devices', devices: [device('libvirt')] }).includes('fence-agents-virsh'));
    assert.ok(!names({ kind: 'devices', devices: [device('libvirt')] }).includes('fence-agents-ipmilan'));
    assert.ok(names({ kind: 'sbd', watchdog: '/dev/watchdog', disks: ['/dev/sdz'] }).includes('sbd'));
    assert.ok(!names(HA.fencing).some((name) => name.startsWith('fence')));
  });
});
