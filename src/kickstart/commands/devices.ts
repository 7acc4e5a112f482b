/** Storage behind networks and special hardware. */
import {
  type Check,
  type CommandSpec,
  choice,
  EVERYWHERE,
  FEDORA,
  FROM_RHEL9,
  flag,
  integer,
  list,
  text,
} from '../spec.ts';
import { parseList } from '../values.ts';
import { atLeastOne, atMostArguments, atMostOne, conflict } from './checks.ts';

const zfcpAllOrNothing: Check = (line) => {
  if (!line.has('--devnum')) return { rule: 'missing-option', message: "'--devnum' needs a value" };
  if (line.has('--wwpn') === line.has('--fcplun')) return undefined;
  return { rule: 'missing-option', message: '--wwpn and --fcplun are given both or not at all' };
};

const nvdimmTarget: Check = (line) => {
  const action = line.line.positionals[0]?.text;
  if (action === 'reconfigure' && !line.has('--namespace')) {
    return { rule: 'missing-option', message: "'reconfigure' needs --namespace" };
  }
  if (action === 'reconfigure' && !line.has('--sectorsize')) {
    return { rule: 'missing-option', message: "'reconfigure' in mode 'sector' needs --sectorsize" };
  }
  if (action === 'use' && !line.has('--namespace') && !line.has('--blockdevs')) {
    return { rule: 'missing-option', message: "'use' needs --namespace or --blockdevs" };
  }
  return undefined;
};

const driverDiskSource: Check = (line) => {
  const option = ['--source', '--biospart'].find((name) => line.has(name));
  const [partition] = line.line.positionals;
  if (partition !== undefined && option !== undefined) {
    return conflict(line, option, `${option} and a partition exclude each other`);
  }
  return partition === undefined ? atLeastOne('--source', '--biospart')(line) : undefined;
};

export const DEVICES: readonly CommandSpec[] = [
  {
    names: ['fcoe'],
    summary: 'Activates FCoE devices of a network interface.',
    options: [text('--nic', { required: EVERYWHERE }), flag('--dcb'), flag('--autovlan')],
    unique: { what: 'FCoE device of the interface', key: (line) => line.value('--nic') },
  },
  {
    names: ['iscsi'],
    summary: 'Attaches an iSCSI target.',
    options: [
      text('--ipaddr', { required: EVERYWHERE }),
      integer('--port'),
      text('--target'),
      text('--iface'),
      text('--user'),
      text('--password'),
      text('--reverse-user'),
      text('--reverse-password'),
    ],
  },
  {
    names: ['iscsiname'],
    summary: 'Names this machine for iSCSI.',
    positionals: [{ name: 'iqn', count: 'one' }],
  },
  {
    names: ['zfcp'],
    summary: 'Attaches a Fibre Channel device of an IBM Z.',
    options: [
      text('--devnum', { required: EVERYWHERE }),
      text('--wwpn', { required: ['rhel8'] }),
      text('--fcplun', { required: ['rhel8'] }),
    ],
    unique: {
      what: 'Fibre Channel device',
      key: (line) => ['--devnum', '--wwpn', '--fcplun'].map((option) => line.value(option) ?? '').join(' '),
    },
    checks: [(line) => (line.release === 'rhel8' ? undefined : zfcpAllOrNothing(line))],
  },
  {
    names: ['nvdimm'],
    summary: 'Uses or reconfigures non-volatile memory.',
    deprecated: FEDORA,
    removed: ['rhel10'],
    positionals: [{ name: 'action', count: 'one', choices: ['reconfigure', 'use'] }],
    options: [
      text('--namespace'),
      list('--blockdevs'),
      choice('--mode', ['sector']),
      integer('--sectorsize', { unit: 'bytes' }),
    ],
    unique: {
      what: 'NVDIMM action',
      key: (line) => {
        const namespace = line.value('--namespace') ?? '';
        const devices = parseList(line.value('--blockdevs') ?? '');
        const action = line.line.positionals[0]?.text;
        return namespace === '' && devices.length === 0
          ? undefined
          : JSON.stringify([action, namespace, devices]);
      },
    },
    checks: [atMostOne('--namespace', '--blockdevs'), nvdimmTarget],
  },
  {
    names: ['driverdisk'],
    summary: 'Loads drivers from a disk.',
    positionals: [{ name: 'partition', count: 'many' }],
    options: [text('--source'), text('--biospart')],
    checks: [atMostArguments(1), atMostOne('--source', '--biospart'), driverDiskSource],
  },
  { names: ['device'], summary: 'Loaded a kernel module.', deprecated: ['rhel8'], removed: FROM_RHEL9 },
  { names: ['deviceprobe'], summary: 'Chose buses to probe.', deprecated: ['rhel8'], removed: FROM_RHEL9 },
  { names: ['dmraid'], summary: 'Named firmware RAID devices.', deprecated: ['rhel8'], removed: FROM_RHEL9 },
  { names: ['multipath'], summary: 'Named multipath devices.', deprecated: ['rhel8'], removed: FROM_RHEL9 },
];
