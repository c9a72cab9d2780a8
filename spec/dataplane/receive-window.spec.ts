import { ReceiveWindow } from '../../machines/dataplane/receive-window.js';

test.each([2 ** 20, 2 ** 32, 2 ** 40])(
  '[RES-10] dataplane/receive window: credit is sent once a quarter of %d bytes is free, and not before',
  (receiveBytesMax) => {
    const receipts = new ReceiveWindow({ receiveBytesMax, ackEveryBytes: 1000, ackDelayMs: 20 }, 1);
    expect([receipts.credit(), receipts.credit()]).toEqual([receiveBytesMax, undefined]);
    receipts.accept(1, receiveBytesMax / 4 - 64, false, 0);
    expect([receipts.credit(), receipts.credit()]).toEqual([receiveBytesMax * 1.25, undefined]);
  },
);
