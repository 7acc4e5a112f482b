/** Questions to the other nodes of the cluster, and answers to theirs, over TCP. See peer-protocol.ts. */
import { randomBytes } from 'node:crypto';
import { createServer, connect as dial, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { StepFailure } from '../../src/engine/failure.ts';
import type { Machine } from '../../src/engine/machine.ts';
import {
  type Answer,
  type Exchange,
  type Hello,
  isAnswer,
  isChallenge,
  isHello,
  isProof,
  isQuestion,
  PEER_PORT,
  PROTOCOL,
  proofOf,
  type Question,
  seal,
  strangeness,
  unseal,
} from './peer-protocol.ts';

/** With what this node presents itself. */
export interface Identity {
  readonly cluster: string;
  readonly name: string;
  readonly key: Uint8Array;
  readonly keyId: string;
}

export interface PeerAddress {
  readonly name: string;
  readonly address: string;
}

export type Answerer = (question: Question, from: string) => Promise<Answer>;

export interface PeerLink {
  /**
   * Answers peers at `address` from now on, until the process ends; a later call replaces who we are and what we answer.
   * Rejects with a StepFailure of class `transient` when the address cannot be listened at (yet). `answers` is given a
   * machine that outlasts the step that asks for this.
   */
  listen(address: string, identity: Identity, answers: (machine: Machine) => Answerer): Promise<void>;
  /**
   * Asks one question. Rejects with a StepFailure: `waiting-peer` when nobody answers, `waiting-operator` when it asked us
   * before with another secret, `refused-foreign-data` when who answers does not hold ours.
   */
  ask(identity: Identity, peer: PeerAddress, question: Question): Promise<Answer>;
}

/** Milliseconds for a connection, and for each line of the other side. */
const CONNECT_MS = 3_000;
const LINE_MS = 30_000;
/** Characters; our lines are a few hundred. */
const LONGEST_LINE = 16_384;
/** What a stranger says of itself is shown on consoles, where other characters could do harm. */
const PLAIN_NAME = /^[\w.-]{1,64}$/;
const SAME_MEDIUM = 'give both nodes the key medium of this cluster';

export function tcpPeers(machine: Machine, port = PEER_PORT): PeerLink {
  let server: Server | undefined;
  let host: { readonly identity: Identity; readonly answer: Answerer } | undefined;
  // Nodes that asked us, and whom we cannot know: once they have given up nobody answers there any more.
  const strangers = new Map<string, string>();
  const meet = (from: string, why: string): void => {
    if (PLAIN_NAME.test(from)) strangers.set(from, why);
  };
  return {
    async listen(address, identity, answers) {
      host = { identity, answer: answers(machine) };
      if (server !== undefined) return;
      const made = createServer((socket) => {
        if (host === undefined) socket.destroy();
        else void answerOne(socket, host.identity, host.answer, meet).catch(() => socket.destroy());
      });
      await listening(made, address, port);
      // It serves while steps run and must not keep the process alive after them.
      made.unref();
      server = made;
    },
    async ask(identity, peer, question) {
      try {
        const answer = await askOne(identity, peer, question, port);
        strangers.delete(peer.name);
        return answer;
      } catch (error) {
        const strange = strangers.get(peer.name);
        const isSilent = error instanceof StepFailure && error.failureClass === 'waiting-peer';
        // Anybody may say such a thing, so that it ends nothing: it only tells a person where to look.
        if (!isSilent || strange === undefined) throw error;
        throw new StepFailure('waiting-operator', `${error.message}; and ${strange}`, SAME_MEDIUM);
      }
    },
  };
}

function listening(server: Server, address: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(new StepFailure('transient', `cannot listen at ${address} port ${port}: ${error.message}`)),
    );
    server.listen({ host: address, port }, resolve);
  });
}

async function askOne(
  identity: Identity,
  peer: PeerAddress,
  question: Question,
  port: number,
): Promise<Answer> {
  const { cluster, name, keyId, key } = identity;
  const silent = (why: string): StepFailure =>
    new StepFailure(
      'waiting-peer',
      `${peer.name} does not answer at ${peer.address}: ${why}`,
      'start it; see its console',
    );
  const socket = await connected(peer.address, port).catch((error: unknown) => {
    throw silent(reason(error));
  });
  const lines = linesOf(socket);
  try {
    const hello: Hello = { protocol: PROTOCOL, cluster, from: name, to: peer.name, keyId, nonce: newNonce() };
    const challenge = await send(socket, lines, hello);
    if (!isChallenge(challenge)) throw new Error('it speaks another language');
    const strange = strangeness(identity, challenge);
    if (strange !== undefined) throw refused(strange);
    if (challenge.from !== peer.name)
      throw refused(`${peer.address} is ${challenge.from}, and not ${peer.name}`);
    const exchange: Exchange = { key, hello, nonce: challenge.nonce };
    if (!isProof(exchange, 'challenge', challenge.from, challenge.proof))
      throw refused(
        `${peer.name} at ${peer.address} cannot prove that it holds the join secret of '${cluster}'`,
      );
    const answer = unseal(
      exchange,
      'answer',
      await send(socket, lines, seal(exchange, 'question', question)),
    );
    if (!isAnswer(answer)) throw new Error('its answer is none');
    return answer;
  } catch (error) {
    throw error instanceof StepFailure ? error : silent(reason(error));
  } finally {
    socket.destroy();
  }
}

async function answerOne(
  socket: Socket,
  identity: Identity,
  answer: Answerer,
  onStranger: (from: string, why: string) => void,
): Promise<void> {
  const { cluster, name, keyId, key } = identity;
  const lines = linesOf(socket);
  try {
    const hello = await nextLine(lines);
    if (!isHello(hello)) return;
    const nonce = newNonce();
    const known = { cluster, from: name, keyId, nonce };
    const strange = strangeness(identity, hello);
    if (strange !== undefined && PLAIN_NAME.test(hello.cluster) && PLAIN_NAME.test(hello.keyId))
      onStranger(hello.from, strange);
    if (hello.to !== name || strange !== undefined) {
      write(socket, known);
      return;
    }
    const exchange: Exchange = { key, hello, nonce };
    const question = await send(socket, lines, { ...known, proof: proofOf(exchange, 'challenge', name) });
    const asked = unseal(exchange, 'question', question);
    if (!isQuestion(asked)) return;
    const said = await answer(asked, hello.from).catch(
      (error: unknown): Answer => ({ error: reason(error) }),
    );
    write(socket, seal(exchange, 'answer', said));
  } finally {
    socket.end();
  }
}

const refused = (why: string): StepFailure => new StepFailure('refused-foreign-data', why, SAME_MEDIUM);

const newNonce = (): string => randomBytes(32).toString('hex');

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function connected(address: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = dial({ host: address, port, timeout: CONNECT_MS });
    const fail = (error: Error): void => {
      socket.destroy();
      reject(error);
    };
    socket.once('error', fail);
    socket.once('timeout', () => fail(new Error(`no connection within ${CONNECT_MS / 1000} s`)));
    socket.once('connect', () => {
      socket.off('error', fail);
      resolve(socket);
    });
  });
}

type Lines = AsyncIterator<string>;

function linesOf(socket: Socket): Lines {
  socket.setTimeout(LINE_MS, () => socket.destroy(new Error(`silent for ${LINE_MS / 1000} s`)));
  let length = 0;
  // A line that does not end is ended by us.
  socket.on('data', (chunk) => {
    length += chunk.length;
    if (length > 4 * LONGEST_LINE) socket.destroy(new Error('it talks too much'));
  });
  // Reading fails with it; this keeps it from being nobody's.
  socket.on('error', () => {});
  const lines = createInterface({ input: socket, crlfDelay: Number.POSITIVE_INFINITY });
  // A connection that breaks has no end of its text.
  socket.once('close', () => lines.close());
  return lines[Symbol.asyncIterator]();
}

const write = (socket: Socket, value: unknown): void => {
  socket.write(`${JSON.stringify(value)}\n`);
};

async function send(socket: Socket, lines: Lines, value: unknown): Promise<unknown> {
  write(socket, value);
  return nextLine(lines);
}

async function nextLine(lines: Lines): Promise<unknown> {
  const { done, value } = await lines.next();
  if (done) throw new Error('it hung up');
  return JSON.parse(value);
}
