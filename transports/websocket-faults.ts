/** A fault in a frame: the code and the words of the `ws` package, which logs and tests know, and the close code that answers it. */
export interface FrameFault {
  readonly code: string;
  readonly reason: string;
  /** RFC 6455, 7.4.1. */
  readonly status: number;
}

const invalid = (code: string, words: string): FrameFault => ({
  code: `WS_ERR_${code}`,
  reason: `Invalid WebSocket frame: ${words}`,
  status: 1002,
});

export const RSV_2_3 = invalid('UNEXPECTED_RSV_2_3', 'RSV2 and RSV3 must be clear');
export const RSV_1 = invalid('UNEXPECTED_RSV_1', 'RSV1 must be clear');
export const NOT_FINAL = invalid('EXPECTED_FIN', 'FIN must be set');
export const UNMASKED = invalid('EXPECTED_MASK', 'MASK must be set');
export const MASKED = invalid('UNEXPECTED_MASK', 'MASK must be clear');
export const unknownOpcode = (opcode: number): FrameFault => invalid('INVALID_OPCODE', `invalid opcode ${opcode}`);
export const controlTooLong = (bytes: number): FrameFault =>
  invalid('INVALID_CONTROL_PAYLOAD_LENGTH', `invalid payload length ${bytes}`);
export const badStatus = (status: number): FrameFault => invalid('INVALID_CLOSE_CODE', `invalid status code ${status}`);
export const BAD_UTF8: FrameFault = { ...invalid('INVALID_UTF8', 'invalid UTF-8 sequence'), status: 1007 };
export const TOO_LONG: FrameFault = {
  code: 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH',
  reason: 'Max payload size exceeded',
  status: 1009,
};
export const BEYOND_INTEGERS: FrameFault = {
  code: 'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH',
  reason: 'Unsupported WebSocket frame: payload length > 2^53 - 1',
  status: 1009,
};

/** Whether a close frame may carry this code (RFC 6455, 7.4, and the registry that it founds). */
export function isReceivableStatus(status: number): boolean {
  if (status >= 1000 && status <= 1014) return status !== 1004 && status !== 1005 && status !== 1006;
  return status >= 3000 && status <= 4999;
}
