/** Who proved to hold our secret, from the same plan. No more than a note of an exchange: the secret is what counts. */
import type { Machine } from '../../src/engine/machine.ts';

const ENROLLED_PATH = '/etc/slipway/peers.json';

export interface Enrolled {
  /** Id of the secret. */
  readonly secret: string;
  readonly inventory: string;
  readonly peers: readonly string[];
}

export async function readEnrolled(machine: Machine): Promise<Enrolled | undefined> {
  const text = await machine.readFile(ENROLLED_PATH);
  if (text === undefined) return undefined;
  try {
    const value: Partial<Enrolled> = JSON.parse(text);
    const { secret = '', inventory = '', peers = [] } = value;
    return { secret, inventory, peers };
  } catch {
    return undefined;
  }
}

export const writeEnrolled = (machine: Machine, enrolled: Enrolled): Promise<void> =>
  machine.writeFile(ENROLLED_PATH, `${JSON.stringify(enrolled)}\n`, 0o600);
