/** What Pacemaker is to do, as the elements of its configuration (the CIB). Pure. */
import type { HaPlan } from '../../src/plan/types.ts';
import { fenceDevices } from './fence-devices.ts';
import { REPLICATED_DEVICE } from './members.ts';
import { element, type XmlElement } from './xml.ts';

/** Ids of what is ours begin with it; everything else belongs to somebody else and stays. */
export const OWN_PREFIX = 'slipway-';
export const SERVICE = 'slipway-service';
export const DATA = 'slipway-data';
export const DATA_CLONE = 'slipway-data-clone';
const PROOF_SET = 'slipway-proof';

export type CibSection = 'crm_config' | 'resources' | 'constraints' | 'rsc_defaults';
export type DesiredCib = Readonly<Record<CibSection, readonly XmlElement[]>>;

const nvpairs = (
  name: string,
  id: string,
  values: Readonly<Record<string, string | number | boolean>>,
): XmlElement =>
  element(
    name,
    { id },
    Object.entries(values).map(([key, value]) =>
      element('nvpair', { id: `${id}-${key}`, name: key, value: String(value) }),
    ),
  );

interface Operation {
  readonly name: string;
  /** Seconds. */
  readonly interval?: number;
  readonly timeout: number;
  readonly role?: string;
}

interface Primitive {
  readonly id: string;
  readonly type: string;
  readonly agentClass: 'ocf' | 'stonith' | 'systemd';
  readonly provider?: string;
  readonly parameters: Readonly<Record<string, string | number>>;
  readonly operations: readonly Operation[];
}

function primitive({ id, type, agentClass, provider, parameters, operations }: Primitive): XmlElement {
  const kind = { class: agentClass, ...(provider === undefined ? {} : { provider }), type };
  return element('primitive', { id, ...kind }, [
    ...(Object.keys(parameters).length === 0
      ? []
      : [nvpairs('instance_attributes', `${id}-parameters`, parameters)]),
    element(
      'operations',
      {},
      operations.map(({ name, interval = 0, timeout, role }) =>
        element('op', {
          id: `${id}-${name}-${interval}s`,
          name,
          interval: `${interval}s`,
          timeout: `${timeout}s`,
          ...(role === undefined ? {} : { role }),
        }),
      ),
    ),
  ]);
}

/** The set our options are in. */
const OPTIONS = 'slipway-options';
/**
 * Seconds a starting node waits for word from one that decides before it stands for election. Pacemaker's own 20 s are
 * for networks slower than a cluster's, and go by at every first start.
 */
const AT_START = { 'dc-deadtime': '5s' } as const;

/** The oldest that knows the roles Promoted and Unpromoted: that of Pacemaker 2.1.0. */
const SCHEMA = 'pacemaker-3.7';

/** What Pacemaker reads when it starts for the first time: no more than how long it waits for others. */
export const firstCib = (): XmlElement =>
  element('cib', { 'validate-with': SCHEMA, admin_epoch: '0', epoch: '0', num_updates: '0' }, [
    element('configuration', {}, [
      element('crm_config', {}, [nvpairs('cluster_property_set', OPTIONS, AT_START)]),
      ...['nodes', 'resources', 'constraints'].map((name) => element(name, {})),
    ]),
    element('status', {}),
  ]);

const canFence = (fencing: HaPlan['fencing']): boolean => fencing.kind !== 'none';

/** The options of the cluster and its fence devices: all there is before the resources. */
export function fencingCib({ members, fencing }: HaPlan): DesiredCib {
  const devices = fenceDevices(fencing, members);
  return {
    crm_config: [
      nvpairs('cluster_property_set', OPTIONS, { ...AT_START, 'stonith-enabled': canFence(fencing) }),
    ],
    rsc_defaults: [nvpairs('meta_attributes', 'slipway-defaults', { 'resource-stickiness': 100 })],
    resources: devices.map(({ id, agent, parameters }) =>
      primitive({
        id,
        agentClass: 'stonith',
        type: agent,
        parameters,
        operations: [{ name: 'monitor', interval: 60, timeout: 60 }],
      }),
    ),
    // A node does not watch over the device that switches it off.
    constraints: devices.flatMap(({ id, target }) =>
      target === undefined
        ? []
        : [element('rsc_location', { id: `${id}-elsewhere`, rsc: id, node: target, score: '-INFINITY' })],
    ),
  };
}

/** Everything: fencing, the replicated data, and the service that follows it. */
export function clusterCib(ha: HaPlan): DesiredCib {
  const before = fencingCib(ha);
  const service = serviceResources(ha);
  if (service.length === 0) return before;
  const group = element('group', { id: SERVICE }, service);
  const constraints = [...before.constraints, ...firstPlace(ha)];
  if (ha.replication === undefined)
    return { ...before, resources: [...before.resources, group], constraints };
  const follows = { 'with-rsc': DATA_CLONE, 'with-rsc-role': 'Promoted' };
  const first = { first: DATA_CLONE, 'first-action': 'promote' };
  return {
    ...before,
    resources: [...before.resources, replicatedData(ha.replication.resource), group],
    constraints: [
      ...constraints,
      element('rsc_colocation', {
        id: 'slipway-service-with-data',
        rsc: SERVICE,
        ...follows,
        score: 'INFINITY',
      }),
      element('rsc_order', {
        id: 'slipway-service-after-data',
        ...first,
        // biome-ignore lint/suspicious/noThenProperty: the attribute is called so.
        then: SERVICE,
        'then-action': 'start',
        kind: 'Mandatory',
      }),
    ],
  };
}

/**
 * Where nothing else speaks for a node the service begins on the first one. Less than the stickiness: it does not go back
 * there by itself.
 */
const firstPlace = ({ members }: HaPlan): readonly XmlElement[] =>
  members
    .slice(0, 1)
    .map(({ name }) =>
      element('rsc_location', { id: 'slipway-service-first', rsc: SERVICE, node: name, score: '10' }),
    );

/** Time-outs as the agents' own metadata advises. */
function replicatedData(resource: string): XmlElement {
  const data = primitive({
    id: DATA,
    agentClass: 'ocf',
    provider: 'linbit',
    type: 'drbd',
    parameters: { drbd_resource: resource },
    operations: [
      { name: 'start', timeout: 240 },
      { name: 'promote', timeout: 90 },
      { name: 'demote', timeout: 90 },
      { name: 'stop', timeout: 100 },
      { name: 'notify', timeout: 90 },
      { name: 'monitor', interval: 29, timeout: 20, role: 'Promoted' },
      { name: 'monitor', interval: 31, timeout: 20, role: 'Unpromoted' },
    ],
  });
  const meta = nvpairs('meta_attributes', `${DATA_CLONE}-meta`, {
    promotable: true,
    'promoted-max': 1,
    'promoted-node-max': 1,
    'clone-max': 2,
    'clone-node-max': 1,
    notify: true,
  });
  return element('clone', { id: DATA_CLONE }, [meta, data]);
}

/** In the order they are started: file system, units, and the address last, when there is something behind it. */
function serviceResources({ replication, vip, services }: HaPlan): readonly XmlElement[] {
  const fileSystem =
    replication &&
    primitive({
      id: 'slipway-files',
      agentClass: 'ocf',
      provider: 'heartbeat',
      type: 'Filesystem',
      parameters: {
        device: REPLICATED_DEVICE,
        directory: replication.mountPoint,
        fstype: replication.fileSystem,
      },
      operations: [
        { name: 'start', timeout: 60 },
        { name: 'stop', timeout: 60 },
        { name: 'monitor', interval: 20, timeout: 40 },
      ],
    });
  const units = services.map((unit) =>
    primitive({
      id: `slipway-unit-${unit.replace(/\.service$/, '').replace(/[^\w-]/g, '-')}`,
      agentClass: 'systemd',
      type: unit.replace(/\.service$/, ''),
      parameters: {},
      operations: [
        { name: 'start', timeout: 100 },
        { name: 'stop', timeout: 100 },
        { name: 'monitor', interval: 60, timeout: 100 },
      ],
    }),
  );
  const address =
    vip &&
    primitive({
      id: 'slipway-vip',
      agentClass: 'ocf',
      provider: 'heartbeat',
      type: 'IPaddr2',
      parameters: { ip: vip.address, cidr_netmask: vip.prefixLength },
      operations: [
        { name: 'start', timeout: 20 },
        { name: 'stop', timeout: 20 },
        { name: 'monitor', interval: 10, timeout: 20 },
      ],
    });
  return [fileSystem, ...units, address].filter((one) => one !== undefined);
}

/** A mark that this very configuration was seen to move there and back. */
export const proofCib = (hash: string): DesiredCib => ({
  crm_config: [nvpairs('cluster_property_set', PROOF_SET, { 'slipway-proven': hash })],
  resources: [],
  constraints: [],
  rsc_defaults: [],
});

/** Ids of primitives that run once, somewhere. */
export function primitiveIds(desired: DesiredCib): readonly string[] {
  return desired.resources.flatMap((top) =>
    (top.name === 'group' ? top.children : [top])
      .filter(({ name }) => name === 'primitive')
      .map(({ attributes }) => attributes['id'] ?? ''),
  );
}
