/** The nodes a command reaches over SSH, as they are typed: `node-a` or `node-a=SHA256:…`. */
import type { Plan } from '../plan/types.ts';
import type { NodeTarget } from '../secrets/node-shell.ts';

/** Ends with exit code 1 and a sentence about what was typed. */
export type Refuse = (message: string) => never;

export function nodeTarget(word: string, { nodes }: Plan, refuse: Refuse): NodeTarget {
  const [name = '', fingerprint] = word.split(/=(.*)/s, 2);
  const node = nodes.find((one) => one.name === name);
  const address = node?.hosts.find((host) => host.name === name)?.address;
  if (node === undefined)
    return refuse(`there is no node '${name}'; there are ${nodes.map((one) => one.name).join(', ')}`);
  if (address === undefined) return refuse(`'${name}' has no fixed address to be reached at`);
  if (fingerprint !== undefined && !/^SHA256:[A-Za-z0-9+/]{43}$/.test(fingerprint))
    return refuse(`'${fingerprint}' is not the fingerprint of a host key; it looks like SHA256:...`);
  return { node: name, address, ...(fingerprint === undefined ? {} : { fingerprint }) };
}
