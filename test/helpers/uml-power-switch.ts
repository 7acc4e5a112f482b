/**
 * The power switch of a pair, inside of its network namespace: `GET /<action>/<plug>` answers `on` or `off`. What a
 * plug is connected to is the parent's to know: it is asked by messages.
 */
import { createServer } from 'node:http';

const waiting = new Map<number, (state: string) => void>();
let last = 0;

process.on('message', ({ id, state }: { id: number; state: string }) => {
  waiting.get(id)?.(state);
  waiting.delete(id);
});
process.on('disconnect', () => process.exit(0));

createServer((request, response) => {
  const [, action, plug] = (request.url ?? '').split('/');
  last += 1;
  waiting.set(last, (state) => {
    response.statusCode = state === 'fault' ? 500 : 200;
    response.end(`${state}\n`);
  });
  process.send?.({ id: last, action, plug });
}).listen(Number(process.argv[3]), process.argv[2], () => process.send?.({ id: 0, action: 'listening' }));
