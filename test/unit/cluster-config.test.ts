import assert from 'node:assert/strict';
import { clusterCib, fencingCib, primitiveIds, proofCib } from '../../postinstall/cluster/cib.ts';
import { mergeCib } from '../../postinstall/cluster/cib-merge.ts';
import { parseMonitor, parseQuorum } from '../../postinstall/cluster/cluster-state.ts';
import { corosyncConf } from '../../postinstall/cluster/corosync-conf.ts';
import { drbdConfig, drbdGeneration } from '../../postinstall/cluster/drbd-config.ts';
import {
  isSynchronised,
  isUntouched,
  parseDrbdStatus,
  sameGeneration,
} from '../../postinstall/cluster/drbd-state.ts';
import { fenceDevices } from '../../postinstall/cluster/fence-devices.ts';
import { allOf, formatXml, parseXml } from '../../postinstall/cluster/xml.ts';
import { PLATFORMS, platformOf, presetOf } from '../../postinstall/platforms/platforms.ts';
import type { FenceDevicePlan, HaPlan } from '../../src/plan/types.ts';
import { CLUSTER, HA } from '../helpers/cluster-plan.ts';

const EMPTY = parseXml(
  '<cib epoch="1"><configuration><crm_config/><nodes/><resources/><constraints/></configuration><status/></cib>',
);
const ids = (text: string): readonly string[] =>
  [...text.matchAll(/ id="([^"]+)"/g)].map(([, id = '']) => id);

describe('the configuration of corosync', () => {
  it('lists every node with its links; two nodes follow the rules for two', () => {
    const text = corosyncConf({ cluster: CLUSTER, members: HA.members });
    assert.match(text, /ring0_addr: 10\.77\.0\.11\n {4}name: n1\n {4}nodeid: 1\n/);
    assert.match(text, /two_node: 1\n {2}wait_for_all: 1\n/);
    assert.match(text, /crypto_cipher: aes256\n {2}crypto_hash: sha256\n/);
  });

  it('has a majority instead for three, and a second link where there is one', () => {
    const members = [1, 2, 3].map((id) => ({
      name: `n${id}`,
      id,
      links: [`10.0.0.${id}`, `10.1.0.${id}`] as const,
      replication: `10.1.0.${id}`,
    }));
    const text = corosyncConf({
      cluster: CLUSTER,
      members: members.map((one) => ({ ...one, links: [...one.links] })),
    });
    assert.ok(!text.includes('two_node'));
    assert.match(text, /ring0_addr: 10\.0\.0\.3\n {4}ring1_addr: 10\.1\.0\.3\n/);
  });
});

describe('the configuration of DRBD', () => {
  const config = {
    members: HA.members,
    replication: { resource: 'slipway', port: 7788, fileSystem: 'ext4', mountPoint: '/srv' },
    disk: '/dev/md/clustered',
    sharedSecret: 'abc',
    fenced: true,
  } as const;

  it('says where to look for the fencing policy to each generation', () => {
    const old = drbdConfig({ ...config, generation: '8.4' });
    assert.match(old, /disk \{\n {4}on-io-error detach;[^}]*\n {4}fencing resource-and-stonith;/);
    assert.match(old, /after-resync-target "\/usr\/lib\/drbd\/crm-unfence-peer\.sh"/);
    const current = drbdConfig({ ...config, generation: '9' });
    assert.match(current, /protocol C;\n {4}fencing resource-and-stonith;/);
    assert.match(current, /unfence-peer "\/usr\/lib\/drbd\/crm-unfence-peer\.9\.sh"/);
    assert.match(drbdConfig({ ...config, generation: '9', fenced: false }), /fencing resource-only;/);
  });

  it('never lets a side with changes give way by itself', () => {
    const text = drbdConfig({ ...config, generation: '9' });
    assert.match(
      text,
      /after-sb-0pri discard-zero-changes;\n {4}after-sb-1pri disconnect;\n {4}after-sb-2pri disconnect;/,
    );
  });

  it('knows the generations by the module’s version', () => {
    assert.deepEqual(['8.4.11', '9.2.5', '10.0.0', ''].map(drbdGeneration), [
      '8.4',
      '9',
      undefined,
      undefined,
    ]);
  });
});

describe('the state of DRBD', () => {
  // Recorded: drbd-utils 9.22 on DRBD 8.4.11, drbdsetup status slipway --verbose.
  const alone = `slipway role:Secondary suspended:no
  volume:0 minor:0 disk:Inconsistent blocked:no

`;
  const connecting = `slipway role:Secondary suspended:no
  volume:0 minor:0 disk:Inconsistent blocked:no
  peer connection:Connecting role:Unknown congested:no
    volume:0 replication:Off peer-disk:DUnknown resync-suspended:no

`;
  const inSync = `slipway role:Primary suspended:no
  volume:0 minor:0 disk:UpToDate blocked:no
  peer connection:Connected role:Secondary congested:no
    volume:0 replication:Established peer-disk:UpToDate resync-suspended:no

`;

  it('is read from what drbdsetup says', () => {
    assert.equal(parseDrbdStatus(alone)?.connection, 'Unconfigured');
    assert.equal(parseDrbdStatus(connecting)?.connection, 'Connecting');
    assert.deepEqual(parseDrbdStatus(inSync), {
      connection: 'Connected',
      role: 'Primary',
      peerRole: 'Secondary',
      disk: 'UpToDate',
      peerDisk: 'UpToDate',
    });
    assert.equal(parseDrbdStatus(''), undefined);
    const syncing = inSync.replace('peer-disk:UpToDate', 'peer-disk:Inconsistent done:45.20');
    assert.equal(parseDrbdStatus(syncing)?.done, 45.2);
  });

  it('is untouched or in sync only when connected', () => {
    const state = parseDrbdStatus(inSync);
    assert.ok(isSynchronised(state));
    assert.ok(!isSynchronised(state && { ...state, connection: 'Connecting' }));
    assert.ok(!isSynchronised(state && { ...state, peerDisk: 'Inconsistent' }));
    const untouched = state && { ...state, disk: 'Inconsistent', peerDisk: 'Inconsistent' };
    assert.ok(isUntouched(untouched));
    assert.ok(!isUntouched(untouched && { ...untouched, connection: 'Connecting' }));
    assert.ok(!isUntouched(untouched && { ...untouched, peerDisk: 'UpToDate' }));
    assert.ok(!isUntouched(undefined));
  });

  it('names the same data whoever is primary', () => {
    assert.ok(sameGeneration('A5B41C8E27D60F92', 'A5B41C8E27D60F93'));
    assert.ok(!sameGeneration('A5B41C8E27D60F92', 'B5B41C8E27D60F92'));
  });
});

describe('the configuration of Pacemaker', () => {
  const filled = mergeCib(EMPTY, clusterCib(HA));

  it('promotes the data on one node, and runs the service where that is', () => {
    const text = formatXml(filled);
    assert.deepEqual(primitiveIds(clusterCib(HA)), ['slipway-files', 'slipway-vip']);
    assert.match(
      text,
      /<rsc_colocation id="slipway-service-with-data" rsc="slipway-service" with-rsc="slipway-data-clone" with-rsc-role="Promoted" score="INFINITY"\/>/,
    );
    assert.match(
      text,
      /<rsc_order id="slipway-service-after-data" first="slipway-data-clone" first-action="promote" then="slipway-service"/,
    );
    assert.match(text, /name="stonith-enabled" value="false"/);
    assert.equal(new Set(ids(text)).size, ids(text).length, 'every id once');
  });

  it('starts the units of the plan before the address, and stands without replication, too', () => {
    const { replication: _, ...rest } = HA;
    const ha: HaPlan = { ...rest, services: ['web.service', 'queue@a.service'] };
    assert.deepEqual(primitiveIds(clusterCib(ha)), [
      'slipway-unit-web',
      'slipway-unit-queue-a',
      'slipway-vip',
    ]);
    assert.ok(!formatXml(mergeCib(EMPTY, clusterCib(ha))).includes('linbit'));
  });

  it('begins the service on the first node, and does not bring it back there', () => {
    const text = formatXml(filled);
    assert.match(
      text,
      /<rsc_location id="slipway-service-first" rsc="slipway-service" node="n1" score="(\d+)"\/>/,
    );
    const [first = 0, stays = 0] = [/node="n1" score="(\d+)"/, /resource-stickiness" value="(\d+)"/].map(
      (pattern) => Number(pattern.exec(text)?.[1]),
    );
    assert.ok(first > 0 && first < stays);
  });

  it('is not touched when everything is in it, and keeps what others put there', () => {
    assert.equal(mergeCib(filled, clusterCib(HA)), filled);
    assert.equal(mergeCib(filled, clusterCib(HA), { prune: true }), filled);
    const foreign =
      '<rsc_location id="drbd-fence-by-handler-slipway-slipway-data-clone" rsc="slipway-data-clone"/>';
    const stopped =
      '<nvpair id="slipway-vip-meta_attributes-target-role" name="target-role" value="Stopped"/>';
    const others = parseXml(
      formatXml(filled)
        .replace('</constraints>', `${foreign}</constraints>`)
        .replace('<primitive id="slipway-vip"', `<primitive id="mine"/><primitive id="slipway-vip"`)
        .replace('</group>', `</group>${stopped}`),
    );
    assert.equal(mergeCib(others, clusterCib(HA), { prune: true }), others);
  });

  it('gets back what was changed or taken out of it, and loses what the plan no longer has', () => {
    for (const damage of [
      (text: string) => text.replace('value="10.77.0.100"', 'value="10.77.0.99"'),
      (text: string) => text.replace(/<rsc_order [^>]*\/>/, ''),
      (text: string) =>
        text.replace('name="stonith-enabled" value="false"', 'name="stonith-enabled" value="true"'),
    ]) {
      const damaged = parseXml(damage(formatXml(filled)));
      const mended = mergeCib(damaged, clusterCib(HA), { prune: true });
      assert.notEqual(mended, damaged);
      assert.equal(mergeCib(mended, clusterCib(HA)), mended);
    }
    const { vip: _, ...without } = HA;
    const less = mergeCib(filled, clusterCib(without), { prune: true });
    assert.ok(!formatXml(less).includes('slipway-vip'));
    assert.equal(mergeCib(filled, clusterCib(without)), filled, 'nothing is taken away unless asked for');
  });

  it('holds a mark of what was proven, for one plan', () => {
    const proven = mergeCib(filled, proofCib('abc'));
    assert.equal(mergeCib(proven, proofCib('abc')), proven);
    assert.notEqual(mergeCib(proven, proofCib('def')), proven);
  });
});

describe('fence devices', () => {
  const device = (kind: FenceDevicePlan['kind'], node: string): FenceDevicePlan => ({
    node,
    kind,
    address: '10.9.0.1',
    user: 'fence',
  });

  it('give the first node a head start, and never run on the node they switch off', () => {
    const ha: HaPlan = {
      ...HA,
      fencing: { kind: 'devices', devices: [device('ipmi', 'n1'), device('ipmi', 'n2')] },
    };
    const devices = fenceDevices(ha.fencing, ha.members);
    assert.deepEqual(
      devices.map(({ parameters }) => parameters['pcmk_delay_base']),
      ['5s', undefined],
    );
    const text = formatXml(mergeCib(EMPTY, fencingCib(ha)));
    assert.match(
      text,
      /<rsc_location id="slipway-fence-n1-elsewhere" rsc="slipway-fence-n1" node="n1" score="-INFINITY"\/>/,
    );
    assert.match(text, /name="stonith-enabled" value="true"/);
  });

  it('are told to Pacemaker in the words of their agents, without a password', () => {
    const told = (kind: FenceDevicePlan['kind']) =>
      fenceDevices({ kind: 'devices', devices: [{ ...device(kind, 'n2'), plug: 'p2' }] }, HA.members)[0];
    assert.deepEqual(told('ipmi'), {
      id: 'slipway-fence-n2',
      agent: 'fence_ipmilan',
      target: 'n2',
      parameters: {
        ip: '10.9.0.1',
        username: 'fence',
        password_script: 'cat /etc/slipway/fencing/n2',
        lanplus: 1,
        pcmk_host_list: 'n2',
      },
    });
    assert.equal(told('redfish')?.parameters['systems_uri'], 'p2');
    assert.equal(told('libvirt')?.parameters['identity_file'], '/etc/slipway/fencing/n2');
    assert.deepEqual(told('lab-switch')?.parameters, { url: '10.9.0.1', plug: 'p2', pcmk_host_list: 'n2' });
    const [sbd] = fenceDevices(
      { kind: 'sbd', watchdog: '/dev/watchdog', disks: ['/dev/sdx', '/dev/sdy'] },
      HA.members,
    );
    assert.deepEqual(sbd?.parameters, { devices: '/dev/sdx,/dev/sdy', pcmk_delay_max: '5s' });
  });
});

describe('what corosync and Pacemaker say', () => {
  it('is a quorum of named nodes', () => {
    const text = `Quorum information
------------------
Nodes:            2
Quorate:          Yes

Votequorum information
----------------------
Quorum:           1

Membership information
----------------------
    Nodeid      Votes Name
         1          1 10.77.0.11 (local)
         2          1 10.77.0.12
`;
    assert.deepEqual(parseQuorum(text), { quorate: true, members: [1, 2] });
    assert.equal(parseQuorum('Cannot initialize CMAP service'), undefined);
  });

  it('is nodes, resources and what failed', () => {
    const monitor = parseMonitor(`<?xml version="1.0"?><pacemaker-result><summary>
      <current_dc present="true" with_quorum="true" name="n1"/></summary>
      <nodes><node name="n1" online="true" pending="false"/><node name="n2" online="true" pending="true"/></nodes>
      <resources><clone id="c"><resource id="slipway-data" role="Promoted" active="true" failed="false"><node name="n1"/></resource></clone></resources>
      <failures><failure op_key="slipway-vip_start_0" node="n2" exitstatus="error" exitreason="no nic &amp; no net"/></failures>
      </pacemaker-result>`);
    assert.deepEqual(monitor, {
      withQuorum: true,
      hasController: true,
      nodes: [
        { name: 'n1', online: true, pending: false },
        { name: 'n2', online: true, pending: true },
      ],
      resources: [{ id: 'slipway-data', role: 'Promoted', active: true, failed: false, nodes: ['n1'] }],
      failures: ['slipway-vip_start_0 on n2: no nic & no net'],
    });
  });
});

describe('XML', () => {
  it('comes back as it was, whatever its values hold', () => {
    const text = `<a x="1 &lt; 2 &amp;&amp; &quot;3&quot;"><!-- gone --><b y='z'/><b><c/></b></a>`;
    const root = parseXml(text);
    assert.deepEqual(root.attributes, { x: '1 < 2 && "3"' });
    assert.deepEqual(parseXml(formatXml(root)), root);
    assert.equal(allOf(root, 'b').length, 2);
  });

  it('is refused when it does not close', () => {
    for (const text of ['', '<a>', '<a></b>', '<a/><b/>', 'words']) assert.throws(() => parseXml(text));
  });
});

describe('platforms', () => {
  it('are told by os-release, rebuilds of Enterprise Linux included', () => {
    const cases = {
      'ID=debian\nVERSION_ID="12"\n': 'embedded',
      'ID="rhel"\nVERSION_ID="9.4"\n': 'el9',
      'ID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="8.10"\n': 'el8',
      'ID="almalinux"\nID_LIKE="rhel centos fedora"\nVERSION_ID="10.0"\n': 'el10',
    };
    for (const [text, id] of Object.entries(cases)) assert.equal(platformOf(text)?.id, id);
    for (const text of ['', 'ID=arch\n', 'ID=rhel\nVERSION_ID=7.9\n'])
      assert.equal(platformOf(text), undefined);
  });

  it('keep the services of the cluster from starting by themselves', () => {
    for (const platform of Object.values(PLATFORMS))
      for (const unit of ['corosync', 'pacemaker', 'drbd', 'sbd'])
        assert.match(presetOf(platform), new RegExp(`^disable ${unit}\\.service$`, 'm'));
  });
});
