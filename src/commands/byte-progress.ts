/** One line on a terminal that says how far a long read or write has come. */

export interface ByteProgress {
  readonly show: (done: number, total: number) => void;
  /** Removes the line; nothing is shown afterwards. */
  readonly clear: () => void;
}

const EVERY_MS = 200;

/** Silent unless standard error is a terminal. `what` is a verb: "reading". */
export function byteProgress(what: string, stream: NodeJS.WriteStream = process.stderr): ByteProgress {
  const begun = performance.now();
  let shown = begun;
  let over = !stream.isTTY;
  return {
    show(done, total) {
      const now = performance.now();
      if (over || now - shown < EVERY_MS) return;
      shown = now;
      const rate = done / 1e6 / ((now - begun) / 1000);
      const left = Math.ceil((total - done) / 1e6 / Math.max(rate, 0.001));
      const percent = Math.floor((100 * done) / Math.max(1, total));
      stream.write(`\r\x1b[K${what}: ${percent} %, ${rate.toFixed(0)} MB/s, ${left} s left`);
    },
    clear() {
      if (!over && shown !== begun) stream.write('\r\x1b[K');
      over = true;
    },
  };
}
