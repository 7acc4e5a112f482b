/**
 * How a lab's other commands reach its machines: a socket in the file system. A client sends one line of JSON; for a
 * console the connection then is the console, for everything else one line of JSON comes back.
 */
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { FailedError } from '../errors/exit.ts';
import type { LabEngine } from './lab-plan.ts';

export type ControlRequest =
  | { readonly ask: 'console'; readonly node: string }
  | { readonly ask: 'screenshot'; readonly node: string; readonly file: string }
  /** All machines are ended and start again, freshly installed; answered as soon as they start. */
  | { readonly ask: 'refresh'; readonly engine: RefreshEngine };

/** What runs the installed nodes from now on. */
export type RefreshEngine =
  | Pick<Extract<LabEngine, { kind: 'qemu' }>, 'kind' | 'acceleration'>
  | Pick<Extract<LabEngine, { kind: 'uml' }>, 'kind' | 'images'>;

export type ControlAnswer = { readonly done: true } | { readonly error: string };

export interface ControlHandlers {
  /** What connects a console with a stream until either closes. @throws when there is no such machine. */
  console(node: string): (stream: Socket) => void;
  screenshot(node: string, file: string): Promise<void>;
  /** @throws when there is nothing to begin from. */
  refresh(engine: RefreshEngine): Promise<void>;
}

/** Serves until it is closed. */
export function serveControl(path: string, handlers: ControlHandlers): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy()); // a client that went away
    void firstLine(socket).then((line) => answer(line, socket, handlers));
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => resolve(server));
  });
}

async function answer(line: string, socket: Socket, handlers: ControlHandlers): Promise<void> {
  const say = (reply: ControlAnswer): void => void socket.write(`${JSON.stringify(reply)}\n`);
  try {
    const request: ControlRequest = JSON.parse(line);
    if (request.ask === 'console') {
      const attach = handlers.console(request.node);
      say({ done: true });
      return attach(socket);
    }
    if (request.ask === 'refresh') await handlers.refresh(request.engine);
    else await handlers.screenshot(request.node, request.file);
    say({ done: true });
  } catch (error) {
    say({ error: error instanceof Error ? error.message : String(error) });
  }
  socket.end();
}

/**
 * Asks the lab for something. The socket that comes back is paused; it is open for a console, and about to close for
 * everything else.
 * @throws {FailedError} with the lab's own words when it cannot, or is not there.
 */
export async function askLab(path: string, request: ControlRequest): Promise<Socket> {
  const socket = await connect(path);
  socket.write(`${JSON.stringify(request)}\n`);
  const line = await firstLine(socket);
  const reply: ControlAnswer = line === '' ? { error: 'the lab ended before it answered' } : JSON.parse(line);
  if ('done' in reply) return socket;
  socket.destroy();
  throw new FailedError(reply.error);
}

function connect(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path, () => resolve(socket));
    socket.once('error', (error) => reject(new FailedError(`the lab does not answer: ${error.message}`)));
  });
}

/** The first line, without what follows it, which stays to be read; empty when there is none. */
function firstLine(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = Buffer.alloc(0);
    const settle = (line: string, rest: Buffer): void => {
      socket.off('data', onData);
      socket.off('close', onClose);
      socket.pause();
      if (rest.length > 0) socket.unshift(rest);
      resolve(line);
    };
    const onData = (chunk: Buffer): void => {
      text = Buffer.concat([text, chunk]);
      const end = text.indexOf('\n');
      if (end >= 0) settle(text.toString('utf8', 0, end), text.subarray(end + 1));
    };
    const onClose = (): void => settle('', Buffer.alloc(0));
    socket.on('data', onData);
    socket.once('close', onClose);
  });
}
