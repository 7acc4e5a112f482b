/**
 * A wire between machines, for who cannot have a bridge: QEMU sends each frame as a UDP packet to a socket of ours, and what
 * one machine sends all others get. It never leaves the loopback device.
 *
 * QEMU's own multicast cannot be kept there: it joins the group on the interface of the default route.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { LabNic } from './engine.ts';

const LOOPBACK = '127.0.0.1';
/** Bytes the kernel keeps for us while we are busy; it may give less. */
const BUFFER = 4 * 2 ** 20;

export class Wire {
  readonly #hub: Socket;
  readonly #port: number;
  /** UDP ports of the cards. */
  readonly #plugs = new Set<number>();

  private constructor(hub: Socket) {
    this.#hub = hub;
    this.#port = hub.address().port;
    // A card whose machine is off refuses packets; that is no concern of the others.
    hub.on('error', () => undefined);
    hub.on('message', (frame, { port: from }) => {
      // Nobody else on this computer has a say.
      if (!this.#plugs.has(from)) return;
      for (const port of this.#plugs) if (port !== from) hub.send(frame, port, LOOPBACK);
    });
  }

  static async lay(): Promise<Wire> {
    const hub = await bound();
    try {
      hub.setRecvBufferSize(BUFFER);
      hub.setSendBufferSize(BUFFER);
    } catch {
      // It works with less, only slower.
    }
    return new Wire(hub);
  }

  /** A plug for one card. */
  async plug(): Promise<NonNullable<LabNic['wire']>> {
    const probe = await bound();
    const { port } = probe.address();
    probe.close();
    this.#plugs.add(port);
    return { hub: this.#port, port };
  }

  /** Takes it away; cards that are still plugged in hear nothing any more. */
  remove(): void {
    this.#hub.close();
  }
}

async function bound(): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, LOOPBACK);
  await once(socket, 'listening');
  return socket;
}
