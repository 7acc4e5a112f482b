import { StepFailure } from '../../src/engine/failure.ts';
import type { Machine } from '../../src/engine/machine.ts';
import type { InterfacePlan } from '../../src/plan/types.ts';
import type { AgentStep, NodeFacts } from '../agent-step.ts';
import { cardsOf, findLink, type Link, readLinks } from '../links.ts';

/** Milliseconds that the platform's own network daemon is given before it is asked again, and after that. */
const SETTLE_MS = 20_000;
const POLL_MS = 500;

/** The network is the planned one: each card is there, linked, and has its address. */
export const matchInterfaces: AgentStep = {
  id: 'match-interfaces',
  title: 'Network interfaces',
  after: ['set-identity'],
  checks:
    'Each interface of the plan, found by its MAC address (ip address): up, linked, and with its address.',
  byHand:
    'ip address; networkctl status, or nmcli device; a card that was replaced has another MAC address: spec, `mac`.',

  async check(machine, { plan }) {
    const links = await linksFor(machine, plan.interfaces);
    const wrong = plan.interfaces.flatMap((one) => problemOf(one, links)?.why ?? []);
    if (wrong.length > 0) return { done: false, why: wrong.join('; ') };
    return { done: true, evidence: { interfaces: plan.interfaces.flatMap((one) => evidenceOf(one, links)) } };
  },

  async apply(machine, { plan }, say) {
    let links = await untilRight(machine, plan.interfaces);
    for (const one of plan.interfaces) {
      const link = findLink(one, links);
      if (link === undefined || problemOf(one, links)?.kind !== 'address') continue;
      say(`setting up ${link.name} again: ${problemOf(one, links)?.why}`);
      await setUpAgain(machine, link);
      links = await untilRight(machine, plan.interfaces);
    }
    throwFor(plan, links);
  },
};

interface Problem {
  readonly kind: 'missing' | 'no-link' | 'address';
  readonly why: string;
}

/** Nothing is asked of a plan without interfaces. */
const linksFor = (machine: Machine, interfaces: readonly InterfacePlan[]): Promise<readonly Link[]> =>
  interfaces.length === 0 ? Promise.resolve([]) : readLinks(machine);

function problemOf(one: InterfacePlan, links: readonly Link[]): Problem | undefined {
  const link = findLink(one, links);
  if (link === undefined) {
    const cards = cardsOf(one);
    // "The first wired interface", on a machine that has none, is nothing that the plan could name.
    if (cards.length === 0) return undefined;
    return { kind: 'missing', why: `${one.name}: no interface on ${cards.join(', ')}` };
  }
  if (!link.isUp || !link.hasCarrier)
    return { kind: 'no-link', why: `${one.name}: ${link.name} has no link` };
  const hasIt = one.address === 'dhcp' ? link.addresses.length > 0 : link.addresses.includes(one.address);
  if (hasIt) return undefined;
  const wanted = one.address === 'dhcp' ? 'no address by DHCP' : `not the address ${one.address}`;
  return { kind: 'address', why: `${one.name}: ${link.name} has ${wanted}` };
}

function evidenceOf(one: InterfacePlan, links: readonly Link[]): readonly string[] {
  const link = findLink(one, links);
  return [
    link === undefined
      ? `${one.name}: no wired card`
      : `${one.name}: ${link.name} ${link.addresses.join(', ')}`,
  ];
}

/** The links once all is right, or as they are when the time is over. */
async function untilRight(machine: Machine, interfaces: readonly InterfacePlan[]): Promise<readonly Link[]> {
  const until = machine.now() + SETTLE_MS;
  for (;;) {
    const links = await linksFor(machine, interfaces);
    const isRight = interfaces.every((one) => problemOf(one, links) === undefined);
    if (isRight || machine.now() >= until) return links;
    await machine.sleep(POLL_MS);
  }
}

async function setUpAgain(machine: Machine, { name }: Link): Promise<void> {
  const isNetworkd = await machine.exists('/run/systemd/netif/links');
  await machine.exec(
    isNetworkd
      ? { file: 'networkctl', args: ['reconfigure', name], effect: 'write' }
      : {
          file: 'nmcli',
          args: ['--wait', '15', 'device', 'connect', name],
          effect: 'write',
          accept: [0, 3, 4],
        },
  );
}

/** A card that is not there stays away; a cable is plugged in by somebody, and a DHCP server started. */
function throwFor({ interfaces }: NodeFacts['plan'], links: readonly Link[]): void {
  const problems = interfaces.flatMap((one) => {
    const problem = problemOf(one, links);
    return problem === undefined ? [] : [{ ...problem, isDhcp: one.address === 'dhcp' }];
  });
  if (problems.length === 0) return;
  const why = problems.map((problem) => problem.why).join('; ');
  if (problems.some(({ kind }) => kind === 'missing')) {
    const there = links.filter(({ kind }) => kind === undefined).map(({ name, mac }) => `${name} ${mac}`);
    throw new StepFailure(
      'verify-failed',
      `${why}; there are ${there.join(', ') || 'no cards at all'}`,
      'fit the card, or correct `mac` in the spec and install again',
    );
  }
  if (problems.every(({ kind, isDhcp }) => kind === 'no-link' || isDhcp))
    throw new StepFailure(
      'waiting-operator',
      why,
      'plug in the cable, or look after the switch and its DHCP server',
    );
  throw new StepFailure('verify-failed', why, 'look into the log of systemd-networkd or NetworkManager');
}
