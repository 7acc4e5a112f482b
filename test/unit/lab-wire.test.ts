import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { Wire } from '../../src/lab/wire.ts';

describe('a wire between machines', () => {
  const sockets: Socket[] = [];
  /** A card as QEMU makes it of a plug. */
  async function card(port: number): Promise<Socket> {
    const socket = createSocket('udp4');
    sockets.push(socket);
    socket.bind(port, '127.0.0.1');
    await once(socket, 'listening');
    return socket;
  }
  const heard = async (socket: Socket): Promise<string> => String((await once(socket, 'message'))[0]);

  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.close();
  });

  it('gives everybody else what one sends, and takes nothing from strangers', async () => {
    const wire = await Wire.lay();
    try {
      const plugs = [await wire.plug(), await wire.plug(), await wire.plug()];
      assert.equal(new Set(plugs.map(({ port }) => port)).size, 3);
      const [one, two, three] = await Promise.all(plugs.map(({ port }) => card(port)));
      assert.ok(one !== undefined && two !== undefined && three !== undefined);
      const hub = plugs[0]?.hub;
      const stranger = await card(0);
      one.on('message', () => assert.fail('a card hears itself'));
      const all = Promise.all([heard(two), heard(three)]);
      stranger.send('strange', hub, '127.0.0.1');
      one.send('frame', hub, '127.0.0.1');
      assert.deepEqual(await all, ['frame', 'frame']);
    } finally {
      wire.remove();
    }
  });

  it('stays in use when a machine on it has lost its power', async () => {
    const wire = await Wire.lay();
    try {
      const plugs = [await wire.plug(), await wire.plug(), await wire.plug()];
      const [one, two] = await Promise.all(plugs.slice(0, 2).map(({ port }) => card(port)));
      assert.ok(one !== undefined && two !== undefined);
      for (const text of ['first', 'second']) {
        const next = heard(two);
        one.send(text, plugs[0]?.hub, '127.0.0.1');
        assert.equal(await next, text);
      }
    } finally {
      wire.remove();
    }
  });
});
