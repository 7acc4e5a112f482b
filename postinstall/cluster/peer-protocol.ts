/**
 * How two nodes prove to each other that they hold the same join secret, and ask each other one question. Four lines of
 * JSON over TCP; each side contributes a nonce, and every proof is an HMAC-SHA256 over both of them, over who speaks to
 * whom, and over what is said, so that nothing can be replayed, reflected or changed. Nothing secret is ever sent.
 *
 *     → hello      cluster, from, to, id of the secret, nonce
 *     ← challenge  cluster, from, id of the secret, nonce, proof
 *     → question   question, proof
 *     ← answer     answer, proof
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

export { AGENT_PORT as PEER_PORT } from '../../src/plan/types.ts';
export const PROTOCOL = 1;

/** What one node asks another. */
export type Question =
  | { readonly kind: 'inventory' }
  | { readonly kind: 'replication' }
  /** Consent to make the asking node's data the data of both. */
  | { readonly kind: 'consent'; readonly generation: string }
  /** Of a file on the replicated file system, below its mount point. */
  | { readonly kind: 'checksum'; readonly file: string };

export type Answer = Readonly<Record<string, string | number | boolean>>;

export interface Hello {
  readonly protocol: number;
  readonly cluster: string;
  readonly from: string;
  readonly to: string;
  readonly keyId: string;
  readonly nonce: string;
}

export interface Challenge {
  readonly cluster: string;
  readonly from: string;
  readonly keyId: string;
  readonly nonce: string;
  /** Absent when the hello was not to our liking: `cluster` and `keyId` tell why. */
  readonly proof?: string;
}

export interface Sealed<T> {
  readonly body: T;
  readonly proof: string;
}

/** What both sides know once the nonces are exchanged. */
export interface Exchange {
  readonly key: Uint8Array;
  readonly hello: Hello;
  readonly nonce: string;
}

/** Which of the three proofs of an exchange it is; a proof for one never holds for another. */
export type Purpose = 'challenge' | 'question' | 'answer';

/** Hex digits. `body` is the text that is proven, as it was sent. */
export function proofOf({ key, hello, nonce }: Exchange, purpose: Purpose, body: string): string {
  const { protocol, cluster, from, to } = hello;
  const words = [protocol, cluster, from, to, hello.nonce, nonce, purpose, body];
  return createHmac('sha256', key).update(JSON.stringify(words)).digest('hex');
}

export function isProof(exchange: Exchange, purpose: Purpose, body: string, given: unknown): boolean {
  if (typeof given !== 'string' || !/^[0-9a-f]{64}$/.test(given)) return false;
  return timingSafeEqual(Buffer.from(proofOf(exchange, purpose, body), 'hex'), Buffer.from(given, 'hex'));
}

export const seal = <T>(exchange: Exchange, purpose: Purpose, body: T): Sealed<T> => ({
  body,
  proof: proofOf(exchange, purpose, JSON.stringify(body)),
});

/** Throws when the seal does not hold. */
export function unseal(exchange: Exchange, purpose: Purpose, value: unknown): unknown {
  const { body, proof }: { body?: unknown; proof?: unknown } = isRecord(value) ? value : {};
  if (body === undefined || !isProof(exchange, purpose, JSON.stringify(body), proof))
    throw new Error(`the ${purpose} is not proven`);
  return body;
}

/** Why a node that says this cannot be our peer; undefined when it can. Names clusters, never secrets. */
export function strangeness(
  ours: { readonly cluster: string; readonly keyId: string },
  theirs: { readonly cluster: string; readonly keyId: string; readonly from: string },
): string | undefined {
  if (theirs.cluster !== ours.cluster)
    return `${theirs.from} belongs to cluster '${theirs.cluster}', and this node to '${ours.cluster}'`;
  if (theirs.keyId !== ours.keyId)
    return `${theirs.from} holds another join secret of cluster '${ours.cluster}' (${theirs.keyId}, here ${ours.keyId})`;
  return undefined;
}

export const isHello = (value: unknown): value is Hello =>
  isRecord(value) &&
  value['protocol'] === PROTOCOL &&
  hasWords(value, ['cluster', 'from', 'to', 'keyId', 'nonce']);

export const isChallenge = (value: unknown): value is Challenge =>
  isRecord(value) && hasWords(value, ['cluster', 'from', 'keyId', 'nonce']);

export const isAnswer = (value: unknown): value is Answer =>
  isRecord(value) &&
  Object.values(value).every((item) => ['string', 'number', 'boolean'].includes(typeof item));

export function isQuestion(value: unknown): value is Question {
  if (!isRecord(value)) return false;
  switch (value['kind']) {
    case 'inventory':
    case 'replication':
      return true;
    case 'consent':
      return typeof value['generation'] === 'string';
    case 'checksum':
      // It becomes a path.
      return typeof value['file'] === 'string' && /^\.?[\w-]+$/.test(value['file']);
    default:
      return false;
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

const hasWords = (value: Record<string, unknown>, keys: readonly string[]): boolean =>
  keys.every((key) => typeof value[key] === 'string');
