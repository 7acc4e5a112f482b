/** QEMU's control channel: one JSON object a line (QMP specification, docs/interop/qmp-spec in QEMU). */
import type { Duplex } from 'node:stream';

interface QmpReply {
  readonly id?: number;
  readonly return?: unknown;
  readonly error?: { readonly desc: string };
  readonly event?: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

export class QmpClient {
  readonly #channel: Duplex;
  readonly #pending = new Map<
    number,
    { resolve: (value: unknown) => void; reject: (error: Error) => void }
  >();
  readonly #onEvent: (name: string, data: Readonly<Record<string, unknown>>) => void;
  #next = 1;
  #rest = '';
  #closed = false;

  constructor(
    channel: Duplex,
    onEvent: (name: string, data: Readonly<Record<string, unknown>>) => void = () => undefined,
  ) {
    this.#channel = channel;
    this.#onEvent = onEvent;
    channel.setEncoding('utf8');
    channel.on('data', (text: string) => this.#receive(text));
    channel.on('close', () => this.#close());
    // A machine that ends takes its channel along; whoever waits for an answer hears of it through `close`.
    channel.on('error', () => this.#close());
  }

  /** Leaves negotiation mode; needed before any other command. */
  async negotiate(): Promise<void> {
    await this.execute('qmp_capabilities');
  }

  execute(command: string, args: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    if (this.#closed) return Promise.reject(new Error(`QEMU has ended, cannot ${command}`));
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#channel.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`);
    });
  }

  #receive(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') this.#handle(JSON.parse(line));
  }

  #handle(reply: QmpReply): void {
    if (reply.event !== undefined) this.#onEvent(reply.event, reply.data ?? {});
    if (reply.id === undefined) return;
    const waiting = this.#pending.get(reply.id);
    this.#pending.delete(reply.id);
    if (reply.error === undefined) waiting?.resolve(reply.return);
    else waiting?.reject(new Error(`QEMU: ${reply.error.desc}`));
  }

  #close(): void {
    this.#closed = true;
    for (const { reject } of this.#pending.values()) reject(new Error('QEMU has ended'));
    this.#pending.clear();
  }
}
