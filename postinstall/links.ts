/** The network links of a machine as iproute2 tells them, and which of them a plan's interface is. */
import type { Machine } from '../src/engine/machine.ts';
import type { InterfacePlan } from '../src/plan/types.ts';

export interface Link {
  readonly name: string;
  /** Lower case; the card's own, also where it is a port of a bond and answers to another. */
  readonly mac: string;
  /** `bond`, `vlan`, `bridge`, …; undefined for a card. */
  readonly kind?: string;
  /** The bond or bridge it is a port of. */
  readonly master?: string;
  /** What a VLAN lies on, and its number. */
  readonly under?: string;
  readonly vlan?: number;
  readonly isUp: boolean;
  readonly hasCarrier: boolean;
  /** Of global scope, with prefix length. */
  readonly addresses: readonly string[];
}

/** Every Ethernet link. */
export const readLinks = async (machine: Machine): Promise<readonly Link[]> =>
  (await askLinks(machine)).flatMap((link) => parseLink(link) ?? []);

/** Every IPv4 address of the machine, on links of whatever kind, without prefix length. */
export async function readAddresses(machine: Machine): Promise<readonly string[]> {
  const addresses = (await askLinks(machine)).flatMap(({ addr_info: info }) =>
    Array.isArray(info) ? info.filter(isFields) : [],
  );
  return addresses.filter(({ family }) => family === 'inet').map(({ local }) => textOf(local));
}

async function askLinks(machine: Machine): Promise<readonly Fields[]> {
  const { stdout } = await machine.exec({
    file: 'ip',
    args: ['-details', '-json', 'address', 'show'],
    effect: 'read',
  });
  const links: unknown = JSON.parse(stdout);
  return Array.isArray(links) ? links.filter(isFields) : [];
}

/** The link that an interface of the plan is; undefined when it is not there. */
export function findLink({ mac, bond, vlan }: InterfacePlan, links: readonly Link[]): Link | undefined {
  const cards = links.filter(({ kind }) => kind === undefined);
  const port = cards.find((card) =>
    bond === undefined ? mac === undefined || card.mac === mac : bond.macs.includes(card.mac),
  );
  const base =
    bond === undefined ? port : links.find(({ name, kind }) => kind === 'bond' && name === port?.master);
  if (vlan === undefined || base === undefined) return base;
  return links.find((link) => link.kind === 'vlan' && link.vlan === vlan && link.under === base.name);
}

/** Cards that carry an interface of the plan: its own, or the ports of its bond. */
export const cardsOf = ({ mac, bond }: InterfacePlan): readonly string[] =>
  bond?.macs ?? (mac === undefined ? [] : [mac]);

type Fields = Readonly<Record<string, unknown>>;
const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null;
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

function parseLink(value: Fields): Link | undefined {
  if (value['link_type'] !== 'ether') return undefined;
  const info = isFields(value['linkinfo']) ? value['linkinfo'] : {};
  const data = isFields(info['info_data']) ? info['info_data'] : {};
  const flags = Array.isArray(value['flags']) ? value['flags'] : [];
  const [kind, master, under] = [textOf(info['info_kind']), textOf(value['master']), textOf(value['link'])];
  return {
    name: textOf(value['ifname']),
    mac: (textOf(value['permaddr']) || textOf(value['address'])).toLowerCase(),
    ...(kind === '' ? {} : { kind }),
    ...(master === '' ? {} : { master }),
    ...(under === '' ? {} : { under }),
    ...(typeof data['id'] === 'number' ? { vlan: data['id'] } : {}),
    isUp: flags.includes('UP'),
    hasCarrier: flags.includes('LOWER_UP'),
    addresses: (Array.isArray(value['addr_info']) ? value['addr_info'] : []).flatMap((one) =>
      isFields(one) && one['scope'] === 'global'
        ? [`${textOf(one['local'])}/${String(one['prefixlen'])}`]
        : [],
    ),
  };
}
