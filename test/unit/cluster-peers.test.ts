import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { deriveKeys } from '../../postinstall/cluster/keys.ts';
import { type Identity, type PeerLink, tcpPeers } from '../../postinstall/cluster/peer-link.ts';
import { type Exchange, isProof, proofOf, seal, unseal } from '../../postinstall/cluster/peer-protocol.ts';
import { StepFailure } from '../../src/engine/failure.ts';
import { joinSecret } from '../helpers/cluster-plan.ts';
import { fakeMachine } from '../helpers/fake-machine.ts';

const identity = (name: string, word = 'test', cluster = 'pair'): Identity => {
  const keys = deriveKeys(joinSecret(cluster, word));
  return { cluster, name, key: keys.peer, keyId: keys.id };
};

/** A port that was free a moment ago. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        typeof address === 'object' && address !== null ? resolve(address.port) : reject(),
      );
    });
  });
}

const failureOf = (work: Promise<unknown>): Promise<StepFailure> =>
  work.then(
    () => assert.fail('it was not refused'),
    (error: unknown) => (error instanceof StepFailure ? error : assert.fail(String(error))),
  );

describe('nodes that ask each other', () => {
  const PEER = { name: 'n2', address: '127.0.0.1' };
  let port: number;
  let link: PeerLink;
  let asked: string[];

  const serve = (self: Identity): Promise<void> =>
    tcpPeers(fakeMachine(), port).listen('127.0.0.1', self, () => async (question, from) => {
      asked.push(`${from} ${question.kind}`);
      if (question.kind === 'checksum') throw new Error('no such file');
      return { inventory: 'abc', clock: 12 };
    });

  beforeEach(async () => {
    port = await freePort();
    link = tcpPeers(fakeMachine(), port);
    asked = [];
  });

  it('get an answer when both hold the same join secret', async () => {
    await serve(identity('n2'));
    assert.deepEqual(await link.ask(identity('n1'), PEER, { kind: 'inventory' }), {
      inventory: 'abc',
      clock: 12,
    });
    assert.deepEqual(await link.ask(identity('n1'), PEER, { kind: 'checksum', file: '.proof' }), {
      error: 'no such file',
    });
    assert.deepEqual(asked, ['n1 inventory', 'n1 checksum']);
  });

  it('are waited for while nobody answers', async () => {
    const { failureClass, message } = await failureOf(link.ask(identity('n1'), PEER, { kind: 'inventory' }));
    assert.equal(failureClass, 'waiting-peer');
    assert.match(message, /^n2 does not answer at 127\.0\.0\.1: .*ECONNREFUSED/);
  });

  it('refuse another cluster, another secret and another node, each by name, and answer none of them', async () => {
    await serve(identity('n2'));
    const refusals = [
      [identity('n1', 'test', 'blue'), PEER, /^n2 belongs to cluster 'pair', and this node to 'blue'$/],
      [
        identity('n1', 'other'),
        PEER,
        /^n2 holds another join secret of cluster 'pair' \([0-9a-f]{16}, here [0-9a-f]{16}\)$/,
      ],
      [identity('n1'), { ...PEER, name: 'n3' }, /^127\.0\.0\.1 is n2, and not n3$/],
    ] as const;
    for (const [self, peer, words] of refusals) {
      const { failureClass, message } = await failureOf(link.ask(self, peer, { kind: 'inventory' }));
      assert.equal(failureClass, 'refused-foreign-data');
      assert.match(message, words);
    }
    assert.deepEqual(asked, []);
  });

  it('tell a person of a peer that asked with another secret and has given up since', async () => {
    const here = await freePort();
    const first = tcpPeers(fakeMachine(), here);
    await first.listen('127.0.0.1', identity('n1'), () => async () => ({}));
    await failureOf(
      tcpPeers(fakeMachine(), here).ask(
        identity('n2', 'other'),
        { name: 'n1', address: '127.0.0.1' },
        { kind: 'inventory' },
      ),
    );
    const gone = { name: 'n2', address: '127.0.0.2' };
    const failure = await failureOf(first.ask(identity('n1'), gone, { kind: 'inventory' }));
    assert.equal(failure.failureClass, 'waiting-operator');
    assert.match(
      failure.message,
      /^n2 does not answer at 127\.0\.0\.2: .*; and n2 holds another join secret/,
    );
  });

  it('do not believe one that only knows what the secret is called', async () => {
    await serve({ ...identity('n2', 'other'), keyId: identity('n2').keyId });
    const { failureClass, message } = await failureOf(link.ask(identity('n1'), PEER, { kind: 'inventory' }));
    assert.equal(failureClass, 'refused-foreign-data');
    assert.match(message, /cannot prove that it holds the join secret/);
    assert.deepEqual(asked, []);
  });

  it('are waited for when they hang up, talk nonsense or never end a line', async () => {
    const answers: ((socket: Socket) => void)[] = [
      (socket) => socket.end(),
      (socket) => socket.write('GET / HTTP/1.0\n'),
      (socket) => socket.write('x'.repeat(200_000)),
    ];
    for (const answer of answers) {
      const server = createServer((socket) => {
        socket.on('error', () => {});
        socket.once('data', () => answer(socket));
      });
      const at = await freePort();
      await new Promise<void>((resolve) => server.listen(at, '127.0.0.1', resolve));
      const asking = tcpPeers(fakeMachine(), at).ask(identity('n1'), PEER, { kind: 'inventory' });
      assert.equal((await failureOf(asking)).failureClass, 'waiting-peer');
      server.close();
    }
  });
});

describe('proofs between nodes', () => {
  const exchange: Exchange = {
    key: identity('n1').key,
    hello: { protocol: 1, cluster: 'pair', from: 'n1', to: 'n2', keyId: 'k', nonce: 'a' },
    nonce: 'b',
  };

  it('hold for one purpose, one direction, one pair of nonces and one text', () => {
    const proof = proofOf(exchange, 'question', '{}');
    assert.ok(isProof(exchange, 'question', '{}', proof));
    const others: readonly (readonly [Exchange, 'question' | 'answer', string])[] = [
      [exchange, 'answer', '{}'],
      [exchange, 'question', '{"a":1}'],
      [{ ...exchange, nonce: 'c' }, 'question', '{}'],
      [{ ...exchange, hello: { ...exchange.hello, nonce: 'c' } }, 'question', '{}'],
      [{ ...exchange, hello: { ...exchange.hello, from: 'n2', to: 'n1' } }, 'question', '{}'],
      [{ ...exchange, key: identity('n1', 'other').key }, 'question', '{}'],
    ];
    for (const [other, purpose, body] of others) assert.ok(!isProof(other, purpose, body, proof));
    for (const wrong of [undefined, '', proof.toUpperCase(), proof.slice(2), 7])
      assert.ok(!isProof(exchange, 'question', '{}', wrong));
  });

  it('are broken by a body that was changed on the way', () => {
    const sealed = seal(exchange, 'answer', { granted: false });
    assert.deepEqual(unseal(exchange, 'answer', JSON.parse(JSON.stringify(sealed))), { granted: false });
    assert.throws(() => unseal(exchange, 'answer', { ...sealed, body: { granted: true } }), /not proven/);
  });
});

describe('the keys of a cluster', () => {
  it('follow from the join secret alone (HKDF-SHA256), and differ for every purpose, cluster and secret', () => {
    const keys = deriveKeys(joinSecret());
    assert.deepEqual(deriveKeys(joinSecret()), keys);
    const texts = ({ peer, corosync, pacemaker, replication, id }: typeof keys): readonly string[] => [
      ...[peer, corosync, pacemaker].map((bytes) => Buffer.from(bytes).toString('hex')),
      replication,
      id,
    ];
    const all = [keys, deriveKeys(joinSecret('blue')), deriveKeys(joinSecret('pair', 'other'))].flatMap(
      texts,
    );
    assert.equal(new Set(all.map((text) => text.slice(0, 16))).size, all.length);
    assert.ok(!all.join().includes(joinSecret().secret.slice(0, 16)));
    assert.deepEqual([keys.corosync.length, keys.pacemaker.length, keys.peer.length], [256, 256, 32]);
    // DRBD takes 64 characters at most.
    assert.match(keys.replication, /^[0-9a-f]{48}$/);
  });

  it('are those that OpenSSL derives', () => {
    // openssl kdf -keylen 8 -kdfopt digest:SHA256 -kdfopt hexkey:SECRET -kdfopt salt:pair -kdfopt info:slipway/1/id HKDF
    assert.equal(deriveKeys(joinSecret()).id, '0fc995444cdbe515');
  });
});
