/** What is the same in the lines of all steps and free rows, in UTF-8, in the order in which a line has it. */

import { utf8 } from './bytes.ts';
import { RECORD_VERSION } from './record.ts';

export const SEQ: Uint8Array = utf8(`{"v":${RECORD_VERSION},"seq":`);
export const TIME: Uint8Array = utf8(',"time":');
/** A step's own, and a free row's. */
export const STEP_KIND: Uint8Array = utf8(',"kind":"step","n":');
export const LOG_KIND: Uint8Array = utf8(',"kind":"log"');
export const STEP: Uint8Array = utf8(',"step":');
export const METRICS: Uint8Array = utf8(',"metrics":{');
export const ROW_END: Uint8Array = utf8('}}\n');
